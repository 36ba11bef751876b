"""`moderation backup` and `moderation restore`: save the whole state, and put it back."""

from datetime import UTC, datetime
from pathlib import Path

import click

from moderation.actions.archive import CURRENT_MODEL, Manifest
from moderation.actions.backup import StatePaths, back_up
from moderation.actions.restore import Restored
from moderation.actions.restore import restore as restore_state
from moderation.cli._options import as_json
from moderation.cli._output import echo_status, print_json
from moderation.settings import Settings

_MEGABYTE = 1_000_000


def state_paths(settings: Settings) -> StatePaths:
    """Return the places of the state that the settings name."""
    return StatePaths(settings.var, settings.models, settings.database, settings.busy_timeout_seconds)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json
def backup(file: Path, as_json: bool) -> None:
    """Save the database, the secret and the models in the tar archive FILE, and read it back to verify it.

    The service may run. FILE holds the secret: only its owner may read it. With PostgreSQL, the database is not in it,
    and the command for `pg_dump` is printed.
    """
    manifest = back_up(state_paths(Settings.from_environment()), file, datetime.now(UTC))
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    size = sum(member.size for member in manifest.members.values()) / _MEGABYTE
    click.echo(f"{file} is written and verified: {_content(manifest)}, {size:.1f} MB.")
    if manifest.dump_command is not None:
        echo_status(f"The database is not in it. Save it too:\n  {manifest.dump_command}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace what exists; it is kept in a dated folder.")
def restore(file: Path, replace: bool) -> None:
    """Put the database, the secret and the models of the archive FILE in place, all of them or none.

    The service must be stopped. Models that the archive lacks stay. With PostgreSQL, the command for `pg_restore` is
    printed.
    """
    restored = restore_state(state_paths(Settings.from_environment()), file, datetime.now(UTC), replace=replace)
    manifest = restored.manifest
    click.echo(f"Restored {_content(manifest)}, as of {manifest.created_at:%Y-%m-%d %H:%M} UTC.")
    _print_rest(restored)


def _print_rest(restored: Restored) -> None:
    for folder in restored.kept:
        click.echo(f"The former files are in {folder}.")
    if restored.load_command is not None:
        click.echo(f"The database is not in the archive. Load its dump:\n  {restored.load_command}")
    click.echo("Run `moderation init` to migrate an older database, then start the service.")


def _content(manifest: Manifest) -> str:
    models = sum(name.endswith("/card.json") for name in manifest.members)
    parts = ["the database"] if manifest.database == "sqlite" else []
    live = "" if CURRENT_MODEL in manifest.members else ", none of them live"
    return ", ".join([*parts, "the secret", f"{models} model{'' if models == 1 else 's'}{live}"])
