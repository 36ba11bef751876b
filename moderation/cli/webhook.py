"""`moderation webhook`: receivers of events: held comments, labels and alarms."""

import click

from moderation.actions import webhooks
from moderation.actions.webhooks import NewSecret
from moderation.cli._options import as_json, opened_services, url_argument
from moderation.cli._output import print_json, print_table
from moderation.domain.webhooks import Webhook, WebhookEvent

_id_argument = click.argument("webhook_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))


@click.group()
def webhook() -> None:
    """Manage the receivers of events: held comments, labels and alarms."""


@webhook.command()
@url_argument
@click.option(
    "--event",
    "events",
    type=click.Choice([event.value for event in WebhookEvent]),
    multiple=True,
    required=True,
    help="An event to send; may be repeated.",
)
@click.option("--site", metavar="URL", help="Send the events of this site only.")
@click.option("--private", "allow_private", is_flag=True, help="Allow a private address, such as one of this machine.")
@as_json
def add(url: str, events: tuple[str, ...], site: str | None, allow_private: bool, as_json: bool) -> None:
    """Send events to URL. The secret that verifies them is shown only once."""
    with opened_services() as services:
        wanted = tuple(map(WebhookEvent, events))
        new = webhooks.add_webhook(services, url, wanted, site_url=site, allow_private=allow_private)
    _print_secret(new, as_json)


@webhook.command(name="list")
@as_json
def list_webhooks(as_json: bool) -> None:
    """List the webhooks, with their waiting and their abandoned messages."""
    with opened_services() as services:
        found = webhooks.list_webhooks(services)
    if as_json:
        print_json(list(map(_plain, found)))
    else:
        header = ("ID", "URL", "EVENTS", "SITE", "WAITING", "GIVEN UP", "LAST ERROR")
        print_table(header, map(_table_row, found))


@webhook.command()
@_id_argument
@as_json
def rotate(webhook_id: int, as_json: bool) -> None:
    """Give webhook ID a new secret. Messages are signed by the former one, too, for 24 hours."""
    with opened_services() as services:
        new = webhooks.rotate_secret(services, webhook_id)
    _print_secret(new, as_json)


@webhook.command()
@_id_argument
def retry(webhook_id: int) -> None:
    """Send the messages again that were given up after three days of retries."""
    with opened_services() as services:
        number = webhooks.retry_webhook(services, webhook_id)
    click.echo(f"Messages to be sent again: {number}.")


@webhook.command()
@_id_argument
def remove(webhook_id: int) -> None:
    """Remove webhook ID, with the messages that wait for it."""
    with opened_services() as services:
        webhooks.remove_webhook(services, webhook_id)
    click.echo(f"Webhook {webhook_id} is removed.")


def _plain(found: Webhook) -> dict[str, object]:
    return {
        "id": found.id,
        "url": found.url,
        "events": found.events,
        "site": found.site_url,
        "private": found.allow_private,
        "created_at": found.created_at.isoformat(),
        "waiting": found.pending,
        "given_up": found.abandoned,
        "last_error": found.last_error,
    }


def _table_row(found: Webhook) -> tuple[str, ...]:
    events, site = " ".join(found.events), found.site_url or "all"
    return str(found.id), found.url, events, site, str(found.pending), str(found.abandoned), found.last_error or "-"


def _print_secret(new: NewSecret, as_json: bool) -> None:
    if as_json:
        print_json({"id": new.webhook_id, "secret": new.secret})
    else:
        click.echo(f"Webhook  {new.webhook_id}\nSecret   {new.secret}  (shown only once)")
