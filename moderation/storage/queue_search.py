"""Read the comments of a list one after the other in its order, with what a search compares."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, false, func, literal, not_, null, select, true
from sqlalchemy import exists as sql_exists

from moderation.domain.people import SiteScope
from moderation.domain.queue import ListName, QueueList, unjudged_id, unjudged_number
from moderation.domain.search import Kind, Operator, Query, Term
from moderation.domain.thresholds import Verdict
from moderation.features.normalize import MAX_FIELD_LENGTH
from moderation.storage.columns import AnyText, UtcDateTime
from moderation.storage.queue_orders import AWAITS_AUDIT, IS_AUDIT, IS_OPEN, IS_UNSKIPPED, has_item, keys
from moderation.storage.tables import comments, decisions, findings, labels

_ROWS_AT_A_TIME = 200

FIELDS: Mapping[str, ColumnElement[Any]] = {
    "text": func.substr(comments.c.text, 1, MAX_FIELD_LENGTH).label("text"),
    **{name: comments.c[name] for name in ("author", "url", "email", "context", "author_id", "lang")},
    "reasons": decisions.c.reasons,
}
"""What a search may compare."""


class Candidate(NamedTuple):
    """A comment of a list. Fields that were not asked for are `None`.

    `fits` is false if a term that the database compares does not hold. A comment `is_blind` if it awaits the audit.
    """

    id: str
    place: str | int
    site_id: int
    fits: bool
    is_blind: bool
    text: str | None
    author: str | None
    url: str | None
    email: str | None
    context: str | None
    author_id: str | None
    lang: str | None
    reasons: bytes | None


def scan(
    connection: Connection,
    scope: SiteScope,
    queue_list: QueueList,
    after: str,
    query: Query,
    fields: Collection[str],
    limit: int,
) -> Iterator[Candidate]:
    """Yield at most `limit` comments of a list in its order, from the place `after` on, with these fields.

    The comments that do not fit are among them, so that the time is that of `limit` comments for any query. Only a list
    that is ordered by time begins and ends with the times of the query.
    """
    statement = keys(connection, scope, queue_list, after)
    if queue_list.name in (ListName.BLOCKED, ListName.PUBLIC):
        within = (
            _of_time(term, decisions.c.decided_at)
            for term in query.of(Operator.BEFORE, Operator.AFTER)
            if not term.is_negated
        )
        statement = statement.where(*within)
    is_second_look = queue_list.name is ListName.SECOND_LOOK
    is_blind = AWAITS_AUDIT if queue_list.name is ListName.HELD or is_second_look else false()
    label_id = findings.c.label_id if is_second_look else decisions.c.label_id
    comment_id = findings.c.comment_id if is_second_look else decisions.c.comment_id
    statement = (
        statement.join(comments, comments.c.id == comment_id)
        .add_columns(
            _fits(query, is_blind, label_id).label("fits"),
            is_blind.label("is_blind"),
            *(column if name in fields else null().label(name) for name, column in FIELDS.items()),
        )
        .limit(limit)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    with connection.execute(statement) as rows:
        for decision_id, place, number, *others in rows:
            yield Candidate(decision_id or unjudged_id(number), place, *others)


def time_of(connection: Connection, name: ListName, candidate: Candidate) -> datetime | None:
    """Return the time by which a list has a comment: that of the person's decision, or of the first one."""
    if name is ListName.DECIDED:
        statement = select(labels.c.created_at).where(labels.c.id == candidate.place)
    elif (comment_id := unjudged_number(candidate.id)) is not None:
        statement = select(comments.c.received_at).where(comments.c.id == comment_id)
    else:
        statement = select(decisions.c.decided_at).where(decisions.c.id == candidate.id)
    at: datetime | None = connection.execute(statement).scalar()
    return at


def _fits(query: Query, is_blind: ColumnElement[bool], label_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that all terms hold which the database compares."""
    # A comment that was never judged has no verdict: a kind that asks for one does not hold, nor does its contrary.
    received_at = func.coalesce(decisions.c.decided_at, comments.c.received_at)
    conditions = [not_(is_blind)] if query.shows_verdicts else []
    for term in query.of(Operator.IS, Operator.BEFORE, Operator.AFTER, Operator.ID):
        if term.operator is Operator.IS:
            condition = _of_kind(Kind(term.text), label_id)
        elif term.operator is Operator.ID:
            condition = decisions.c.id == literal(term.text, AnyText)
        else:
            condition = _of_time(term, received_at)
        conditions.append(not_(condition) if term.is_negated else condition)
    return func.coalesce(and_(true(), *conditions), false())


def _of_time(term: Term, column: ColumnElement[datetime]) -> ColumnElement[bool]:
    at = literal(term.at, UtcDateTime)
    return column < at if term.operator is Operator.BEFORE else column >= at


def _of_kind(kind: Kind, label_id: ColumnElement[int]) -> ColumnElement[bool]:
    if kind is Kind.SKIPPED:
        return has_item(IS_OPEN, not_(IS_UNSKIPPED))
    if kind is Kind.AUDIT:
        return has_item(IS_OPEN, IS_AUDIT)
    if kind in _VERDICTS:
        return decisions.c.verdict.in_(_VERDICTS[kind])
    of_person: ColumnElement[bool] = true()
    if kind is Kind.REMOVED:
        of_person = labels.c.removes
    elif kind is not Kind.DECIDED:
        of_person = labels.c.value == kind.value
    return sql_exists().where(labels.c.id == label_id, of_person).correlate(decisions, findings)


_VERDICTS: Mapping[Kind, list[Verdict]] = {
    Kind.HELD: [Verdict.REVIEW],
    Kind.BLOCKED: [Verdict.SPAM, Verdict.DISCARD],
    Kind.PUBLIC: [Verdict.PUBLISH],
}
