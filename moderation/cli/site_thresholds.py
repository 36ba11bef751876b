"""`moderation site thresholds`, `budget`, `rollout` and `recalibrate`: how much a site holds and blocks."""

from dataclasses import asdict

import click

from moderation.actions import rollout, sites
from moderation.actions.rollout import RolloutStatus, rollout_status, set_budget, set_rollout, thresholds_for
from moderation.actions.services import Services
from moderation.cli._options import as_json, opened_services, url_argument
from moderation.cli._output import print_json
from moderation.domain.budget import Budget, Calibration, RolloutMode, format_percent
from moderation.domain.comment_types import PRIVATE_TYPES, REACTION_TYPES
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.web.api.schemas import RolloutResponse, SiteResponse

_RESET_CONFLICT = "--reset cannot be combined with other values."


def parse_rate(text: str) -> float:
    """Return a rate that is written as `1/200`, `0.005` or `0.5%`. Raises `click.BadParameter` for anything else."""
    number, _, divisor = text.strip().removesuffix("%").partition("/")
    try:
        rate = float(number) / float(divisor or 1)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{text!r} is not a rate; write 1/200, 0.005 or 0.5%.") from None
    return rate / 100 if text.strip().endswith("%") else rate


@click.command()
@url_argument
@click.option("--review", type=float, help="Probability from which comments are held for a moderator.")
@click.option("--spam", type=float, help="Probability from which comments are spam.")
@click.option("--discard", type=float, help="Probability from which comments are deleted without review.")
@click.option("--type", "comment_type", metavar="TYPE", help="For this type of comment only, such as contact-form.")
@click.option("--reset", is_flag=True, help="Remove these thresholds: the rollout sets them again.")
@as_json
def thresholds(url: str, comment_type: str | None, reset: bool, as_json: bool, **values: float | None) -> None:
    """Show or change the thresholds of the site at URL.

    Thresholds are within 0 and 1. Those left out do not change.
    """
    changes = {name: value for name, value in values.items() if value is not None}
    if changes and reset:
        raise click.UsageError(_RESET_CONFLICT)
    with opened_services() as services:
        site = sites.find_site(services, url)
        if changes or reset:
            merged = None if reset else _merge_thresholds(services, site, comment_type, changes)
            site = _set_thresholds(services, url, comment_type, merged)
        in_force, calibration = thresholds_for(services, site, comment_type)
        status = rollout_status(services, site)
    if as_json:
        response = SiteResponse.model_validate(status).model_dump(mode="json")
        print_json(response | {"stage": calibration.stage if calibration else None, "thresholds": asdict(in_force)})
    else:
        click.echo(f"{site.url}: {_describe_source(site, comment_type, calibration)}: {_format_thresholds(in_force)}")
        click.echo(status.protection)


@click.command()
@url_argument
@click.option("--lost", type=parse_rate, metavar="RATE", help="Rate of ham that may be lost as spam, such as 1/200.")
@click.option("--held", type=parse_rate, metavar="RATE", help="Rate of ham that may be held or lost, such as 1/20.")
@click.option(
    "--confidence", type=parse_rate, metavar="RATE", help="Confidence that both rates are kept, such as 0.95."
)
@click.option(
    "--coverage", type=parse_rate, metavar="RATE", help="Proportion of new sites that must keep both, such as 0.8."
)
@click.option("--reset", is_flag=True, help="Remove this budget: the budget of all sites applies again.")
@as_json
def budget(url: str, reset: bool, as_json: bool, **rates: float | None) -> None:
    """Show the rollout of the site at URL, or change its budget.

    Rates that are left out do not change.
    """
    changes = {name: rate for name, rate in rates.items() if rate is not None}
    if changes and reset:
        raise click.UsageError(_RESET_CONFLICT)
    with opened_services() as services:
        site = sites.find_site(services, url)
        if changes or reset:
            merged = None if reset else Budget(**(asdict(site.budget or services.budget) | changes))
            site = set_budget(services, url, merged)
        status = rollout_status(services, site)
    if as_json:
        print_json(RolloutResponse.model_validate(status))
    else:
        print_rollout(status)


@click.command(name="rollout")
@url_argument
@click.option("--default", "mode", flag_value=RolloutMode.DEFAULT.value, help="Block by the model's general guarantee.")
@click.option(
    "--cautious", "mode", flag_value=RolloutMode.CAUTIOUS.value, help="Block only by what the site's ham has proved."
)
@click.option("--observe", "mode", flag_value=RolloutMode.LOG.value, help="Publish everything, and only log.")
@as_json
def rollout_mode(url: str, mode: str | None, as_json: bool) -> None:
    """Show or change how the site at URL begins to block.

    With --observe, each decision records what would have been, and every comment is published.
    """
    with opened_services() as services:
        site = sites.find_site(services, url) if mode is None else set_rollout(services, url, RolloutMode(mode))
        status = rollout_status(services, site)
    if as_json:
        print_json(RolloutResponse.model_validate(status))
    else:
        click.echo(f"{site.url}: rollout {site.rollout}, {_describe_stage(status)}.\n  {status.protection}")


@click.command()
@click.argument("url", required=False)
@as_json
def recalibrate(url: str | None, as_json: bool) -> None:
    """Set the thresholds that are due, of one site or of all.

    The service does so every few minutes.
    """
    with opened_services() as services:
        chosen = sites.list_sites(services) if url is None else [sites.find_site(services, url)]
        changed = {site.id for site in chosen if rollout.recalibrate(services, site)}
        statuses = [rollout_status(services, sites.find_site(services, site.url)) for site in chosen]
    if as_json:
        responses = [RolloutResponse.model_validate(status).model_dump(mode="json") for status in statuses]
        changes = [{"changed": status.site.id in changed} for status in statuses]
        print_json([response | change for response, change in zip(responses, changes, strict=True)])
        return
    for status in statuses:
        result = "thresholds set now" if status.site.id in changed else "nothing was due"
        click.echo(f"{status.site.url}: {_describe_stage(status)}, {result}.\n  {status.next_stage}")


def _describe_stage(status: RolloutStatus) -> str:
    return f"stage {status.calibration.stage}" if status.calibration else "its own thresholds"


def _set_thresholds(services: Services, url: str, comment_type: str | None, values: Thresholds | None) -> Site:
    if comment_type is None:
        return sites.set_thresholds(services, url, values)
    return sites.set_type_thresholds(services, url, comment_type, values)


def _merge_thresholds(
    services: Services, site: Site, comment_type: str | None, changes: dict[str, float]
) -> Thresholds:
    # With all three given there is nothing to merge, so a site can be set up before there is a model.
    if len(changes) == len(Thresholds.__slots__):
        return Thresholds(**changes)
    in_force, _ = thresholds_for(services, site, comment_type)
    return Thresholds(**(asdict(in_force) | changes))


def _format_thresholds(thresholds: Thresholds) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in asdict(thresholds).items())


def _describe_source(site: Site, comment_type: str | None, calibration: Calibration | None) -> str:
    if comment_type in site.type_thresholds:
        return f"its own thresholds for {comment_type}, without a guarantee"
    source = (
        f"thresholds of the stage {calibration.stage}" if calibration else "its own thresholds, without a guarantee"
    )
    if comment_type in PRIVATE_TYPES:
        return f"{source}, for {comment_type} with spam in review"
    return f"{source}, for {comment_type} without discard" if comment_type in REACTION_TYPES else source


def print_rollout(status: RolloutStatus) -> None:
    """Print the budget, the stage, the thresholds and the guarantees of a site."""
    allowed, calibration = status.budget, status.calibration
    owner = "its own" if status.site.budget else "that of all sites"
    click.echo(status.site.url)
    click.echo(
        f"Budget      lose at most {format_percent(allowed.lost)} of ham, hold or lose at most "
        f"{format_percent(allowed.held)}, with a confidence of {100 * allowed.confidence:g} %, "
        f"and before that on {100 * allowed.coverage:g} % of new sites ({owner})"
    )
    click.echo(f"Stage       {calibration.stage if calibration else 'none: its own thresholds, without a guarantee'}")
    click.echo(f"Rollout     {status.site.rollout}")
    click.echo(f"Protection  {status.protection}")
    if status.thresholds:
        click.echo(f"Thresholds  {_format_thresholds(status.thresholds)}")
    if calibration:
        review, spam = (status.general.review, status.general.spam) if status.general else (None, None)
        click.echo(f"Review      {calibration.review or review or 'no guarantee yet'}")
        click.echo(f"Spam        {calibration.spam or spam or 'no guarantee yet'}")
    stored = status.site.stored_calibration
    if stored and stored.refutation:
        click.echo(f"Refuted     {stored.refutation}")
    click.echo(f"Next        {status.next_stage}")
