"""`moderation init`."""

import click

from moderation.actions.access import admit_first, list_moderators, list_sites
from moderation.actions.desk import Desk
from moderation.assembly import prepare
from moderation.cli.addresses import origin
from moderation.cli.passwords import made_up
from moderation.domain.errors import ModelRefused
from moderation.domain.site import Site
from moderation.settings import Settings

FIRST_SITE = "https://blog.example"
FIRST_MODERATOR = "moderator"


@click.command(name="init")
@click.option("--site", "url", metavar="URL", help=f"Address of the first site, else {FIRST_SITE}.")
@click.option("--moderator", "name", metavar="NAME", help=f"Name of the first moderator, else {FIRST_MODERATOR}.")
def command(url: str | None, name: str | None) -> None:
    """Make what is missing: the folder, the secret, the database; bring an older one up to date.

    A database without any site and moderator gets one of each, with a key and a password that are shown only then.
    Run again, it changes nothing and says what is there.
    """
    settings = Settings.from_environment()
    desk = prepare(settings)
    password = made_up()
    try:
        first = admit_first(desk, url or FIRST_SITE, name or FIRST_MODERATOR, password)
        if first is None:
            _tell_what_is_there(desk, url, name)
        else:
            _tell_the_first(*first, name or FIRST_MODERATOR, password)
        _tell_where(desk, settings)
    finally:
        desk.engine.dispose()


def _tell_the_first(site: Site, key: str, name: str, password: str) -> None:
    click.echo("The database is made. The key and the password are shown only now.")
    _facts({"Site": site.url, "Key": key, "Moderator": name, "Password": password})


def _tell_what_is_there(desk: Desk, url: str | None, name: str | None) -> None:
    click.echo("The database is there.")
    sites = ", ".join(site.url for site in list_sites(desk)) or "none"
    moderators = ", ".join(moderator.name for moderator in list_moderators(desk)) or "none"
    _facts(
        {
            "Sites": f"{sites}  (another key: moderation site rotate-key URL)",
            "Moderators": f"{moderators}  (another password: moderation moderator reset NAME)",
        }
    )
    if url or name:
        click.echo("Nothing was added: use `moderation site add URL` and `moderation moderator add NAME`.", err=True)


def _tell_where(desk: Desk, settings: Settings) -> None:
    here = origin(settings.host, settings.port)
    try:
        model = desk.live.current().id
    except ModelRefused as error:
        model = f"none  ({error})"
    _facts({"Model": model, "Comments": f"{here}/v1/score", "Sign in": f"{here}/queue"})


def _facts(facts: dict[str, str]) -> None:
    for name, value in facts.items():
        click.echo(f"  {name:<11}{value}")
