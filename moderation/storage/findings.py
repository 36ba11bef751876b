"""The findings of the second look, as the log of labels opens and closes them.

A finding is open while no person has settled it and the label that it doubts is in force. Any later label of the
comment closes it, and an undo of that label opens it again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from moderation.domain.decision import PERSON_CHANNELS, Label
from moderation.domain.queue import Finding
from moderation.storage.columns import AnyText, UtcDateTime
from moderation.storage.tables import findings, labels

IS_OPEN = findings.c.is_open.is_(True)
OF_HISTORY = findings.c.label_id == 0
"""Condition of the findings on comments that an import brought as published."""

_MAX_IDS_PER_QUERY = 500
_FACTS = ("site_id", "comment_id", "probability", "contradicts_id", "contradictions", "found_at")
_newest = labels.alias("newest_label")
_NUMBER = func.coalesce(_newest.c.restores_id, _newest.c.id)
_IN_FORCE = case((or_(_newest.c.value.is_not(None), _newest.c.removes.is_(True)), _NUMBER), else_=0)


def replace(connection: Connection, site_id: int, found: Sequence[Finding], at: datetime) -> int:
    """Store the findings of an audit of a site's labels in place of the open ones, and return how many are open then.

    The first one comes first in the list. A finding that a person settled stays so, and a label that was replaced while
    the audit ran has none.
    """
    of_labels = (findings.c.site_id == site_id, ~OF_HISTORY)
    connection.execute(delete(findings).where(*of_labels, IS_OPEN))
    for start in range(0, len(found), _MAX_IDS_PER_QUERY):
        _replace_page(connection, site_id, found[::-1][start : start + _MAX_IDS_PER_QUERY], at)
    return connection.execute(select(func.count()).select_from(findings).where(*of_labels, IS_OPEN)).scalar_one()


def add_history(connection: Connection, site_id: int, suspicious: Sequence[tuple[int, float]], at: datetime) -> None:
    """Store comments of the history with their probabilities, unless they have a finding. The first one comes first."""
    rows = [_row(site_id, Finding(comment_id, 0, probability), at) for comment_id, probability in suspicious[::-1]]
    if rows:
        connection.execute(insert(findings), rows)


def remove_history(connection: Connection, site_id: int, *, open_only: bool = False) -> None:
    """Delete the findings on a site's history."""
    statement = delete(findings).where(findings.c.site_id == site_id, OF_HISTORY)
    connection.execute(statement.where(IS_OPEN) if open_only else statement)


def follow(connection: Connection, comment_id: int, label: Label, *, is_undo: bool) -> None:
    """Open and close findings after a row was appended to the log of a comment.

    A person who labels a comment with an open finding has looked at it: the new label is settled too.
    """
    if label.value and label.channel in PERSON_CHANNELS and not is_undo:
        settled = (
            literal(label.created_at, UtcDateTime),
            literal(label.labelled_by, AnyText),
            false(),
            _newest_row(_IN_FORCE, findings.c.comment_id),
        )
        of_comment = and_(findings.c.comment_id == comment_id, IS_OPEN)
        copied = select(*(findings.c[name] for name in _FACTS), *settled).where(of_comment)
        names = [*_FACTS, "settled_at", "settled_by", "is_open", "label_id"]
        connection.execute(insert(findings).from_select(names, copied))
    _refresh(connection, or_(findings.c.comment_id == comment_id, findings.c.contradicts_id == comment_id))


def settle(connection: Connection, comment_id: int, act_id: int | None, settled_by: str, at: datetime) -> None:
    """Close the open finding on a comment: its label is right."""
    of_comment = and_(findings.c.comment_id == comment_id, IS_OPEN)
    values = {"settled_at": at, "settled_by": settled_by, "act_id": act_id, "is_open": False}
    connection.execute(update(findings).where(of_comment).values(values))


def reopen(connection: Connection, act_id: int) -> int:
    """Take back what an act settled, and return how many findings it was; labels of since then count."""
    of_act = findings.c.act_id == act_id
    settled = and_(of_act, findings.c.settled_at.is_not(None))
    count = connection.execute(update(findings).where(settled).values(settled_at=None, settled_by=None)).rowcount
    _refresh(connection, of_act)
    return count


def _replace_page(connection: Connection, site_id: int, found: Sequence[Finding], at: datetime) -> None:
    comment_ids, label_ids = [each.comment_id for each in found], [each.label_id for each in found]
    of_page = findings.c.label_id.in_(label_ids)
    connection.execute(delete(findings).where(of_page, findings.c.settled_at.is_(None)))
    settled = set(connection.execute(select(findings.c.label_id).where(of_page)).scalars())
    later = _newest.alias("later_label")
    is_newest = ~exists().where(later.c.comment_id == _newest.c.comment_id, later.c.id > _newest.c.id)
    newest = select(_IN_FORCE).where(_newest.c.comment_id.in_(comment_ids), is_newest)
    current = set(connection.execute(newest).scalars()) - settled
    rows = [_row(site_id, each, at) for each in found if each.label_id in current]
    if rows:
        connection.execute(insert(findings), rows)
        _refresh(connection, of_page)


def _row(site_id: int, finding: Finding, at: datetime) -> dict[str, object]:
    row = finding._asdict() | {"site_id": site_id, "found_at": at, "is_open": True}
    del row["near_duplicate"]
    return row


def _newest_row(column: ColumnElement[Any], comment_id: ColumnElement[int]) -> ColumnElement[Any]:
    """Return a column of the newest row in the log of a comment."""
    newest_first = select(column).where(_newest.c.comment_id == comment_id).order_by(_newest.c.id.desc())
    return newest_first.limit(1).correlate(findings).scalar_subquery()


def _refresh(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Derive from the log which of some findings are open."""
    own, other = (_newest_row(_newest.c.value, findings.c[name]) for name in ("comment_id", "contradicts_id"))
    is_open = and_(
        findings.c.settled_at.is_(None),
        func.coalesce(_newest_row(_IN_FORCE, findings.c.comment_id), 0) == findings.c.label_id,
        or_(findings.c.contradicts_id.is_(None), func.coalesce(own != other, false())),
    )
    connection.execute(update(findings).where(condition).values(is_open=is_open))
