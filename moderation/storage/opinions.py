"""Store the opinions of the operator's own model on held comments, and find the next comment to ask about."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from moderation.domain.comment import Comment
from moderation.domain.opinions import Opinion
from moderation.domain.people import ALL_SITES
from moderation.storage import comments
from moderation.storage.claims import claim_unchanged, is_due, update_unchanged
from moderation.storage.queue_orders import IS_AUDIT, IS_OPEN
from moderation.storage.sites import in_scope
from moderation.storage.tables import decisions, opinions, queue_items

MAX_DELAY = timedelta(minutes=15)
"""Limit of the time between two attempts, and of a claim."""
MAX_CONSIDERED = 1_000
"""Newest held comments among which the next one is looked for, so that a long queue costs no more than a short one."""

_COMPARED = ("comment_id", "attempts", "next_attempt_at")

COLUMNS = tuple(opinions.c[name].label(f"opinion_{name}") for name in Opinion._fields)
"""The columns that `from_row` needs."""


class Question(NamedTuple):
    """A held comment to ask about. `attempts` counts the calls about it, a claimed one included."""

    comment_id: int
    comment: Comment
    attempts: int = 0
    next_attempt_at: datetime | None = None


class OpinionSummary(NamedTuple):
    """How many comments have an opinion, and how many have none for good. `last_error` is that of the newest call."""

    opinions: int
    without: int
    last_error: str


def next_question(connection: Connection, now: datetime) -> Question | None:
    """Return the newest held comment that is to be asked about; `None` if there is none.

    A comment with an opinion, and an audit item, whose verdict a person must not guess, are left out.
    """
    newest = (
        select(queue_items.c.id, queue_items.c.decision_id)
        .where(IS_OPEN, ~IS_AUDIT, in_scope(queue_items.c.site_id, ALL_SITES))
        .order_by(queue_items.c.id.desc())
        .limit(MAX_CONSIDERED)
        .subquery()
    )
    statement = (
        select(decisions.c.comment_id, opinions.c.attempts, opinions.c.next_attempt_at)
        .select_from(newest.join(decisions, decisions.c.id == newest.c.decision_id))
        .outerjoin(opinions, opinions.c.comment_id == decisions.c.comment_id)
        .where(or_(opinions.c.comment_id.is_(None), is_due(opinions.c.next_attempt_at, now, MAX_DELAY)))
        .order_by(newest.c.id.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    # Apart from the search, which would sort the texts of all candidates.
    comment = comments.get(connection, row.comment_id)
    return Question(row.comment_id, comment, row.attempts or 0, row.next_attempt_at)


def claim(connection: Connection, question: Question, model: str, now: datetime, until: datetime) -> Question | None:
    """Reserve a question for this process until `until`. Returns `None` if another process was faster."""
    claimed = question._replace(attempts=question.attempts + 1, next_attempt_at=until)
    values = {"model": model, "asked_at": now, "attempts": claimed.attempts, "next_attempt_at": until}
    if question.attempts:
        return claimed if claim_unchanged(connection, opinions, question, _COMPARED, **values) else None
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    added = insert(opinions).values(comment_id=question.comment_id, **values).on_conflict_do_nothing()
    return claimed if connection.execute(added.returning(opinions.c.comment_id)).first() else None


def settle(connection: Connection, claimed: Question, opinion: Opinion | None) -> bool:
    """Store the model's opinion, or that it has none. Returns false if another process has claimed the question."""
    found = {} if opinion is None else {"is_spam": opinion.is_spam, "confidence": opinion.confidence}
    return _update_unchanged(connection, claimed, next_attempt_at=None, last_error=None, **found)


def mark_failed(connection: Connection, claimed: Question, last_error: str, again_at: datetime | None) -> bool:
    """Record an error and ask again at `again_at`, or never with `None`. Returns false as `settle` does."""
    return _update_unchanged(connection, claimed, next_attempt_at=again_at, last_error=last_error)


def find(connection: Connection, site_id: int, decision_id: str) -> Opinion | None:
    """Return the opinion on the comment of a site's decision; `None` if there is none."""
    of_decision = and_(decisions.c.site_id == site_id, decisions.c.id == decision_id)
    joined = opinions.join(decisions, decisions.c.comment_id == opinions.c.comment_id)
    row = connection.execute(select(*COLUMNS).select_from(joined).where(of_decision)).mappings().first()
    return from_row(row) if row else None


def from_row(row: RowMapping) -> Opinion | None:
    """Return the opinion in a row that was selected with `COLUMNS`; `None` if there is none."""
    if row["opinion_is_spam"] is None:
        return None
    return Opinion(row["opinion_model"], row["opinion_is_spam"], row["opinion_confidence"])


def summarize(connection: Connection) -> OpinionSummary:
    """Return the numbers of opinions and the last error."""
    settled = opinions.c.next_attempt_at.is_(None)
    counted = select(func.count(opinions.c.is_spam), func.count()).where(settled)
    number, all_settled = connection.execute(counted).one()
    newest = select(opinions.c.last_error).order_by(opinions.c.asked_at.desc()).limit(1)
    return OpinionSummary(number, all_settled - number, connection.execute(newest).scalar() or "")


def _update_unchanged(connection: Connection, question: Question, **values: Any) -> bool:
    return update_unchanged(connection, opinions, question, _COMPARED, **values)
