"""Store decisions as they were answered, and read them with their comments."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from struct import pack
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select, update

from moderation.domain.audit import NO_AUDIT, AuditDraw
from moderation.domain.budget import UNCALIBRATED, Calibration, RolloutStage, with_general
from moderation.domain.decision import Decision, LabelValue, Score
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.scoring.second_reader import SECOND_READER
from moderation.storage import audits, calibrations, comments
from moderation.storage.labels import IN_FORCE
from moderation.storage.packed_reasons import pack_reasons, unpack_reasons
from moderation.storage.prepared import PreparedInsert
from moderation.storage.tables import calibrations as calibrations_table
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import decisions, queue_items
from moderation.storage.tables import labels as labels_table

OWN_COLUMNS = (*(column.label(f"decision_{column.name}") for column in decisions.c), *calibrations.COLUMNS)
COLUMNS = (*OWN_COLUMNS, *comments.COLUMNS)
"""The columns that `from_row` needs."""

WITH_COMMENT = decisions.join(comments_table, comments_table.c.id == decisions.c.comment_id).outerjoin(
    calibrations_table, calibrations_table.c.id == decisions.c.calibration_id
)
"""The joined tables that `COLUMNS` are selected from."""

_ROWS_AT_A_TIME = 500
_ADD = PreparedInsert(decisions, without=frozenset({"label_id"}))
_LATER = frozenset({"skipped_at", "closed_at", "closed_by", "outcome", "act_id", "handover_id"})
_OPEN_ITEM = PreparedInsert(queue_items, without=_LATER | {"id"})


class PastDecision(NamedTuple):
    """A stored decision, the number of its comment, and the label of the comment in force."""

    decision: Decision
    comment_id: int
    label: LabelValue | None


class LeftOut(NamedTuple):
    """The numbers of decisions that a later one replaced, and of decisions without a model."""

    superseded: int
    degraded: int


def add(
    connection: Connection,
    decided: Iterable[tuple[Decision, int]],
    channel: str,
    audit: AuditDraw = NO_AUDIT,
    trait_keys: Mapping[str, Sequence[int]] = MappingProxyType({}),
    *,
    has_callback: bool = False,
) -> None:
    """Store pairs of decision and comment id, and open a queue item for each that goes to review or is drawn.

    `trait_keys` has the keys by which the comments are found in campaigns, by the id of the decision. `has_callback` is
    true if the blogs that sent them do not hold them, and can be called about a person's decision.
    """
    for decision, comment_id in decided:
        _ADD.run(connection, _row(decision, comment_id, channel, has_callback=has_callback))
        is_held = decision.verdict is Verdict.REVIEW
        drawn = None if is_held else audit.probability(decision.id)
        if is_held or (drawn is not None and audits.has_room(connection, decision.site_id)):
            item = {"decision_id": decision.id, "site_id": decision.site_id, "opened_at": decision.decided_at}
            keys = trait_keys.get(decision.id, ())
            packed_keys = pack(f">{len(keys)}q", *keys) or None
            _OPEN_ITEM.run(connection, {**item, "audit_probability": drawn, "trait_keys": packed_keys})


def _row(decision: Decision, comment_id: int, channel: str, *, has_callback: bool) -> dict[str, object]:
    score, thresholds, calibration = decision.score, decision.thresholds, decision.calibration
    return {
        "id": decision.id,
        "site_id": decision.site_id,
        "comment_id": comment_id,
        "probability": score.probability,
        "logit": score.logit,
        "bias": score.bias,
        "reasons": pack_reasons(score.reasons),
        "model": score.model,
        "skipped_model": score.skipped_model or None,
        "review_threshold": thresholds.review,
        "spam_threshold": thresholds.spam,
        "discard_threshold": thresholds.discard,
        "verdict": decision.verdict.value,
        "degraded": decision.degraded,
        "stage": calibration.stage.value if calibration else None,
        "calibration_id": calibration.id if calibration else None,
        "channel": channel,
        "has_callback": has_callback,
        "decided_at": decision.decided_at,
        "superseded": False,
    }


def supersede(connection: Connection, comment_id: int) -> None:
    """Mark the decisions on a comment as replaced by a later one."""
    connection.execute(update(decisions).where(decisions.c.comment_id == comment_id).values(superseded=True))


def find(connection: Connection, site_id: int, decision_id: str) -> tuple[Decision, int] | None:
    """Return the site's decision and the id of its comment."""
    statement = (
        select(*COLUMNS).select_from(WITH_COMMENT).where(decisions.c.site_id == site_id, decisions.c.id == decision_id)
    )
    row = connection.execute(statement).mappings().first()
    return None if row is None else (from_row(row), row["decision_comment_id"])


def find_all(connection: Connection, site_id: int, decision_ids: Collection[str]) -> dict[str, Decision]:
    """Return those of the decisions that the site has, by id."""
    of_site = (decisions.c.site_id == site_id, decisions.c.id.in_(decision_ids))
    rows = connection.execute(select(*COLUMNS).select_from(WITH_COMMENT).where(*of_site)).mappings()
    return {row["decision_id"]: from_row(row) for row in rows}


def find_current(connection: Connection, site_id: int, comment_id: int) -> Decision | None:
    """Return the decision on the site's comment that no later one replaced; `None` if there is none."""
    of_comment = (decisions.c.site_id == site_id, decisions.c.comment_id == comment_id)
    statement = select(*COLUMNS).select_from(WITH_COMMENT).where(*of_comment, decisions.c.superseded.is_(False))
    row = connection.execute(statement).mappings().first()
    return None if row is None else from_row(row)


def find_current_id(connection: Connection, comment_id: int) -> str | None:
    """Return the id of the decision on a comment that no later one replaced; `None` if there is none."""
    statement = select(decisions.c.id).where(decisions.c.comment_id == comment_id, decisions.c.superseded.is_(False))
    return connection.execute(statement).scalar()


def find_reader_changes(connection: Connection, comment_ids: Collection[int]) -> dict[int, float]:
    """Return the change of the logit by the second reader, by the id of each comment that it was asked about."""
    current = (decisions.c.comment_id.in_(comment_ids), decisions.c.superseded.is_(False))
    changes = {}
    for comment_id, reasons in connection.execute(select(decisions.c.comment_id, decisions.c.reasons).where(*current)):
        for reason in unpack_reasons(reasons):
            if reason.code == SECOND_READER:
                changes[comment_id] = reason.weight
    return changes


def find_comment_id(connection: Connection, site_id: int, decision_id: str) -> int | None:
    """Return the id of the comment that the site's decision is about."""
    return connection.execute(
        select(decisions.c.comment_id).where(decisions.c.site_id == site_id, decisions.c.id == decision_id)
    ).scalar()


def verdicts_on(connection: Connection, comment_id: int, limit: int) -> list[tuple[datetime, Verdict]]:
    """Return the times and verdicts of the newest decisions on a comment, at most `limit`, newest first."""
    statement = (
        select(decisions.c.decided_at, decisions.c.verdict)
        .where(decisions.c.comment_id == comment_id)
        .order_by(decisions.c.decided_at.desc())
        .limit(limit)
    )
    return [(row.decided_at, Verdict(row.verdict)) for row in connection.execute(statement)]


def count_since(connection: Connection, site_id: int | None, since: datetime) -> int:
    """Return the number of decisions in force since a time that a model made, of one site or of all."""
    statement = select(func.count()).select_from(decisions).where(*_judged_since(site_id, since))
    return int(connection.execute(statement).scalar_one())


def newest_since(
    connection: Connection, site_id: int | None, since: datetime, limit: int
) -> Iterator[tuple[Decision, LabelValue | None]]:
    """Yield the newest of these decisions, at most `limit`, with the labels in force of their comments."""
    of_comment = and_(labels_table.c.comment_id == decisions.c.comment_id, IN_FORCE)
    statement = (
        select(*COLUMNS, labels_table.c.value.label("label"))
        .select_from(WITH_COMMENT.outerjoin(labels_table, of_comment))
        .where(*_judged_since(site_id, since), comments_table.c.purged_at.is_(None))
        .order_by(decisions.c.decided_at.desc())
        .limit(limit)
    )
    for row in connection.execute(statement, execution_options={"yield_per": _ROWS_AT_A_TIME}).mappings():
        yield from_row(row), row["label"] and LabelValue(row["label"])


def count_left_out(connection: Connection, site_id: int, since: datetime, until: datetime) -> LeftOut:
    """Return how many decisions of a site `page_between` leaves out."""
    of_site = (decisions.c.site_id == site_id, decisions.c.decided_at >= since, decisions.c.decided_at <= until)
    degraded = decisions.c.degraded.is_(True) & decisions.c.superseded.is_(False)
    counted = [func.count().filter(condition) for condition in (decisions.c.superseded.is_(True), degraded)]
    row = connection.execute(select(*counted).where(*of_site)).one()
    return LeftOut(row[0], row[1])


def page_between(
    connection: Connection, site_id: int, until: datetime, after: tuple[datetime, str], limit: int
) -> list[PastDecision]:
    """Return the next decisions in force of a site that a model made, the oldest first, at most `limit`.

    `after` is the time and the id of the last one of the page before; for the first page, a time and an empty text.
    """
    since, last_id = after
    of_comment = and_(labels_table.c.comment_id == decisions.c.comment_id, IN_FORCE)
    statement = (
        select(*COLUMNS, labels_table.c.value.label("label"))
        .select_from(WITH_COMMENT.outerjoin(labels_table, of_comment))
        .where(*_judged_since(site_id, since), decisions.c.decided_at <= until, comments_table.c.purged_at.is_(None))
        .where(or_(decisions.c.decided_at > since, decisions.c.id > last_id))
        .order_by(decisions.c.decided_at, decisions.c.id)
        .limit(limit)
    )
    return [
        PastDecision(from_row(row), row["decision_comment_id"], row["label"] and LabelValue(row["label"]))
        for row in connection.execute(statement).mappings()
    ]


def _judged_since(site_id: int | None, since: datetime) -> list[ColumnElement[bool]]:
    conditions = [decisions.c.decided_at >= since, decisions.c.superseded.is_(False), decisions.c.degraded.is_(False)]
    return conditions if site_id is None else [decisions.c.site_id == site_id, *conditions]


def from_row(row: RowMapping) -> Decision:
    """Return the decision in a row that was selected with `COLUMNS`."""
    return Decision(
        id=row["decision_id"],
        site_id=row["decision_site_id"],
        comment=comments.from_row(row),
        score=Score(
            probability=row["decision_probability"],
            logit=row["decision_logit"],
            bias=row["decision_bias"],
            reasons=unpack_reasons(row["decision_reasons"]),
            model=row["decision_model"],
            skipped_model=row["decision_skipped_model"] or "",
        ),
        thresholds=Thresholds(
            row["decision_review_threshold"], row["decision_spam_threshold"], row["decision_discard_threshold"]
        ),
        calibration=_calibration(row),
        verdict=Verdict(row["decision_verdict"]),
        degraded=row["decision_degraded"],
        decided_at=row["decision_decided_at"],
    )


def _calibration(row: RowMapping) -> Calibration | None:
    if row["decision_stage"] is None:
        return None
    stage = RolloutStage(row["decision_stage"])
    calibration = UNCALIBRATED if row["calibration_id"] is None else calibrations.from_row(row).calibration
    if stage is RolloutStage.LOG:
        return replace(calibration, log_only=True)
    return with_general(calibration) if stage is RolloutStage.BLOCK else calibration
