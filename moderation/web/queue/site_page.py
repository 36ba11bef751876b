"""The pages of sites: all with their rollout and the background jobs, and one with all that is known about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from flask import Blueprint, render_template, request
from markupsafe import Markup

from moderation.actions.audit import CONFIDENCE, AuditReport
from moderation.actions.jobs import list_jobs
from moderation.actions.overview import (
    OVERVIEW_DAYS,
    DayTraffic,
    ModelSummary,
    SiteOverview,
    site_overview,
    summarize_model,
)
from moderation.actions.rollout import RolloutStatus, rollout_statuses
from moderation.domain.audit import Estimate
from moderation.domain.jobs import JobResult, JobRun, describe_problems
from moderation.domain.people import Permission
from moderation.web.queue.forms import MAX_NUMBER, parse_number
from moderation.web.queue.highlight import excerpt
from moderation.web.queue.permissions import may
from moderation.web.queue.retention_form import RetentionView, retention_view, submit_retention
from moderation.web.requests import services

SITES_PAGE_SIZE = 50
CHART_WIDTH = 720
CHART_HEIGHT = 160
"""Size of the chart in its own units; the browser scales it."""

_BAR_SHARE = 0.8
_FIGURES = ("caught", "blocked", "held", "lost")
_MAX_ADDRESS_BYTES = 200


class Bar(NamedTuple):
    """One part of a day's column: the kind of comments, and its place in the chart from the upper left corner."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class SiteStatusView:
    """One row of the sites page: the stage, and sentences about the protection of ham and the next stage."""

    id: int
    site: Markup
    stage: str
    protection: str
    next_stage: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The traffic as stacked columns, one for each day. `highest` is the number that the full height stands for."""

    columns: Sequence[tuple[DayTraffic, Sequence[Bar]]]
    highest: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class SitePage:
    """The contents of the page. Rates and numbers are sentences."""

    id: int
    url: Markup
    chart: Chart
    traffic: str
    overrides: str
    waiting: str
    audit: Sequence[str]
    thresholds: Sequence[tuple[str, str]]
    protection: Sequence[str]
    model: Sequence[str]
    retention: RetentionView
    problems: Sequence[str]


def add_site_pages(blueprint: Blueprint) -> None:
    """Add the pages and the target of the form to the blueprint of the queue."""
    blueprint.add_url_rule("/queue/sites", "sites", show_sites)
    path = f"/queue/sites/<int(max={MAX_NUMBER}):site_id>"
    blueprint.add_url_rule(path, "site", show_site)
    blueprint.add_url_rule(f"{path}/retention", "set_retention", submit_retention, methods=["POST"])


def show_sites() -> str:
    """Render the rollout of each site, a page of sites at a time: counting a site's ham takes long.

    `after` is the number of sites on the pages before. The first page shows the background jobs to a person who
    may oversee all sites.
    """
    after = parse_number(request.args.get("after", "")) or 0
    statuses = rollout_statuses(services(), after, SITES_PAGE_SIZE + 1)
    jobs = [] if after or not may(Permission.OVERSEE, everywhere=True) else list_jobs(services())
    return render_template(
        "queue/sites.html",
        statuses=list(map(site_status_view, statuses[:SITES_PAGE_SIZE])),
        after=after,
        next_after=after + SITES_PAGE_SIZE if len(statuses) > SITES_PAGE_SIZE else None,
        jobs=[(run.name, _describe_run(run)) for run in jobs],
        problems=describe_problems(jobs, services().clock()),
    )


def show_site(site_id: int) -> str:
    """Render the page of an active site. Raises `NotFound`."""
    overview = site_overview(services(), site_id)
    return render_template("queue/site.html", site=site_page(overview, summarize_model(services())))


def site_page(overview: SiteOverview, model: ModelSummary | None) -> SitePage:
    """Return the contents of the page of a site under this live model."""
    thresholds = overview.rollout.thresholds
    return SitePage(
        id=overview.site.id,
        url=excerpt(overview.site.url, _MAX_ADDRESS_BYTES),
        chart=chart(overview.traffic),
        traffic=_describe_traffic(overview.traffic),
        overrides=_describe_overrides(overview),
        waiting=_describe_waiting(overview),
        audit=_describe_audit(overview.audit),
        thresholds=[
            (name, f"{100 * getattr(thresholds, name):.4g} %") for name in ("review", "spam", "discard") if thresholds
        ],
        protection=[overview.rollout.protection, overview.rollout.next_stage],
        model=_describe_model(model),
        retention=retention_view(overview.site.retention),
        problems=_describe_problems(overview),
    )


def site_status_view(status: RolloutStatus) -> SiteStatusView:
    """Return the row of a site."""
    calibration = status.calibration
    return SiteStatusView(
        id=status.site.id,
        site=excerpt(status.site.url, _MAX_ADDRESS_BYTES),
        stage=calibration.stage.value if calibration else "own thresholds",
        protection=status.protection,
        next_stage=status.next_stage,
    )


def chart(traffic: Sequence[DayTraffic]) -> Chart:
    """Return the chart of at least one day: published comments at the bottom of each column, blocked ones on top."""
    highest = max(day.published + day.held + day.blocked for day in traffic)
    slot = CHART_WIDTH / len(traffic)
    columns = []
    for place, day in enumerate(traffic):
        bars, top = [], float(CHART_HEIGHT)
        for kind in ("published", "held", "blocked"):
            height = CHART_HEIGHT * getattr(day, kind) / max(highest, 1)
            top -= height
            if height:
                bars.append(Bar(kind, round(place * slot, 1), round(top, 1), round(_BAR_SHARE * slot, 1), height))
        columns.append((day, [bar._replace(height=round(bar.height, 1)) for bar in bars]))
    return Chart(columns, highest, traffic[0].day, traffic[-1].day)


def _describe_run(run: JobRun) -> str:
    took = "" if run.result == JobResult.RUNNING else f", {run.seconds:.3g} seconds"
    succeeded = f"Last success {_shown(run.succeeded_at)}" if run.succeeded_at else "No success yet"
    sentence = f"{run.result.capitalize()}. Last start {_shown(run.started_at)}{took}. {succeeded}."
    return f"{sentence} Failures in a row: {run.failures:,}, the last {run.last_error}." if run.failures else sentence


def _shown(time: datetime) -> str:
    return f"{time:%d %b %Y, %H:%M UTC}"


def _describe_traffic(traffic: Sequence[DayTraffic]) -> str:
    published, held, blocked = (sum(getattr(day, kind) for day in traffic) for kind in ("published", "held", "blocked"))
    return (
        f"{published + held + blocked:,} comments in {OVERVIEW_DAYS} days: "
        f"{published:,} published, {held:,} held, {blocked:,} blocked."
    )


def _describe_overrides(overview: SiteOverview) -> str:
    if not overview.automatic:
        return "The filter has published or blocked no comment in this time."
    share = overview.overridden / overview.automatic
    return (
        f"People contradicted {overview.overridden:,} of the {overview.automatic:,} comments that were published or "
        f"blocked without them ({100 * share:.2g} %)."
    )


def _describe_waiting(overview: SiteOverview) -> str:
    if not overview.waiting or overview.oldest_opened_at is None:
        return "Nothing waits."
    age = overview.audit.until - overview.oldest_opened_at
    waiting = "comment waits" if overview.waiting == 1 else "comments wait"
    return f"{overview.waiting:,} {waiting}, the oldest for {_age(age)}."


def _age(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    number, unit = (hours // 24, "day") if hours >= 48 else (hours, "hour") if hours else (0, "")
    return f"{number} {unit}{'' if number == 1 else 's'}" if unit else "less than an hour"


def _describe_audit(report: AuditReport) -> list[str]:
    if not report.share:
        return ["The random audit is off: MODERATION_AUDIT_SHARE is 0."]
    if not report.labelled:
        return [f"Not known yet: {report.drawn:,} comments are drawn, and none of them is labelled."]
    source = f"the labels of {report.labelled:,} of the {report.drawn:,} comments drawn since {report.since:%d %b %Y}"
    return [
        f"Ham lost: {_interval(report.estimates.lost)}",
        f"Spam caught: {_interval(report.estimates.caught)}",
        f"Both with {100 * CONFIDENCE:g} % confidence, from {source}.",
    ]


def _interval(rate: Estimate) -> str:
    between = f"between {100 * rate.low:.2g} and {100 * rate.high:.2g} %"
    return f"{between}, more is not known" if rate.value is None else f"{100 * rate.value:.2g} %, {between}"


def _describe_model(model: ModelSummary | None) -> list[str]:
    if model is None:
        return ["No model is live, so comments are not judged. An operator runs moderation models list."]
    figures = ", ".join(f"{name} {100 * model.metrics[name]:.2g} %" for name in _FIGURES if name in model.metrics)
    return [
        f"{model.id}, trained on {model.comments:,} comments of {model.sources} sources.",
        f"On sites that it has not seen: {figures}." if figures else "Its card has no figures.",
        *([model.reader] if model.reader else []),
    ]


def _describe_problems(overview: SiteOverview) -> list[str]:
    problems = [f"{alarm.detail} Since {alarm.since:%d %b %Y, %H:%M UTC}." for alarm in overview.alarms]
    if failed := overview.undelivered:
        noun = "decision" if failed.number == 1 else "decisions"
        problems.append(f"The blog has not taken {failed.number:,} {noun} yet: {failed.last_error}")
    return problems
