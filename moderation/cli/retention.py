"""`moderation site retention` and `moderation purge`: how comments are kept, and the deletion of their contents."""

from dataclasses import asdict, replace

import click

from moderation.actions.retention import purge_comments, set_retention
from moderation.actions.sites import find_site
from moderation.cli._options import as_json, opened_services, url_argument
from moderation.cli._output import print_json, print_table
from moderation.domain.retention import DEFAULT_RETENTION, MAX_DAYS, Form, Retention
from moderation.domain.thresholds import Verdict

FOR_GOOD = "forever"

_form = click.Choice([form.value for form in Form])
_FIELDS = {"text": "the text and the title of the page", "name": "the name", "url": "the web address"}
_FIELDS["email"] = "the e-mail address and the author's id"


def parse_days(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | str | None:
    """Return a number of days, or `FOR_GOOD`. Raises `click.BadParameter` for any other text."""
    if text is None or text == FOR_GOOD:
        return text
    if not (text.isascii() and text.isdecimal() and int(text[:9]) <= MAX_DAYS):
        raise click.BadParameter(f"write a number of days up to {MAX_DAYS}, or {FOR_GOOD}.")
    return int(text)


@click.command()
@url_argument
@click.option("--published", metavar="DAYS", callback=parse_days, help="Days for published comments, or forever.")
@click.option("--held", metavar="DAYS", callback=parse_days, help="Days for held comments that were never decided.")
@click.option("--spam", metavar="DAYS", callback=parse_days, help="Days for spam.")
@click.option("--discarded", metavar="DAYS", callback=parse_days, help="Days for discarded comments.")
@click.option("--text", type=_form, help="Later form of the text.")
@click.option("--name", type=_form, help="Later form of the name.")
@click.option(
    "--email",
    type=_form,
    help="Later form of the e-mail address and the author's id.",
)
@click.option("--url", "address", type=_form, help="Later form of the author's web address.")
@click.option("--contact", metavar="TEXT", help="Whom readers can ask, for the public page about privacy.")
@click.option("--reset", is_flag=True, help="Return to the default, but for the contact.")
@as_json
def retention(url: str, reset: bool, as_json: bool, **options: str | int | None) -> None:
    """Show or change how long the comments of the site at URL are stored as they came.

    After the days of its verdict, each field of a comment is kept in its later form: full, digest or nothing. Values
    that are left out do not change.
    """
    with opened_services() as services:
        site = find_site(services, url)
        current = replace(DEFAULT_RETENTION, contact=site.retention.contact) if reset else site.retention
        changed = current.changed(_changes(options))
        if changed != site.retention:
            site = set_retention(services, url, changed)
    if as_json:
        print_json({"url": site.url, **asdict(site.retention)})
    else:
        print_table(("KEPT", "FOR"), _rows(site.url, site.retention))


@click.command()
@click.option("--site", "url", metavar="URL", help="Of this site only.")
@click.option("--dry-run", is_flag=True, help="Count only.")
@as_json
def purge(url: str | None, dry_run: bool, as_json: bool) -> None:
    """Delete the contents of comments that their sites have kept long enough.

    The service does so every hour. It may run meanwhile: each write changes a few comments.
    """
    with opened_services() as services:
        counts = purge_comments(services, find_site(services, url) if url else None, dry_run=dry_run)
    if as_json:
        print_json([asdict(count) for count in counts])
        return
    verb = "are due" if dry_run else "were purged"
    for count in counts:
        click.echo(f"{count.url}: {count.comments:,} comments {verb}.")
    if not counts:
        click.echo("Nothing is due.")


def _changes(options: dict[str, str | int | None]) -> dict[str, object]:
    names = {"published": "publish_days", "held": "review_days", "spam": "spam_days", "discarded": "discard_days"}
    names |= {"address": "url"}
    given = {names.get(name, name): value for name, value in options.items() if value is not None}
    return {name: None if name.endswith("_days") and value == FOR_GOOD else value for name, value in given.items()}


def _rows(url: str, kept: Retention) -> list[tuple[str, str]]:
    verdicts = {Verdict.PUBLISH: "published", Verdict.REVIEW: "held", Verdict.SPAM: "spam"}
    verdicts |= {Verdict.DISCARD: "discarded"}
    days = [(name, "for good" if (n := kept.days_of(each)) is None else f"{n} days") for each, name in verdicts.items()]
    later = [(f"later, {words}", getattr(kept, name).value) for name, words in _FIELDS.items()]
    return [("site", url), *days, *later, ("contact", kept.contact or "none")]
