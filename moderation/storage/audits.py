"""Audit items: copies of automatic decisions that a random draw put into the queue, each with its probability."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, select

from moderation.domain.audit import AuditedHam
from moderation.domain.budget import RolloutStage
from moderation.domain.decision import LabelValue
from moderation.domain.thresholds import Verdict
from moderation.storage.labels import IN_FORCE
from moderation.storage.tables import decisions, labels, queue_items

MAX_OPEN = 100
"""Open audit items of a site. More are not drawn until some are decided, or a flood would bury the queue."""

_IS_AUDIT = queue_items.c.audit_probability.is_not(None)
_DRAWN = queue_items.join(decisions, decisions.c.id == queue_items.c.decision_id).outerjoin(
    labels, and_(labels.c.comment_id == decisions.c.comment_id, IN_FORCE)
)


class AuditCount(NamedTuple):
    """The number of comments that were drawn with one verdict and probability, and have one label or none."""

    verdict: Verdict
    probability: float
    label: LabelValue | None
    number: int


def has_room(connection: Connection, site_id: int) -> bool:
    """Return whether the site may have another open audit item."""
    return count_open(connection, site_id) < MAX_OPEN


def count_open(connection: Connection, site_id: int | None = None) -> int:
    """Return how many audit items of a site, or of all sites, wait for a person."""
    statement = select(func.count()).select_from(queue_items).where(_IS_AUDIT, queue_items.c.closed_at.is_(None))
    if site_id is not None:
        statement = statement.where(queue_items.c.site_id == site_id)
    return int(connection.execute(statement).scalar_one())


def count_drawn(connection: Connection, site_id: int, *conditions: ColumnElement[bool]) -> list[AuditCount]:
    """Return the counts of the site's drawn comments whose decisions are in force and satisfy the conditions."""
    key = (decisions.c.verdict, queue_items.c.audit_probability, labels.c.value)
    statement = (
        select(*key, func.count())
        .select_from(_DRAWN)
        .where(_IS_AUDIT, queue_items.c.site_id == site_id, decisions.c.superseded.is_(False), *conditions)
        .group_by(*key)
        .order_by(*key)
    )
    return [
        AuditCount(Verdict(verdict), probability, value and LabelValue(value), number)
        for verdict, probability, value, number in connection.execute(statement)
    ]


def count_drawn_since(connection: Connection, site_id: int, since: datetime) -> list[AuditCount]:
    """Return the counts of the comments that were decided since a time."""
    return count_drawn(connection, site_id, decisions.c.decided_at >= since)


def count_ham(
    connection: Connection, site_id: int, model: str, stage: RolloutStage | None, after: int | None
) -> AuditedHam:
    """Return the drawn ham that this model judged at a stage, `None` for the site's own thresholds.

    With `after`, only under calibrations with a higher id.
    """
    at_stage = decisions.c.stage.is_(None) if stage is None else decisions.c.stage == stage.value
    conditions = [at_stage, decisions.c.model == model]
    if after is not None:
        conditions.append(decisions.c.calibration_id > after)
    verdicts: Counter[Verdict] = Counter()
    for count in count_drawn(connection, site_id, *conditions):
        if count.label is LabelValue.HAM:
            verdicts[count.verdict] += count.number
    return AuditedHam(verdicts.total(), verdicts[Verdict.SPAM] + verdicts[Verdict.DISCARD])


def count_held(connection: Connection, site_id: int, since: datetime) -> dict[LabelValue, int]:
    """Return the numbers of labelled ham and spam among the comments that were held since a time."""
    statement = (
        select(labels.c.value, func.count())
        .join(decisions, decisions.c.comment_id == labels.c.comment_id)
        .where(labels.c.site_id == site_id, labels.c.value.is_not(None), IN_FORCE)
        .where(decisions.c.verdict == Verdict.REVIEW.value, decisions.c.superseded.is_(False))
        .where(decisions.c.decided_at >= since)
        .group_by(labels.c.value)
    )
    return {LabelValue(value): number for value, number in connection.execute(statement)}
