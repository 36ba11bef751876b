"""Find, read and erase all that the database has about the author of comments."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from moderation.domain.authors import AuthorFact
from moderation.storage import history
from moderation.storage.labels import IN_FORCE
from moderation.storage.operator_tables import author_rules, backups, saved_views
from moderation.storage.packed_reasons import unpack_reasons
from moderation.storage.tables import (
    act_rules,
    callbacks,
    comments,
    decisions,
    findings,
    idempotency_keys,
    labels,
    notes,
    open_comments,
)

_UNTOUCHED = ("permalink", "type", "lang", "date")
"""The fields that a purge leaves."""


def page_of_values(
    connection: Connection, site_id: int, column: str, after: int, limit: int
) -> Sequence[tuple[int, str]]:
    """Return the next `limit` comments of a site that have a field, each with the field, in the order of their ids."""
    field = comments.c[column]
    of_site = (comments.c.site_id == site_id, comments.c.id > after, field.is_not(None))
    rows = connection.execute(select(comments.c.id, field).where(*of_site).order_by(comments.c.id).limit(limit))
    return [(comment_id, value) for comment_id, value in rows]


def author_ids(connection: Connection, comment_ids: Collection[int]) -> set[str]:
    """Return the ids at the blog of the authors of comments."""
    known = select(comments.c.author_id).where(comments.c.id.in_(comment_ids))
    return {author_id for author_id in connection.execute(known).scalars() if author_id}


def first_label_at(connection: Connection, comment_ids: Collection[int]) -> datetime | None:
    """Return the time of the first label with a value of comments; `None` without one."""
    values = select(labels.c.created_at).where(labels.c.comment_id.in_(comment_ids), labels.c.value.is_not(None))
    first: datetime | None = connection.execute(values.order_by(labels.c.created_at).limit(1)).scalar()
    return first


def first_received_at(connection: Connection, comment_ids: Collection[int]) -> datetime:
    """Return the time at which the first of comments was received."""
    times = select(comments.c.received_at).where(comments.c.id.in_(comment_ids))
    first: datetime = connection.execute(times.order_by(comments.c.received_at).limit(1)).scalar_one()
    return first


def teaching(connection: Connection, comment_ids: Collection[int]) -> set[int]:
    """Return those of the comments whose label in force has a value."""
    values = select(labels.c.comment_id).where(labels.c.comment_id.in_(comment_ids), labels.c.value.is_not(None))
    return set(connection.execute(values.where(IN_FORCE)).scalars())


def read_all(connection: Connection, comment_ids: Collection[int]) -> Iterator[dict[str, Any]]:
    """Yield comments with all that is stored about them: their fields, decisions, labels and notes."""
    hidden = {"site_id", "content_hash", "retry_hash", "trait_keys"}
    columns = [column for column in comments.c if column.name not in hidden]
    about = [
        ("decisions", decisions, ("id", "decided_at", "verdict", "probability", "model", "channel", "reasons")),
        ("labels", labels, ("created_at", "value", "removes", "labelled_by", "channel", "reason")),
        ("notes", notes, ("written_at", "written_by", "text")),
    ]
    found = {
        row["id"]: dict(row) | {name: [] for name, _, _ in about}
        for row in connection.execute(select(*columns).where(comments.c.id.in_(comment_ids))).mappings()
    }
    for name, table, names in about:
        chosen = select(table.c.comment_id, *(table.c[each] for each in names))
        for row in connection.execute(chosen.where(table.c.comment_id.in_(comment_ids))).mappings():
            entry = {each: row[each] for each in names}
            if "reasons" in entry:
                entry["reasons"] = [
                    {"code": reason.code, "weight": reason.weight, "detail": reason.detail}
                    for reason in unpack_reasons(entry["reasons"])
                ]
            found[row["comment_id"]][name].append(entry)
    yield from found.values()


def erase_traces(connection: Connection, site_id: int, comment_ids: Collection[int], keys_since: datetime) -> None:
    """Delete all about comments but their rows, decisions and labels, and the facts that a purge would leave.

    Of idempotency keys, which are kept for a day, those since a time are read: their fingerprints are digests of texts.
    """
    connection.execute(update(comments).where(comments.c.id.in_(comment_ids)).values(dict.fromkeys(_UNTOUCHED)))
    connection.execute(update(labels).where(labels.c.comment_id.in_(comment_ids)).values(reason=""))
    history.remove(connection, comment_ids)
    for table in (findings, open_comments):
        connection.execute(delete(table).where(table.c.comment_id.in_(comment_ids)))
    of_comments = select(decisions.c.id).where(decisions.c.comment_id.in_(comment_ids))
    connection.execute(delete(callbacks).where(callbacks.c.decision_id.in_(of_comments)))
    recent = connection.execute(of_comments.where(decisions.c.decided_at >= keys_since)).scalars()
    named = [idempotency_keys.c.decision_ids.contains(decision_id, autoescape=True) for decision_id in recent]
    if named:
        connection.execute(delete(idempotency_keys).where(idempotency_keys.c.site_id == site_id, or_(*named)))


def remove_rules(connection: Connection, site_id: int, ids: Collection[str]) -> int:
    """Delete the rules of a site for authors with these ids, former ones too. Returns how many were in force."""
    former = (act_rules.c.site_id == site_id, act_rules.c.value.in_(ids))
    connection.execute(delete(act_rules).where(*former))
    in_force = (author_rules.c.site_id == site_id, author_rules.c.fact == AuthorFact.ID.value)
    return connection.execute(delete(author_rules).where(*in_force, author_rules.c.value.in_(ids))).rowcount


def list_views(connection: Connection) -> list[tuple[int, str]]:
    """Return the numbers of all saved views, each with its name and query as one text."""
    rows = connection.execute(select(saved_views.c.id, saved_views.c.name, saved_views.c.query))
    return [(number, f"{name} {query}") for number, name, query in rows]


def remove_views(connection: Connection, numbers: Collection[int]) -> None:
    """Delete saved views."""
    connection.execute(delete(saved_views).where(saved_views.c.id.in_(numbers)))


def add_backup(connection: Connection, path: str, at: datetime) -> None:
    """Note a backup that was written, in the place of an earlier one of the same path."""
    connection.execute(delete(backups).where(backups.c.path == path))
    connection.execute(backups.insert().values(path=path, created_at=at))


def backups_since(connection: Connection, since: datetime) -> list[tuple[str, datetime]]:
    """Return the backups that were written since a time, the oldest first."""
    rows = connection.execute(select(backups.c.path, backups.c.created_at).where(backups.c.created_at >= since))
    return sorted(((path, at) for path, at in rows), key=lambda each: each[1])


KEYS_AGE = timedelta(hours=25)
"""Age of an idempotency key above which the hourly purge has deleted it."""
