"""Store callbacks: where the blogs that hold comments receive the outcome of the review.

`result` is the outcome, `next_attempt_at` the time of the next delivery, `delivered_at` that of the confirmation.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from moderation.domain.decision import LabelValue
from moderation.storage.tables import callbacks, decisions, sites

MAX_DELAY = timedelta(hours=12, minutes=5)
"""Limit of the time between scheduling and delivery."""

_WITH_SITE = callbacks.join(sites, sites.c.id == callbacks.c.site_id)
_UNDECIDED = callbacks.c.result.is_(None)


class PendingCallback(NamedTuple):
    """A callback for a comment that its blog holds. The blog publishes the comment itself at `publishes_at`."""

    decision_id: str
    site_id: int
    url: str
    encrypted_key: str
    publishes_at: datetime


class DueCallback(NamedTuple):
    """A callback with all that its delivery needs."""

    decision_id: str
    guid: str
    site_url: str
    private_callback: bool
    url: str
    encrypted_key: str
    result: LabelValue
    attempts: int
    next_attempt_at: datetime


class FailedCallbacks(NamedTuple):
    """A blog that did not confirm some callbacks, their number, and the error of one of them."""

    site_url: str
    number: int
    last_error: str


def add(connection: Connection, pending: PendingCallback) -> None:
    """Store a callback. The blog knows the comment by the id of the decision."""
    connection.execute(insert(callbacks), {**pending._asdict(), "guid": pending.decision_id})


def find_guid(connection: Connection, decision_id: str) -> str | None:
    """Return the id by which a blog holds the comment of a decision; `None` if no blog holds it."""
    return connection.execute(select(callbacks.c.guid).where(callbacks.c.decision_id == decision_id)).scalar()


def replace_keys(connection: Connection, site_id: int, encrypted_key: str) -> None:
    """Replace the keys of all callbacks of a site."""
    connection.execute(update(callbacks).where(callbacks.c.site_id == site_id).values(encrypted_key=encrypted_key))


def set_result(
    connection: Connection, comment_id: int, result: LabelValue | None, at: datetime, *, undecided_only: bool = False
) -> None:
    """Schedule the delivery of a result from `at` on; with `None` nothing is delivered.

    With `undecided_only` callbacks that have a result already stay as they are.
    """
    statement = update(callbacks).where(_of_comment(comment_id))
    if undecided_only:
        statement = statement.where(_UNDECIDED)
    scheduled = {"result": result.value, "next_attempt_at": at} if result else {"result": None, "next_attempt_at": None}
    connection.execute(statement.values(**scheduled, attempts=0, delivered_at=None, last_error=None))


def transfer(connection: Connection, comment_id: int, decision_id: str) -> str | None:
    """Move the undecided callback of a comment to a newer decision and return its guid; `None` if there is none."""
    statement = update(callbacks).where(_of_comment(comment_id), _UNDECIDED).values(decision_id=decision_id)
    return connection.execute(statement.returning(callbacks.c.guid)).scalar()


def delete_for_comment(connection: Connection, comment_id: int) -> None:
    """Delete the callbacks of a comment."""
    connection.execute(delete(callbacks).where(_of_comment(comment_id)))


def due(connection: Connection, now: datetime, limit: int, limit_per_site: int = 10) -> list[DueCallback]:
    """Return at most `limit` due callbacks of active sites, and `limit_per_site` of one site, the longest due first.

    A callback that is scheduled for later than `MAX_DELAY` from now is due as well: the clock was set back since.
    """
    is_due = or_(callbacks.c.next_attempt_at <= now, callbacks.c.next_attempt_at > now + MAX_DELAY)
    place = func.row_number().over(partition_by=callbacks.c.site_id, order_by=callbacks.c.next_attempt_at)
    ranked = select(callbacks.c.decision_id, place.label("place")).where(is_due).subquery()
    columns = {**dict(callbacks.c.items()), "site_url": sites.c.url, "private_callback": sites.c.private_callback}
    statement = (
        select(*(columns[name] for name in DueCallback._fields))
        .select_from(_WITH_SITE.join(ranked, ranked.c.decision_id == callbacks.c.decision_id))
        .where(ranked.c.place <= limit_per_site, sites.c.removed_at.is_(None))
        .order_by(callbacks.c.next_attempt_at)
        .limit(limit)
    )
    return [DueCallback(*row)._replace(result=LabelValue(row.result)) for row in connection.execute(statement)]


def claim(connection: Connection, callback: DueCallback, until: datetime) -> DueCallback | None:
    """Reserve a due callback for this process until `until`. Returns `None` if another process was faster."""
    claimed = callback._replace(next_attempt_at=until, attempts=callback.attempts + 1)
    unchanged = _update_unchanged(connection, callback, next_attempt_at=until, attempts=claimed.attempts)
    return claimed if unchanged else None


def mark_delivered(connection: Connection, claimed: DueCallback, at: datetime) -> bool:
    """Record that the blog confirmed. Returns false if the result changed meanwhile.

    In that case the new result is delivered from `at` on, even if another process has delivered it.
    We cannot know which of the two calls arrived last.
    """
    unchanged = _update_unchanged(connection, claimed, next_attempt_at=None, delivered_at=at, last_error=None)
    return unchanged or _redeliver_if_changed(connection, claimed, at)


def mark_failed(
    connection: Connection, claimed: DueCallback, last_error: str, again_at: datetime | None, at: datetime
) -> bool:
    """Record an error and retry at `again_at`, or never with `None`. Returns false as `mark_delivered` does."""
    unchanged = _update_unchanged(connection, claimed, next_attempt_at=again_at, last_error=last_error)
    return unchanged or _redeliver_if_changed(connection, claimed, at)


def retry(connection: Connection, site_id: int, at: datetime) -> int:
    """Schedule the site's abandoned callbacks from `at` on. Returns how many."""
    abandoned = (
        callbacks.c.site_id == site_id,
        callbacks.c.next_attempt_at.is_(None),
        callbacks.c.last_error.is_not(None),
        callbacks.c.result.is_not(None),
    )
    return connection.execute(update(callbacks).where(*abandoned).values(next_attempt_at=at, attempts=0)).rowcount


def count(connection: Connection) -> int:
    """Return how many callbacks of active sites are still to be delivered, now or later."""
    pending = (callbacks.c.next_attempt_at.is_not(None), sites.c.removed_at.is_(None))
    return connection.execute(select(func.count()).select_from(_WITH_SITE).where(*pending)).scalar_one()


def list_failed(connection: Connection, *, abandoned_only: bool = False) -> list[FailedCallbacks]:
    """Return the active sites with unconfirmed callbacks, by URL. Abandoned callbacks count until they are purged.

    With `abandoned_only`, callbacks that will be retried are left out.
    """
    statement = (
        select(sites.c.url, func.count(), func.max(callbacks.c.last_error))
        .select_from(_WITH_SITE)
        .where(callbacks.c.last_error.is_not(None), sites.c.removed_at.is_(None))
        .group_by(sites.c.url)
        .order_by(sites.c.url)
    )
    if abandoned_only:
        statement = statement.where(callbacks.c.next_attempt_at.is_(None))
    return [FailedCallbacks(*row) for row in connection.execute(statement)]


def purge(connection: Connection, before: datetime) -> int:
    """Delete settled callbacks whose comments the blogs published before `before`, and all of removed sites.

    Returns how many. The encrypted keys go with them.
    """
    settled = callbacks.c.next_attempt_at.is_(None) & (callbacks.c.publishes_at < before)
    of_removed = callbacks.c.site_id.in_(select(sites.c.id).where(sites.c.removed_at.is_not(None)))
    return connection.execute(delete(callbacks).where(or_(settled, of_removed))).rowcount


def _of_comment(comment_id: int) -> ColumnElement[bool]:
    return callbacks.c.decision_id.in_(select(decisions.c.id).where(decisions.c.comment_id == comment_id))


def _update_unchanged(connection: Connection, callback: DueCallback, **values: object) -> bool:
    unchanged = (
        callbacks.c.decision_id == callback.decision_id,
        callbacks.c.next_attempt_at == callback.next_attempt_at,
        callbacks.c.attempts == callback.attempts,
        callbacks.c.result == callback.result.value,
    )
    return connection.execute(update(callbacks).where(*unchanged).values(**values)).rowcount == 1


def _redeliver_if_changed(connection: Connection, claimed: DueCallback, at: datetime) -> bool:
    # With the same result nothing is to be done: the process that took the claim over settles it.
    changed = (callbacks.c.decision_id == claimed.decision_id, callbacks.c.result != claimed.result.value)
    connection.execute(update(callbacks).where(*changed).values(next_attempt_at=at, delivered_at=None))
    return False
