"""Store callbacks: where the blogs that hold comments receive the outcome of the review.

`result` is the outcome, `next_attempt_at` the time of the next delivery, `delivered_at` that of the confirmation.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from moderation.domain.decision import LabelValue
from moderation.domain.people import SiteScope
from moderation.domain.site import ReviewAction
from moderation.domain.thresholds import Verdict
from moderation.storage.claims import claim_unchanged, is_due, update_unchanged
from moderation.storage.columns import AnyText, UtcDateTime
from moderation.storage.sites import in_scope
from moderation.storage.tables import callbacks, decisions, sites

MAX_DELAY = timedelta(hours=12, minutes=5)
"""Limit of the time between scheduling and delivery."""

_WITH_SITE = callbacks.join(sites, sites.c.id == callbacks.c.site_id)
_OPPOSITE = {LabelValue.HAM: LabelValue.SPAM, LabelValue.SPAM: LabelValue.HAM}
_IS_PUBLIC_AFTER_REVIEW = and_(
    decisions.c.verdict == Verdict.REVIEW.value, sites.c.review_action == ReviewAction.PUBLISH.value
)
_BY_VERDICT = case(
    (or_(decisions.c.verdict == Verdict.PUBLISH.value, _IS_PUBLIC_AFTER_REVIEW), LabelValue.HAM.value),
    (decisions.c.verdict.in_((Verdict.SPAM.value, Verdict.REVIEW.value)), LabelValue.SPAM.value),
)
"""The answer by whose place a blog that holds nothing has a comment; none for a discarded one."""
_IS_MOVED = (
    select(literal(1))
    .select_from(decisions.join(sites, sites.c.id == decisions.c.site_id))
    .where(decisions.c.id == callbacks.c.decision_id, decisions.c.has_callback, callbacks.c.told != _BY_VERDICT)
    .correlate(callbacks)
    .exists()
)
_UNDECIDED = callbacks.c.result.is_(None)
_IS_HELD = ~(
    exists().where(decisions.c.id == callbacks.c.decision_id, decisions.c.has_callback.is_(True)).correlate(callbacks)
)

_COMPARED = ("decision_id", "next_attempt_at", "attempts", "result")


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
    held = select(callbacks.c.guid).where(callbacks.c.decision_id == decision_id, _IS_HELD)
    return connection.execute(held).scalar()


def replace_keys(connection: Connection, site_id: int, encrypted_key: str) -> None:
    """Replace the keys of all callbacks of a site."""
    connection.execute(update(callbacks).where(callbacks.c.site_id == site_id).values(encrypted_key=encrypted_key))


def set_result(
    connection: Connection, comment_id: int, result: LabelValue | None, at: datetime, *, undecided_only: bool = False
) -> None:
    """Schedule the delivery of a result from `at` on; with `None` nothing is delivered.

    With `undecided_only` callbacks that have a result already stay as they are.
    """
    if result is None:
        # As before the label. One that was perhaps sent stays, as its blog may have the comment elsewhere now.
        unsent = (callbacks.c.told.is_(None), callbacks.c.attempts == 0)
        connection.execute(delete(callbacks).where(_of_comment(comment_id), ~_IS_HELD, *unsent))
    statement = update(callbacks).where(_of_comment(comment_id))
    if undecided_only:
        statement = statement.where(_UNDECIDED)
    scheduled = {"result": result.value, "next_attempt_at": at} if result else {"result": None, "next_attempt_at": None}
    connection.execute(statement.values(**scheduled, attempts=0, delivered_at=None, last_error=None))


def add_for_decision(connection: Connection, comment_id: int, result: LabelValue, at: datetime) -> None:
    """Store a callback with a result to deliver from `at` on, for a comment that its blog has in another place.

    Only the current decision counts: it has a callback, and none of these in the table. `publishes_at` has no meaning
    then.
    """
    values = {
        "decision_id": decisions.c.id,
        "site_id": decisions.c.site_id,
        "guid": decisions.c.id,
        "url": sites.c.plugin_callback,
        "encrypted_key": sites.c.encrypted_plugin_key,
        "publishes_at": literal(at, UtcDateTime),
        "result": literal(result.value, AnyText),
        "next_attempt_at": literal(at, UtcDateTime),
    }
    known = exists().where(callbacks.c.decision_id == decisions.c.id).correlate(decisions)
    derived = (
        select(*values.values())
        .join_from(decisions, sites, sites.c.id == decisions.c.site_id)
        .where(decisions.c.comment_id == comment_id, decisions.c.superseded.is_(False), decisions.c.has_callback)
        .where(_BY_VERDICT.in_([_OPPOSITE[result].value]))
        .where(sites.c.plugin_callback != "", sites.c.encrypted_plugin_key != "", ~known)
    )
    connection.execute(insert(callbacks).from_select(list(values), derived))


def take_back(connection: Connection, comment_id: int, previous: LabelValue | None, at: datetime) -> None:
    """Restore the result that a comment's callbacks had, `None` for none.

    Where a blog perhaps moved the comment meanwhile, `previous` is delivered from `at` on. If there was none, the blog
    that holds the comment gets the opposite, and any other one puts the comment back where it had it.
    """
    columns = (callbacks.c.decision_id, callbacks.c.result, callbacks.c.attempts, callbacks.c.delivered_at)
    by_verdict = case((decisions.c.has_callback, _BY_VERDICT), else_=null()).label("by_verdict")
    of_comment = (
        select(*columns, callbacks.c.told, callbacks.c.told_at, by_verdict)
        .join(decisions, decisions.c.id == callbacks.c.decision_id)
        .join(sites, sites.c.id == callbacks.c.site_id)
        .where(_of_comment(comment_id))
    )
    for decision_id, result, attempts, delivered_at, told, told_at, home in connection.execute(of_comment).all():
        was_sent = result is not None and (attempts > 0 or delivered_at is not None)
        opposite = _OPPOSITE[LabelValue(result)].value if was_sent else None
        wanted = previous.value if previous else home or opposite
        place = None if was_sent and delivered_at is None else told or home
        if home and place == wanted and told is None:
            connection.execute(delete(callbacks).where(callbacks.c.decision_id == decision_id))
            continue
        is_there = wanted is not None and place == wanted
        values = {
            "result": wanted,
            "next_attempt_at": None if wanted is None or is_there else at,
            "attempts": 0,
            "delivered_at": told_at if is_there else None,
            "last_error": None,
        }
        connection.execute(update(callbacks).where(callbacks.c.decision_id == decision_id).values(**values))


def transfer(connection: Connection, comment_id: int, decision_id: str) -> str | None:
    """Move the undecided callback of a comment to a newer decision and return its guid; `None` if there is none."""
    of_comment = (_of_comment(comment_id), _UNDECIDED, _IS_HELD)
    statement = update(callbacks).where(*of_comment).values(decision_id=decision_id)
    return connection.execute(statement.returning(callbacks.c.guid)).scalar()


def delete_for_comment(connection: Connection, comment_id: int) -> None:
    """Delete the callbacks of a comment."""
    connection.execute(delete(callbacks).where(_of_comment(comment_id)))


def due(connection: Connection, now: datetime, limit: int, limit_per_site: int = 10) -> list[DueCallback]:
    """Return at most `limit` due callbacks of active sites, and `limit_per_site` of one site, the longest due first.

    A callback that is scheduled for later than `MAX_DELAY` from now is due as well: the clock was set back since.
    """
    place = func.row_number().over(partition_by=callbacks.c.site_id, order_by=callbacks.c.next_attempt_at)
    ranked = (
        select(callbacks.c.decision_id, place.label("place"))
        .where(is_due(callbacks.c.next_attempt_at, now, MAX_DELAY))
        .subquery()
    )
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
    values = {"next_attempt_at": until, "attempts": claimed.attempts}
    return claimed if claim_unchanged(connection, callbacks, callback, _COMPARED, **values) else None


def mark_delivered(connection: Connection, claimed: DueCallback, at: datetime) -> bool:
    """Record that the blog confirmed. Returns false if the result changed meanwhile.

    In that case the new result is delivered from `at` on, even if another process has delivered it.
    We cannot know which of the two calls arrived last.
    """
    told = {"told": claimed.result.value, "told_at": at}
    unchanged = _update_unchanged(connection, claimed, next_attempt_at=None, delivered_at=at, last_error=None, **told)
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


def list_failed(connection: Connection, scope: SiteScope, *, abandoned_only: bool = False) -> list[FailedCallbacks]:
    """Return the sites of the scope with unconfirmed callbacks, by URL.

    Abandoned callbacks count until they are purged. With `abandoned_only` they alone do.
    """
    statement = (
        select(sites.c.url, func.count(), func.max(callbacks.c.last_error))
        .select_from(_WITH_SITE)
        .where(callbacks.c.last_error.is_not(None), in_scope(sites.c.id, scope))
        .group_by(sites.c.url)
        .order_by(sites.c.url)
    )
    if abandoned_only:
        statement = statement.where(callbacks.c.next_attempt_at.is_(None))
    return [FailedCallbacks(*row) for row in connection.execute(statement)]


def purge(connection: Connection, before: datetime) -> int:
    """Delete settled callbacks whose comments the blogs published before `before`, and all of removed sites.

    One that was confirmed since stays: an undo would tell the blog the opposite. So does that of a blog which holds
    nothing and has moved the comment: only this row says where it is. Returns how many. Their keys go with them.
    """
    last_at = func.coalesce(callbacks.c.delivered_at, callbacks.c.publishes_at)
    settled = and_(
        callbacks.c.next_attempt_at.is_(None), callbacks.c.publishes_at < before, last_at < before, ~_IS_MOVED
    )
    of_removed = callbacks.c.site_id.in_(select(sites.c.id).where(sites.c.removed_at.is_not(None)))
    return connection.execute(delete(callbacks).where(or_(settled, of_removed))).rowcount


def _of_comment(comment_id: int) -> ColumnElement[bool]:
    return callbacks.c.decision_id.in_(select(decisions.c.id).where(decisions.c.comment_id == comment_id))


def _update_unchanged(connection: Connection, callback: DueCallback, **values: object) -> bool:
    return update_unchanged(connection, callbacks, callback, _COMPARED, **values)


def _redeliver_if_changed(connection: Connection, claimed: DueCallback, at: datetime) -> bool:
    # With the same result nothing is to be done: the process that took the claim over settles it.
    changed = (callbacks.c.decision_id == claimed.decision_id, callbacks.c.result != claimed.result.value)
    connection.execute(update(callbacks).where(*changed).values(next_attempt_at=at, delivered_at=None))
    return False
