"""The append-only log of calibrations. A site's newest row under the live model and its budget is in force."""

import json
from dataclasses import asdict, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, case, exists, func, insert, or_, select

from moderation.domain.budget import Budget, Calibration, Guarantee, Refutation, RolloutStage, StoredCalibration
from moderation.domain.decision import LabelOrigin, LabelValue
from moderation.domain.review_lowering import Outcome, find_outcome
from moderation.domain.thresholds import Verdict
from moderation.storage import history, installation
from moderation.storage.labels import IN_FORCE
from moderation.storage.tables import calibrations, decisions, labels, sites

COLUMNS = tuple(column.label(f"calibration_{column.name}") for column in calibrations.c)
"""The columns that `from_row` needs."""

SITES_WITH_NEWEST = sites.outerjoin(
    calibrations,
    calibrations.c.id
    == select(func.max(calibrations.c.id))
    .where(calibrations.c.site_id == sites.c.id)
    .correlate(sites)
    .scalar_subquery(),
)
"""The sites, each joined with its newest calibration if it has one."""

_JUDGED_LABELS = labels.join(decisions, decisions.c.comment_id == labels.c.comment_id)

_single = labels.alias("single_label")
_SAMPLED = exists().where(
    _single.c.comment_id == labels.c.comment_id,
    _single.c.value == LabelValue.HAM.value,
    _single.c.origin == LabelOrigin.SINGLE.value,
)
"""Condition on `labels`: a person has decided on the comment alone that it is ham.

Comments that are labelled in bulk were chosen, often by their scores: a stroke over the lowest ones would
prove any threshold. A later stroke takes no comment out of the sample, or a stroke over the highest ones would do so.
"""


class SampledHam(NamedTuple):
    """A ham comment of a sample: the name under which it counts, its probability of spam and the logit of that.

    If the second reader was skipped, both are those of the model without it, and `unread` is the number of the comment.
    """

    name: str
    probability: float
    logit: float = 0.0
    unread: int | None = None


def count_ham(connection: Connection, site_id: int, model: str) -> int:
    """Return the number of the site's ham comments that this model judged before it could learn from them.

    A comment counts if it is in the history, or if the model judged it as the live one and a person labelled it ham. At
    least once that was a single decision. It counts too if the second reader was skipped: else the sample would lack
    ham in doubt.
    """
    statement = select(func.count()).select_from(_JUDGED_LABELS).where(*_is_sampled(site_id, model))
    return history.count_ham(connection, site_id, model) + connection.execute(statement).scalar_one()


def oldest_ham(connection: Connection, site_id: int, model: str, limit: int) -> list[SampledHam]:
    """Return the comments that `count_ham` counts, at most `limit`.

    Those of the history come first, the newest before older ones, as an export comes at once. The others have the ids
    of their decisions, in the order of decision.
    """
    past = [SampledHam(*scored) for scored in history.newest_ham(connection, site_id, model, limit)]
    unread = case((decisions.c.skipped_model.is_not(None), decisions.c.comment_id))
    statement = (
        select(decisions.c.id, decisions.c.probability, decisions.c.logit, unread)
        .select_from(_JUDGED_LABELS)
        .where(*_is_sampled(site_id, model))
        .order_by(decisions.c.decided_at, decisions.c.id)
        .limit(limit - len(past))
    )
    return past + [SampledHam(*row) for row in connection.execute(statement)]


def lowest_blocking_threshold(connection: Connection, site_id: int, model: str, limit: int) -> float | None:
    """Return the lowest spam threshold of the comments that `oldest_ham` returns and the stage `block` judged.

    `None` if it judged none of them. Ham above this threshold can be missing: people hardly see blocked comments. The
    history has no such gap.
    """
    remaining = max(0, limit - history.count_ham(connection, site_id, model))
    sample = (
        select(decisions.c.stage, decisions.c.spam_threshold)
        .select_from(_JUDGED_LABELS)
        .where(*_is_sampled(site_id, model))
        .order_by(decisions.c.decided_at, decisions.c.id)
        .limit(remaining)
        .subquery()
    )
    statement = select(func.min(sample.c.spam_threshold)).where(sample.c.stage == RolloutStage.BLOCK.value)
    return connection.execute(statement).scalar()


def count_lost(connection: Connection, site_id: int, model: str, threshold: float) -> int:
    """Return how many comments this model judged to be at or above a threshold and a person labelled ham.

    Labels of any origin count: they speak against the threshold.
    """
    statement = (
        select(func.count())
        .select_from(_JUDGED_LABELS)
        .where(*_is_ham(site_id, model), decisions.c.probability >= threshold)
    )
    return connection.execute(statement).scalar_one()


def count_published_or_ham(connection: Connection, site_id: int, model: str, limit: int) -> int:
    """Return how many comments of the site this model published or a person labelled ham, counted up to `limit`.

    The site has at most so much known ham: spam that was published counts too.
    """
    published = select(decisions.c.id).where(
        decisions.c.site_id == site_id,
        decisions.c.verdict == Verdict.PUBLISH.value,
        decisions.c.superseded.is_(False),
        decisions.c.model == model,
    )
    not_published = (
        select(decisions.c.id)
        .select_from(_JUDGED_LABELS)
        .where(*_is_ham(site_id, model), decisions.c.verdict != Verdict.PUBLISH.value)
    )
    counts = (select(func.count()).select_from(each.limit(limit).subquery()) for each in (published, not_published))
    return min(limit, sum(connection.execute(count).scalar_one() for count in counts))


def newest_outcomes(connection: Connection, site_id: int, model: str, limit: int) -> list[Outcome]:
    """Return the outcomes of those of a site's newest `limit` comments that this model judged under a review guarantee.

    They come the oldest first.
    """
    # The limit comes first: a site may have a million decisions by other models.
    newest = (
        select(decisions)
        .where(decisions.c.site_id == site_id, decisions.c.superseded.is_(False))
        .order_by(decisions.c.decided_at.desc(), decisions.c.id.desc())
        .limit(limit)
        .subquery()
    )
    statement = (
        select(newest.c.verdict, labels.c.value, labels.c.origin, labels.c.removes)
        .select_from(newest.outerjoin(labels, labels.c.id == newest.c.label_id))
        .where(newest.c.model == model, newest.c.stage.in_([RolloutStage.HOLD.value, RolloutStage.BLOCK.value]))
        .order_by(newest.c.decided_at.desc(), newest.c.id.desc())
    )
    outcomes = [
        find_outcome(
            Verdict(verdict),
            value and LabelValue(value),
            is_single=origin == LabelOrigin.SINGLE.value,
            removed=bool(removed),
        )
        for verdict, value, origin, removed in connection.execute(statement)
    ]
    return [outcome for outcome in reversed(outcomes) if outcome]


def find_newest(connection: Connection, site_id: int, model: str, budget: Budget) -> StoredCalibration | None:
    """Return the site's newest calibration under this model and this budget."""
    statement = (
        select(*COLUMNS)
        .where(
            calibrations.c.site_id == site_id,
            calibrations.c.model == model,
            calibrations.c.max_lost_rate == budget.lost,
            calibrations.c.max_held_rate == budget.held,
            calibrations.c.confidence == budget.confidence,
        )
        .order_by(calibrations.c.id.desc())
        .limit(1)
    )
    row = connection.execute(statement).mappings().first()
    # The coverage is no part of its terms, and takes part in comparisons of budgets.
    return None if row is None else replace(from_row(row), budget=budget)


def refuted_by(connection: Connection, site_id: int, refutation: Refutation) -> int | None:
    """Return the id of the calibration that the site's last refutation changed; `None` if this one is not the last."""
    of_site, packed = calibrations.c.site_id == site_id, _pack(refutation)
    other = calibrations.c.refutation.is_(None) | (calibrations.c.refutation != packed)
    before = select(func.coalesce(func.max(calibrations.c.id), 0)).where(of_site, other).scalar_subquery()
    return connection.execute(select(func.min(calibrations.c.id)).where(of_site, calibrations.c.id > before)).scalar()


def newest_id(connection: Connection, site_id: int) -> int | None:
    """Return the id of the site's newest calibration under any model and budget."""
    return connection.execute(select(func.max(calibrations.c.id)).where(calibrations.c.site_id == site_id)).scalar()


def add(connection: Connection, site_id: int, stored_calibration: StoredCalibration, at: datetime) -> int:
    """Append to the log and return the id of the row."""
    budget, calibration = stored_calibration.budget, stored_calibration.calibration
    row = {
        "site_id": site_id,
        "model": stored_calibration.model,
        "max_lost_rate": budget.lost,
        "max_held_rate": budget.held,
        "confidence": budget.confidence,
        "review": _pack(calibration.review),
        "spam": _pack(calibration.spam),
        "review_sample_size": stored_calibration.review_sample_size,
        "spam_sample_size": stored_calibration.spam_sample_size,
        "refutation": _pack(stored_calibration.refutation),
        "review_lowering": calibration.review_lowering,
        "history_spam": stored_calibration.history_spam,
        "created_at": at,
    }
    calibration_id: int = connection.execute(insert(calibrations).returning(calibrations.c.id), row).scalar_one()
    installation.change_sites_version(connection)
    return calibration_id


def from_row(row: RowMapping) -> StoredCalibration:
    """Return the calibration in a row that was selected with `COLUMNS`."""
    refutation = row["calibration_refutation"]
    return StoredCalibration(
        model=row["calibration_model"],
        budget=Budget(
            row["calibration_max_lost_rate"], row["calibration_max_held_rate"], row["calibration_confidence"]
        ),
        calibration=Calibration(
            _unpack(row["calibration_review"]),
            _unpack(row["calibration_spam"]),
            row["calibration_id"],
            review_lowering=row["calibration_review_lowering"],
        ),
        review_sample_size=row["calibration_review_sample_size"],
        spam_sample_size=row["calibration_spam_sample_size"],
        refutation=None if refutation is None else Refutation(**json.loads(refutation)),
        history_spam=row["calibration_history_spam"],
    )


def _is_ham(site_id: int, model: str) -> tuple[ColumnElement[bool], ...]:
    return (decisions.c.model == model, *_is_judged_ham(site_id, model))


def _is_sampled(site_id: int, model: str) -> tuple[ColumnElement[bool], ...]:
    by_model = or_(decisions.c.model == model, decisions.c.skipped_model == model)
    return (by_model, *_is_judged_ham(site_id, model), _SAMPLED)


def _is_judged_ham(site_id: int, model: str) -> tuple[ColumnElement[bool], ...]:
    return (
        labels.c.site_id == site_id,
        labels.c.value == LabelValue.HAM.value,
        IN_FORCE,
        decisions.c.superseded.is_(False),
        ~history.is_counted(site_id, model, labels.c.comment_id),
    )


def _pack(value: Guarantee | Refutation | None) -> str | None:
    return None if value is None else json.dumps(asdict(value), separators=(",", ":"))


def _unpack(stored: str | None) -> Guarantee | None:
    return None if stored is None else Guarantee(**json.loads(stored))
