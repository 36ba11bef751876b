"""`moderation rollback`."""

import click

from moderation.actions.models import roll_back
from moderation.assembly import open_shelf
from moderation.settings import Settings


@click.command(name="rollback")
def command() -> None:
    """Go back to the model that was live before."""
    click.echo(f"The model {roll_back(open_shelf(Settings.from_environment()))} is live again.")
