"""`moderation site`: manage sites, their keys and the settings of their Akismet client."""

from typing import TextIO

import click

from moderation.actions import callbacks, sites
from moderation.actions.audit import DEFAULT_DAYS, audit_report
from moderation.actions.coral import set_coral_secret
from moderation.actions.label_content import count_lessons
from moderation.actions.rollout import RolloutStatus, rollout_statuses
from moderation.cli._options import as_json, opened_services, url_argument
from moderation.cli._output import echo_status, print_json, print_table
from moderation.cli.retention import retention
from moderation.cli.site_thresholds import budget, recalibrate, rollout_mode, thresholds
from moderation.domain.coral import MAX_SECRET_LENGTH
from moderation.domain.site import AkismetReviewSettings, OnError, ReviewAction, Site
from moderation.web.api.schemas import AkismetReviewResponse, SiteResponse


@click.group()
def site() -> None:
    """Manage the sites that may send comments: keys, thresholds, budgets."""


site.add_command(thresholds)
site.add_command(budget)
site.add_command(rollout_mode)
site.add_command(recalibrate)
site.add_command(retention)


@site.command()
@url_argument
@click.option("--key", metavar="12HEX", help="Use this key of 12 hexadecimal digits instead of a random one.")
@as_json
def add(url: str, key: str | None, as_json: bool) -> None:
    """Add the blog at URL. Its key is shown only once."""
    with opened_services() as services:
        new_site, new_key = sites.add_site(services, url, key)
    _print_key(new_site.url, new_key, as_json)


@site.command(name="list")
@as_json
def list_sites(as_json: bool) -> None:
    """List the sites with their stages and thresholds.

    A dash instead of a stage means that the site has set its own thresholds.
    """
    with opened_services() as services:
        statuses = rollout_statuses(services)
    if as_json:
        print_json([SiteResponse.model_validate(status) for status in statuses])
    else:
        print_table(("SITE", "STAGE", "REVIEW", "SPAM", "DISCARD", "SINCE", "PROTECTION"), map(_table_row, statuses))


@site.command()
@url_argument
@click.option(
    "--days", type=click.IntRange(1, 3650), default=DEFAULT_DAYS, show_default=True, help="Days that the audit covers."
)
@as_json
def show(url: str, days: int, as_json: bool) -> None:
    """Show how many labels of the blog at URL teach its scores, and what the random audit says of loss and catch.

    A label whose comment's features are missing teaches nothing; `moderation init` makes them from the text.
    """
    with opened_services() as services:
        blog = sites.find_site(services, url)
        teaching, missing = count_lessons(services, blog)
        report = audit_report(services, blog, days)
    if as_json:
        counts = {"labels_that_teach": teaching, "labels_without_features": missing}
        print_json({"url": blog.url, **counts, "audit": report.as_json()})
    else:
        click.echo(f"{blog.url}: labels that teach its scores {teaching:,}; labels without features {missing:,}")
        click.echo(f"{blog.url}: {report}")


@site.command()
@url_argument
@as_json
def rotate_key(url: str, as_json: bool) -> None:
    """Create a new key for the blog at URL. The previous key works until the next rotation."""
    with opened_services() as services:
        address, new_key = sites.find_site(services, url).url, sites.rotate_key(services, url)
    _print_key(address, new_key, as_json)


@site.command()
@url_argument
def remove(url: str) -> None:
    """Remove the blog at URL. Its comments and their labels stay."""
    with opened_services() as services:
        sites.remove_site(services, url)
    click.echo(f"{url} is removed; its keys no longer work.")


@site.command()
@url_argument
@click.option(
    "--review",
    "action",
    type=click.Choice([action.value for action in ReviewAction]),
    help="What the blog does with a comment that waits for a moderator.",
)
@click.option("--hold-seconds", type=int, help="Time to decide; after twice this time the blog publishes.")
@click.option(
    "--private-callback/--no-private-callback",
    "private_callback",
    default=None,
    help="Whether the blog may be called at a private or loopback address.",
)
@click.option(
    "--vouches-for-authors/--no-vouches-for-authors",
    "vouches_for_authors",
    default=None,
    help="Whether rules for authors apply to the user_id and user_role that the client sends.",
)
@click.option("--retry-callbacks", is_flag=True, help="Send the results again that could not be delivered.")
@as_json
def akismet(
    url: str,
    action: str | None,
    hold_seconds: int | None,
    private_callback: bool | None,
    vouches_for_authors: bool | None,
    retry_callbacks: bool,
    as_json: bool,
) -> None:
    """Show or change the review settings of an Akismet client.

    They say how the blog at URL keeps comments that wait for a moderator. Settings that are left out do not change.
    """
    with opened_services() as services:
        blog = sites.find_site(services, url)
        current = blog.akismet_review
        changed = AkismetReviewSettings(
            current.action if action is None else ReviewAction(action),
            current.hold_seconds if hold_seconds is None else hold_seconds,
            current.private_callback if private_callback is None else private_callback,
            current.vouches_for_authors if vouches_for_authors is None else vouches_for_authors,
        )
        if changed != current:
            blog = sites.set_akismet_review(services, url, changed)
        if retry_callbacks:
            echo_status(f"{callbacks.retry_failed(services, blog)} results will be sent again.")
    origin = blog.plugin.rejected_origin
    if as_json:
        review_settings = AkismetReviewResponse.model_validate(blog.akismet_review)
        print_json({"url": blog.url, "akismet": review_settings, "rejected_origin": origin or None})
        return
    click.echo(_describe_akismet_review(blog))
    if origin:
        click.echo(callbacks.describe_rejected_origin(blog.url, origin))


@site.command()
@url_argument
@click.argument(
    "value", metavar="[review|publish|error]", required=False, type=click.Choice([value.value for value in OnError])
)
@as_json
def on_error(url: str, value: str | None, as_json: bool) -> None:
    """Show or change the answer to the blog at URL for a comment that cannot be judged.

    That is so while no model can be loaded or the database stores nothing.
    """
    with opened_services() as services:
        blog = sites.find_site(services, url) if value is None else sites.set_on_error(services, url, OnError(value))
    if as_json:
        print_json({"url": blog.url, "on_error": blog.on_error})
    else:
        click.echo(f"{blog.url}: a comment that cannot be judged gets the answer {blog.on_error}")


@site.command()
@url_argument
@click.option(
    "--secret-file", type=click.File("r", encoding="utf-8"), help="Read Coral's signing secret from here; - is stdin."
)
@click.option("--remove", is_flag=True, help="Answer Coral no longer.")
@as_json
def coral(url: str, secret_file: TextIO | None, remove: bool, as_json: bool) -> None:
    """Show the path for a moderation phase of Coral, or set the secret by which Coral signs its requests.

    Coral makes the secret with the phase, and a new one at each rotation.
    """
    if remove and secret_file is not None:
        raise click.UsageError("Give either --secret-file or --remove.")
    with opened_services() as services:
        blog = sites.find_site(services, url)
        if remove or secret_file is not None:
            # One character more than a secret has, so that a file of any size is read as one that is too long.
            secret = None if secret_file is None else secret_file.read(MAX_SECRET_LENGTH + 2)
            blog = set_coral_secret(services, url, secret)
    path, has_secret = f"{services.public_url}/coral/{blog.id}", bool(blog.encrypted_coral_secret)
    if as_json:
        print_json({"url": blog.url, "path": path, "has_secret": has_secret})
    else:
        click.echo(f"{blog.url}: Coral asks at {path}; {'its secret is set' if has_secret else 'no secret is set yet'}")


def _print_key(url: str, key: str, as_json: bool) -> None:
    if as_json:
        print_json({"url": url, "key": key})
    else:
        click.echo(f"Site  {url}\nKey   {key}  (shown only once)")


def _table_row(status: RolloutStatus) -> tuple[str, ...]:
    in_force = status.thresholds
    values = (f"{in_force.review:g}", f"{in_force.spam:g}", f"{in_force.discard:g}") if in_force else ("", "", "")
    stage = status.calibration.stage if status.calibration else "-"
    return status.site.url, stage, *values, f"{status.site.created_at:%Y-%m-%d}", status.protection


def _describe_akismet_review(blog: Site) -> str:
    settings = blog.akismet_review
    may = "may" if settings.private_callback else "may not"
    vouches = "vouches" if settings.vouches_for_authors else "does not vouch"
    return (
        f"{blog.url}: review means {settings.action}; a moderator has {settings.hold_seconds} seconds to decide; "
        f"the blog {may} be called at a private address, and {vouches} for the ids and roles of its authors"
    )
