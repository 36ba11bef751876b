"""Delete the contents of comments that a site has kept long enough, in short writes that keep no comment waiting."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import Connection

from moderation.actions.keyed_digests import content_digest, field_digest
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.retention import PURGED_BY, Form, Retention
from moderation.domain.site import Site
from moderation.storage import queue_items, sites
from moderation.storage import retention as stored
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_comments, lock_site
from moderation.storage.retention import Identified, SiteRetention

T = TypeVar("T")

_PAGE_SIZE = 500
BATCH_SIZE = 25
"""Comments that one write changes: some ten milliseconds, in which scores wait."""
MIN_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class PurgeCount:
    """The number of comments of a site whose contents were deleted, or are due with a dry run."""

    url: str
    comments: int


def set_retention(services: Services, url: str, retention: Retention) -> Site:
    """Set what a site keeps of its comments. Returns the changed site. Raises `NotFound`.

    Nothing is deleted before the next purge.
    """
    site = find_site(services, url)

    def change(connection: Connection) -> None:
        lock_site(connection, site.id)
        sites.set_retention(connection, site.id, retention)

    services.writer.run(change)
    return find_site(services, url)


def purge_comments(services: Services, site: Site | None = None, *, dry_run: bool = False) -> list[PurgeCount]:
    """Delete the due contents, as `purge_steps` does, to its end. Returns the sites with any."""
    counts: Counter[str] = Counter()
    for step in purge_steps(services, site, dry_run=dry_run):
        counts[step.url] += step.comments
    return [PurgeCount(url, number) for url, number in counts.items() if number]


def purge_steps(services: Services, site: Site | None = None, *, dry_run: bool = False) -> Iterator[PurgeCount]:
    """Delete the due contents of the comments of a site, or of all sites, removed ones too.

    Yields after each short read or write, so that a caller can do other work in between. A dry run counts only.
    """
    with read_transaction(services.engine) as connection:
        found = [each for each in stored.list_sites(connection) if site is None or each.site_id == site.id]
    for each in found:
        if each.retention.deletes:
            yield from _purge_site(services, each, dry_run=dry_run)


def write_batch(services: Services, write: Callable[[Connection], T]) -> T:
    """Run a write, and leave the database to others for as long as it took.

    Otherwise the next one would take SQLite's lock again at once, before the writes of other processes look at it.
    """
    started = monotonic()
    result = services.writer.run(write)
    sleep(max(monotonic() - started, MIN_PAUSE_SECONDS))
    return result


def forget_fields(
    connection: Connection, comment_ids: Collection[int], retention: Retention, secret: bytes, at: datetime
) -> None:
    """Give the fields of comments their forms, in a transaction that has locked the comments."""
    rows = stored.identified(connection, comment_ids)
    stored.replace_fields(connection, [_fields_left(row, retention, secret, at) for row in rows])
    stored.drop_details(connection, comment_ids)
    if retention.text is not Form.FULL:
        stored.drop_texts(connection, comment_ids)


def _purge_site(services: Services, site: SiteRetention, *, dry_run: bool) -> Iterator[PurgeCount]:
    now, after = services.clock(), 0
    newest_end = site.retention.newest_end(now)
    while True:
        with read_transaction(services.engine, slow=True) as connection:
            page = stored.page_kept(connection, site.site_id, after, _PAGE_SIZE)
        # Comments are received in the order of their ids, but for a clock that was set back.
        if all(comment.received_at > newest_end for comment in page):
            return
        after = page[-1].comment_id
        due = [comment.comment_id for comment in page if comment.is_due(site.retention, now)]
        yield PurgeCount(site.url, len(due) if dry_run else 0)
        for start in range(0, 0 if dry_run else len(due), BATCH_SIZE):
            batch = due[start : start + BATCH_SIZE]
            purged = write_batch(services, partial(_purge_batch, services, site.retention, batch, now))
            yield PurgeCount(site.url, purged)


def _purge_batch(
    services: Services, retention: Retention, comment_ids: Collection[int], now: datetime, connection: Connection
) -> int:
    lock_comments(connection, comment_ids)
    # Read again: a person may have labelled one since.
    kept = stored.find_kept(connection, comment_ids)
    due = [comment.comment_id for comment in kept if comment.is_due(retention, now)]
    queue_items.close_for_comments(connection, due, PURGED_BY, "purged", now)
    forget_fields(connection, due, retention, services.secret, now)
    return len(due)


def _fields_left(row: Identified, retention: Retention, secret: bytes, at: datetime) -> dict[str, Any]:
    """Return the new values of the fields of a comment that are not kept in full."""
    left: dict[str, Any] = {"id": row.id, "purged_at": at, "retry_hash": None}
    forms = {"author": retention.name, "url": retention.url, "email": retention.email, "author_id": retention.email}
    for column, form in forms.items():
        value: str | None = getattr(row, column)
        if form is Form.DIGEST:
            left[column] = value and field_digest(secret, column, value)
        elif form is Form.NOTHING:
            left[column] = None
    if retention.email is not Form.FULL:
        left["author_roles"] = None
    if retention.text is not Form.FULL:
        left |= {"text": "", "context": None, "content_hash": content_digest(secret, row.content_hash)}
    if retention.text is Form.NOTHING:
        left |= {"content_hash": b"", "trait_keys": None}
    return left
