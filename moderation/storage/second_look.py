"""The list for a second look, and the comments in it that were never judged, as they came with an import."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, exists, or_, select

from moderation.domain.comment import COMMENT_FIELDS
from moderation.domain.decision import Decision, Score
from moderation.domain.people import SiteScope
from moderation.domain.queue import Finding, ListedComment, NearDuplicate, unjudged_id, unjudged_number
from moderation.domain.site import ReviewAction
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import comments
from moderation.storage.findings import IS_OPEN
from moderation.storage.labels import IN_FORCE, LABEL_COLUMNS, label_from_values
from moderation.storage.sites import in_scope
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import decisions, findings, history, labels, sites

_NOT_JUDGED = Thresholds(1.0, 1.0, 1.0)
_CURRENT = decisions.c.superseded.is_(False)
_LABELS = tuple(column.label(f"label_{column.name}") for column in LABEL_COLUMNS)
_HAS_LABEL = and_(IN_FORCE, or_(labels.c.value.is_not(None), labels.c.removes.is_(True)))
_JUDGED = exists().where(decisions.c.comment_id == comments_table.c.id).correlate(comments_table)


def numbers(scope: SiteScope) -> Select[Any]:
    """Return the query of the numbers of all places in the list on sites of the scope."""
    return select(findings.c.id).where(IS_OPEN, in_scope(findings.c.site_id, scope))


def with_findings(connection: Connection, listed: list[ListedComment]) -> list[ListedComment]:
    """Return the comments with their open findings, if they have any."""
    found = _find_open(connection, [each.comment_id for each in listed])
    return [
        replace(each, finding=found[each.comment_id]) if each.comment_id in found and not each.is_audit else each
        for each in listed
    ]


def find_unjudged(
    connection: Connection, scope: SiteScope, listed_ids: Iterable[str], excerpt_length: int
) -> list[ListedComment]:
    """Return the comments with ids of `unjudged_id` that have no decision, on sites of the scope, in no order.

    Only the first `excerpt_length` code points of their fields are read.
    """
    comment_ids = [number for each in listed_ids if (number := unjudged_number(each)) is not None]
    if not comment_ids:
        return []
    statement = (
        select(
            comments_table.c.id,
            comments_table.c.site_id,
            comments_table.c.author_id,
            comments_table.c.received_at,
            sites.c.url.label("site_url"),
            sites.c.review_action,
            history.c.published_at,
            labels.c.id.label("label_id"),
            *_LABELS,
            *comments.EXCERPTS,
        )
        .join(sites, sites.c.id == comments_table.c.site_id)
        .outerjoin(history, history.c.comment_id == comments_table.c.id)
        .outerjoin(labels, and_(labels.c.comment_id == comments_table.c.id, _HAS_LABEL))
        .where(comments_table.c.id.in_(comment_ids), ~_JUDGED, in_scope(comments_table.c.site_id, scope))
    )
    rows = connection.execute(statement, {"excerpt_length": excerpt_length + 1}).mappings()
    return [_unjudged_comment(row, excerpt_length) for row in rows]


def _unjudged_comment(row: RowMapping, excerpt_length: int) -> ListedComment:
    comment = comments.from_row(row)
    fields = [getattr(comment, name) for name in COMMENT_FIELDS]
    at = row["published_at"] or row["received_at"]
    score = Score(0.0, 0.0, 0.0, (), "")
    decision_id = unjudged_id(row["id"])
    label = None if row["label_id"] is None else label_from_values(*(row[column.name] for column in _LABELS))
    return ListedComment(
        comment_id=row["id"],
        site_url=row["site_url"],
        review_action=ReviewAction(row["review_action"]),
        decision=Decision(decision_id, row["site_id"], comment, score, _NOT_JUDGED, Verdict.PUBLISH, False, at),
        channel="",
        author_id=row["author_id"],
        is_excerpt=any(field is not None and len(field) > excerpt_length for field in fields),
        label_id=row["label_id"] or 0,
        label=label,
        is_judged=False,
    )


def _find_open(connection: Connection, comment_ids: Collection[int]) -> dict[int, Finding]:
    """Return the open findings of comments, each with its near-duplicate on the same site, by comment."""
    others = and_(labels.c.comment_id == findings.c.contradicts_id, labels.c.site_id == findings.c.site_id, _HAS_LABEL)
    judged = and_(decisions.c.comment_id == findings.c.contradicts_id, _CURRENT)
    names = [name for name in Finding._fields if name != "near_duplicate"]
    statement = (
        select(*(findings.c[name] for name in names), labels.c.id, decisions.c.id, *LABEL_COLUMNS)
        .select_from(findings.outerjoin(labels, others).outerjoin(decisions, judged))
        .where(findings.c.comment_id.in_(comment_ids), IS_OPEN)
    )
    found = {}
    for row in connection.execute(statement):
        finding = Finding(*row[: len(names)])
        label_id, decision_id, *values = row[len(names) :]
        if label_id is not None:
            other_id = decision_id or unjudged_id(finding.contradicts_id or 0)
            finding = finding._replace(near_duplicate=NearDuplicate(other_id, label_from_values(*values)))
        found[finding.comment_id] = finding
    return found
