"""`moderation alarms`: examine sites, and show which are unlike before or lose too much ham."""

import click

from moderation.actions.alarms import list_alarms, watch_site
from moderation.actions.sites import find_site, list_sites
from moderation.cli._options import as_json, opened_services
from moderation.cli._output import print_json, print_table
from moderation.domain.alarms import Alarm


@click.command()
@click.argument("url", required=False)
@as_json
def alarms(url: str | None, as_json: bool) -> None:
    """Examine the site at URL, or all sites, and show their alarms.

    The service does so every hour.
    """
    with opened_services() as services:
        chosen = list_sites(services) if url is None else [find_site(services, url)]
        for site in chosen:
            watch_site(services, site.url)
        found = list_alarms(services, chosen[0] if url else None)
    if as_json:
        print_json(list(map(_plain, found)))
    elif found:
        rows = [(alarm.site_url, alarm.kind.value, f"{alarm.since:%Y-%m-%d %H:%M}", alarm.detail) for alarm in found]
        print_table(("SITE", "ALARM", "SINCE", "DETAIL"), rows)
    else:
        click.echo("No alarms.")


def _plain(alarm: Alarm) -> dict[str, str]:
    since = alarm.since.isoformat()
    return {"site": alarm.site_url, "alarm": alarm.kind.value, "since": since, "detail": alarm.detail}
