"""The history of sites: published comments of their blogs' exports, with the probabilities of one model.

A comment of the history counts as ham unless its label in force is spam.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, insert, or_, select, update

from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.storage import comments
from moderation.storage.labels import IN_FORCE
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import findings, history, labels

MAX_SAMPLE = 40_000
"""Size of the sample that a history gives, of its newest comments: it bounds the memory that a calibration takes."""

_LABELLED_SPAM = (
    exists()
    .where(labels.c.comment_id == history.c.comment_id, labels.c.value == LabelValue.SPAM.value, IN_FORCE)
    .correlate(history)
)
_LABELLED = (
    exists()
    .where(labels.c.comment_id == history.c.comment_id, IN_FORCE)
    .where(or_(labels.c.value.is_not(None), labels.c.removes.is_(True)))
    .correlate(history)
)
_KEPT = (
    exists()
    .where(findings.c.comment_id == history.c.comment_id, findings.c.label_id == 0, findings.c.settled_at.is_not(None))
    .correlate(history)
)


class KnownComment(NamedTuple):
    """A stored comment as an import sees it: its label in force, and when it came into the history.

    `channel` is that of the newest label, which may be a withdrawal; `None` without a label. `imported_at` is `None`
    for a comment that is not in the history.
    """

    comment_id: int
    author: str
    email: str
    permalink: str
    value: LabelValue | None
    channel: str | None
    imported_at: datetime | None


class HistoryRow(NamedTuple):
    """A comment's place in the history of its site. `counts` is true if it is in the sample for thresholds."""

    comment_id: int
    probability: float
    counts: bool
    published_at: datetime


class ScoredComment(NamedTuple):
    """A comment of the history with its probability."""

    comment_id: int
    comment: Comment
    probability: float
    published_at: datetime


def find_known(
    connection: Connection, site_id: int, content_hashes: Collection[bytes]
) -> dict[bytes, list[KnownComment]]:
    """Return the site's comments with these content hashes, by hash, the oldest first. Absent fields are empty."""
    statement = (
        select(
            comments_table.c.content_hash,
            comments_table.c.id,
            func.coalesce(comments_table.c.author, ""),
            func.coalesce(comments_table.c.email, ""),
            func.coalesce(comments_table.c.permalink, ""),
            labels.c.value,
            labels.c.channel,
            history.c.imported_at,
        )
        .select_from(
            comments_table.outerjoin(labels, (labels.c.comment_id == comments_table.c.id) & IN_FORCE).outerjoin(
                history, history.c.comment_id == comments_table.c.id
            )
        )
        .where(comments_table.c.site_id == site_id, comments_table.c.content_hash.in_(content_hashes))
        .order_by(comments_table.c.id)
    )
    found: dict[bytes, list[KnownComment]] = {}
    for content_hash, comment_id, author, email, permalink, value, *others in connection.execute(statement):
        known = KnownComment(comment_id, author, email, permalink, value and LabelValue(value), *others)
        found.setdefault(content_hash, []).append(known)
    return found


def newest_import(connection: Connection, site_id: int) -> datetime | None:
    """Return the time of the newest import of the site; `None` without a history."""
    statement = select(func.max(history.c.imported_at)).where(history.c.site_id == site_id)
    newest: datetime | None = connection.execute(statement).scalar()
    return newest


def put(connection: Connection, site_id: int, model: str, rows: Iterable[HistoryRow], at: datetime) -> None:
    """Store the places of comments in the history, in the place of earlier ones."""
    values = [row._asdict() | {"site_id": site_id, "model": model, "imported_at": at} for row in rows]
    if values:
        remove(connection, [value["comment_id"] for value in values])
        connection.execute(insert(history), values)


def remove(connection: Connection, comment_ids: Collection[int]) -> None:
    """Remove comments from the history. The comments themselves stay."""
    connection.execute(delete(history).where(history.c.comment_id.in_(comment_ids)))


def remove_all(connection: Connection, site_id: int) -> int:
    """Remove the whole history of a site and return its size. The comments themselves stay."""
    return connection.execute(delete(history).where(history.c.site_id == site_id)).rowcount


def count_ham(connection: Connection, site_id: int, model: str) -> int:
    """Return the size of the sample that `newest_ham` gives with the limit `MAX_SAMPLE`."""
    sample = _newest_ham(site_id, model, MAX_SAMPLE).subquery()
    return connection.execute(select(func.count()).select_from(sample)).scalar_one()


def count_spam(connection: Connection, site_id: int, model: str) -> int:
    """Return how many comments `count_ham` would count if people had not labelled them spam."""
    of_history = history.join(labels, labels.c.comment_id == history.c.comment_id)
    is_spam = labels.c.site_id == site_id, labels.c.value == LabelValue.SPAM.value, IN_FORCE
    statement = select(func.count()).select_from(of_history).where(*_counted(site_id, model), *is_spam)
    return connection.execute(statement).scalar_one()


def newest_ham(connection: Connection, site_id: int, model: str, limit: int) -> list[tuple[str, float]]:
    """Return names and spam probabilities of the history's ham that this model scored, the newest first.

    A name is `history-` with the number of the comment.
    """
    rows = connection.execute(_newest_ham(site_id, model, min(limit, MAX_SAMPLE)))
    return [(f"history-{comment_id}", probability) for comment_id, probability in rows]


def is_counted(site_id: int, model: str, comment_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that the comment with this id is in the history that this model scored, and counts."""
    return exists().where(history.c.comment_id == comment_id, *_counted(site_id, model))


def list_suspicious(
    connection: Connection, site_id: int, model: str, threshold: float, limit: int
) -> list[ScoredComment]:
    """Return at most `limit` comments of the history from a probability on that no person has labelled or kept.

    The highest probabilities come first.
    """
    statement = (
        select(history.c.comment_id, history.c.probability, history.c.published_at, *comments.COLUMNS)
        .join(comments_table, comments_table.c.id == history.c.comment_id)
        .where(*_suspicious(site_id, model, threshold))
        .order_by(history.c.probability.desc(), history.c.comment_id)
        .limit(limit)
    )
    return [
        ScoredComment(row["comment_id"], comments.from_row(row), row["probability"], row["published_at"])
        for row in connection.execute(statement).mappings()
    ]


def suspicious(connection: Connection, site_id: int, model: str, threshold: float) -> list[tuple[int, float]]:
    """Return the numbers and probabilities of all these comments, the highest probabilities first."""
    found = select(history.c.comment_id, history.c.probability).where(*_suspicious(site_id, model, threshold))
    rows = connection.execute(found.order_by(history.c.probability.desc(), history.c.comment_id))
    return [(comment_id, probability) for comment_id, probability in rows]


def count_suspicious(connection: Connection, site_id: int, model: str, threshold: float) -> int:
    """Return how many comments `list_suspicious` returns without a limit."""
    statement = select(func.count()).select_from(history).where(*_suspicious(site_id, model, threshold))
    return connection.execute(statement).scalar_one()


def find_missing(connection: Connection, site_id: int, comment_ids: Collection[int]) -> list[int]:
    """Return those of the numbers that are no comment in the history of the site."""
    statement = select(history.c.comment_id).where(history.c.site_id == site_id, history.c.comment_id.in_(comment_ids))
    return sorted(set(comment_ids) - set(connection.execute(statement).scalars()))


def list_outdated(connection: Connection, site_id: int, model: str, limit: int) -> list[tuple[int, Comment]]:
    """Return at most `limit` comments of the history, the newest first, that another model scored last."""
    statement = (
        select(history.c.comment_id, *comments.COLUMNS)
        .join(comments_table, comments_table.c.id == history.c.comment_id)
        .where(history.c.site_id == site_id, history.c.model != model, comments_table.c.purged_at.is_(None))
        .order_by(history.c.published_at.desc(), history.c.comment_id.desc())
        .limit(limit)
    )
    return [(row["comment_id"], comments.from_row(row)) for row in connection.execute(statement).mappings()]


def rescore(connection: Connection, model: str, probabilities: Iterable[tuple[int, float]]) -> None:
    """Replace the probabilities of comments by those of another model."""
    for comment_id, probability in probabilities:
        connection.execute(
            update(history).where(history.c.comment_id == comment_id).values(model=model, probability=probability)
        )


def _newest_ham(site_id: int, model: str, limit: int) -> Select[Any]:
    return (
        select(history.c.comment_id, history.c.probability)
        .where(*_counted(site_id, model), ~_LABELLED_SPAM)
        .order_by(history.c.published_at.desc(), history.c.comment_id.desc())
        .limit(limit)
    )


def _counted(site_id: int, model: str) -> tuple[ColumnElement[bool], ...]:
    return history.c.site_id == site_id, history.c.model == model, history.c.counts.is_(True)


def _suspicious(site_id: int, model: str, threshold: float) -> tuple[ColumnElement[bool], ...]:
    return (
        history.c.site_id == site_id,
        history.c.model == model,
        history.c.probability >= threshold,
        ~_LABELLED,
        ~_KEPT,
    )
