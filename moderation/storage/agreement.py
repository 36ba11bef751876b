"""Count how other people decided the comments that a person decided in the queue."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, case, func, literal, or_, select

from moderation.domain.act_log import Agreement, AgreementCount
from moderation.domain.decision import QUEUE_CHANNEL
from moderation.domain.people import SiteScope
from moderation.storage.columns import AnyText
from moderation.storage.sites import in_scope
from moderation.storage.tables import acts, decisions, labels, notes, queue_items

_later, _other = labels.alias("later_label"), labels.alias("other_label")
_IS_AUDIT = (
    select(literal(1))
    .select_from(queue_items.join(decisions, decisions.c.id == queue_items.c.decision_id))
    .where(decisions.c.comment_id == labels.c.comment_id, queue_items.c.audit_probability.is_not(None))
    .correlate(labels)
    .exists()
)
_IS_OPINION = (
    select(literal(1))
    .where(notes.c.comment_id == labels.c.comment_id, notes.c.asked.is_not(None))
    .correlate(labels)
    .exists()
)


def agreement(connection: Connection, scope: SiteScope, person: str, since: datetime) -> Agreement:
    """Return how others decided the comments on sites of the scope that a person has decided in the queue since a time.

    Only the person's last decision on a comment counts, unless the person has undone it.
    """
    by_person = literal(person, AnyText)
    own = _own_decisions(scope, by_person, since)
    return Agreement(
        _count_later(connection, own),
        _count_pairs(connection, own.where(_IS_AUDIT), by_person),
        _count_pairs(connection, own.where(_IS_OPINION), by_person),
    )


def _own_decisions(scope: SiteScope, person: ColumnElement[str], since: datetime) -> Select[tuple[int, int]]:
    has_acted_since = (
        select(literal(1))
        .where(_later.c.comment_id == labels.c.comment_id, _later.c.id > labels.c.id)
        .where(func.coalesce(_later.c.undone_by, _later.c.labelled_by) == person)
        .correlate(labels)
        .exists()
    )
    return (
        select(labels.c.id, labels.c.comment_id)
        .select_from(labels.join(acts, acts.c.id == labels.c.act_id))
        .where(acts.c.moderator == person, acts.c.at >= since, in_scope(labels.c.site_id, scope))
        .where(labels.c.labelled_by == person, labels.c.undone_by.is_(None), _decides(labels), ~has_acted_since)
    )


def _decides(log: FromClause) -> ColumnElement[bool]:
    return or_(log.c.value.is_not(None), log.c.removes.is_(True))


def _is_equal() -> ColumnElement[bool]:
    same_value = func.coalesce(_other.c.value, "") == func.coalesce(labels.c.value, "")
    return and_(same_value, _other.c.removes == labels.c.removes, _other.c.undone_by.is_(None))


def _count_later(connection: Connection, own: Select[tuple[int, int]]) -> AgreementCount:
    """Count the decisions by the next row of the log on each comment, which is another person's."""
    mine = own.subquery()
    next_id = (
        select(func.min(_later.c.id))
        .where(_later.c.comment_id == labels.c.comment_id, _later.c.id > labels.c.id)
        .correlate(labels)
        .scalar_subquery()
    )
    joined = labels.join(mine, mine.c.id == labels.c.id).outerjoin(_other, _other.c.id == next_id)
    is_confirmed = case((_is_equal(), 1), else_=0)
    counted = (func.count(), func.count(_other.c.id), func.coalesce(func.sum(is_confirmed), 0))
    number, decided_again, confirmed = connection.execute(select(*counted).select_from(joined)).one()
    return AgreementCount(confirmed, decided_again - confirmed, number - decided_again)


def _count_pairs(connection: Connection, own: Select[tuple[int, int]], person: ColumnElement[str]) -> tuple[int, int]:
    """Count the comments that another person decided too, and the equal decisions among them: before or after."""
    mine = own.subquery()
    newest_of_other = (
        select(func.max(_later.c.id))
        .where(_later.c.comment_id == labels.c.comment_id, _later.c.labelled_by != person)
        .where(_later.c.channel == QUEUE_CHANNEL, _later.c.undone_by.is_(None), _decides(_later))
        .correlate(labels)
        .scalar_subquery()
    )
    joined = labels.join(mine, mine.c.id == labels.c.id).join(_other, _other.c.id == newest_of_other)
    counted = (func.coalesce(func.sum(case((_is_equal(), 1), else_=0)), 0), func.count())
    equal, number = connection.execute(select(*counted).select_from(joined)).one()
    return equal, number
