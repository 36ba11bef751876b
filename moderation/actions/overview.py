"""The overview of a site: its traffic, queue, audit, thresholds, alarms and undelivered callbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from moderation.actions.alarms import list_alarms
from moderation.actions.audit import AuditReport, audit_report
from moderation.actions.rollout import RolloutStatus, rollout_status
from moderation.actions.services import Services
from moderation.actions.statistics import day_start
from moderation.domain.alarms import Alarm
from moderation.domain.errors import ModerationError, NotFound
from moderation.domain.people import SiteScope
from moderation.domain.site import Site
from moderation.storage import callbacks, queue_items, sites, statistics
from moderation.storage.callbacks import FailedCallbacks
from moderation.storage.engine import read_transaction

OVERVIEW_DAYS = 30
"""Days of traffic that an overview shows, today included."""


@dataclass(frozen=True, slots=True)
class DayTraffic:
    """The comments of one day in UTC by their newest verdict."""

    day: date
    published: int
    held: int
    blocked: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model: the comments and sources that trained it, and its figures on sites that it had not seen.

    `reader` says in a sentence whether a second reader is asked.
    """

    id: str
    comments: int
    sources: int
    metrics: Mapping[str, float]
    reader: str


@dataclass(frozen=True, slots=True)
class SiteOverview:
    """The state of a site.

    `traffic` has `OVERVIEW_DAYS` days, the oldest first. Of the comments in it that the filter published or blocked,
    `overridden` have a label that contradicts the verdict. `waiting` items are open, skipped ones too, the oldest since
    `oldest_opened_at`. `undelivered` are the callbacks that the blog did not confirm; `None` without any.
    """

    site: Site
    traffic: Sequence[DayTraffic]
    overridden: int
    waiting: int
    oldest_opened_at: datetime | None
    audit: AuditReport
    rollout: RolloutStatus
    undelivered: FailedCallbacks | None
    alarms: Sequence[Alarm]

    @property
    def automatic(self) -> int:
        """The number of comments that the filter published or blocked without a person."""
        return sum(day.published + day.blocked for day in self.traffic)


def site_overview(services: Services, site_id: int) -> SiteOverview:
    """Return the overview of an active site of the scope. Raises `NotFound`."""
    today = day_start(services.clock())
    starts = [today - timedelta(days=days) for days in reversed(range(OVERVIEW_DAYS))]
    with read_transaction(services.engine, slow=True) as connection:
        site = sites.find_by_id(connection, site_id)
        if site is None or site_id not in services.scope:
            raise NotFound("There is no such site.")
        counts = statistics.count_verdicts(connection, site_id, starts)
        waiting, oldest = queue_items.waiting(connection, site_id)
        undelivered = next(iter(callbacks.list_failed(connection, SiteScope(frozenset({site_id})))), None)
    return SiteOverview(
        site=site,
        traffic=[
            DayTraffic(start.date(), each.published, each.held, each.blocked)
            for start, each in zip(starts, counts, strict=True)
        ],
        overridden=sum(each.missed_spam + each.false_positives for each in counts),
        waiting=waiting,
        oldest_opened_at=oldest,
        audit=audit_report(services, site),
        rollout=rollout_status(services, site),
        undelivered=undelivered,
        alarms=list_alarms(services, site),
    )


def summarize_model(services: Services) -> ModelSummary | None:
    """Return the live model with the figures of its card, `None` if there is no model or its card cannot be read."""
    model = services.live_model.get()
    try:
        card = services.registry.card(model.stored_id) if model else None
    except ModerationError:
        return None
    if model is None or card is None:
        return None
    reader = "A second reader is asked about comments in doubt." if model.second_reader else model.reader_problem
    return ModelSummary(
        id=model.id,
        comments=sum(entry.spam + entry.ham for entry in card.corpora),
        sources=len(card.corpora),
        metrics=card.reader.alone_metrics if card.reader and model.reader_problem else card.metrics,
        reader=reader,
    )
