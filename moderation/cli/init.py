"""`moderation init`: create the state of the service, or migrate it."""

import click

from moderation.actions.moderators import list_moderators
from moderation.actions.secret import ReplacedSecret
from moderation.actions.services import Services
from moderation.actions.sites import bootstrap, list_sites
from moderation.cli._options import generate_password
from moderation.cli._output import echo_status
from moderation.cli.serve import public_url
from moderation.domain.errors import ModelUnavailable
from moderation.domain.site import Site
from moderation.settings import Settings, shipped_file
from moderation.wiring import prepare, replace_secret

DEFAULT_SITE_URL = "https://blog.example"
DEFAULT_MODERATOR_NAME = "moderator"


@click.command()
@click.option("--site", "url", metavar="URL", help=f"Address of the first site (default: {DEFAULT_SITE_URL}).")
@click.option(
    "--moderator", "name", metavar="NAME", help=f"Name of the first moderator (default: {DEFAULT_MODERATOR_NAME})."
)
@click.option(
    "--new-secret", is_flag=True, help="Replace a lost secret. Site keys, sessions and callback keys stop working."
)
def init(url: str | None, name: str | None, new_secret: bool) -> None:
    """Create the state folder, the secret and the database, or migrate an older database.

    An empty database gets one site and one moderator. Their key and password are shown only once.
    A second run changes nothing and lists the sites and moderators.
    """
    settings = Settings.from_environment()
    if new_secret:
        _print_replaced(replace_secret(settings))
    services = prepare(settings)
    password = generate_password()
    try:
        credentials = bootstrap(services, url or DEFAULT_SITE_URL, name or DEFAULT_MODERATOR_NAME, password)
        if credentials is None:
            _print_existing(services, url, name)
        else:
            _print_credentials(*credentials, name or DEFAULT_MODERATOR_NAME, password)
        _print_addresses(services, settings)
    finally:
        services.engine.dispose()


def _print_credentials(site: Site, key: str, name: str, password: str) -> None:
    click.echo("The database is created. The key and the password are shown only once.")
    _print_facts({"Site": site.url, "Key": key, "Moderator": name, "Password": password})


def _print_replaced(replaced: ReplacedSecret) -> None:
    click.echo("The secret is replaced. These no longer work:")
    _print_facts(
        {
            "Site keys": f"of {replaced.sites} sites  (new key: moderation site rotate-key URL)",
            "Sessions": "of all moderators  (sign in again)",
            "TOTP": f"of {replaced.totp} moderators  (recovery codes work; moderation moderator reset-totp NAME)",
            "Callbacks": f"of {replaced.callbacks} held comments  (their blogs do not receive the outcome)",
        }
    )
    click.echo("Restart the service if it is running.")


def _print_existing(services: Services, url: str | None, name: str | None) -> None:
    click.echo("The database exists.")
    sites = ", ".join(site.url for site in list_sites(services)) or "none"
    moderators = ", ".join(moderator.name for moderator in list_moderators(services)) or "none"
    _print_facts(
        {
            "Sites": f"{sites}  (new key: moderation site rotate-key URL)",
            "Moderators": f"{moderators}  (new password: moderation moderator reset NAME)",
        }
    )
    if url or name:
        echo_status("Nothing was added: use `moderation site add URL` and `moderation moderator add NAME`.")


def _print_addresses(services: Services, settings: Settings) -> None:
    base_url = public_url(settings.host, settings.port)
    try:
        model = services.live_model.current().id
    except ModelUnavailable as error:
        model = f"none  ({error})"
    _print_facts(
        {
            "Model": model,
            "Comments": f"{base_url}/v1/score",
            "Sign in": f"{base_url}/queue",
            "Examples": str(shipped_file("data/starter.csv")),
        }
    )


def _print_facts(facts: dict[str, str]) -> None:
    for name, value in facts.items():
        click.echo(f"  {name:<11}{value}")
