"""Show and erase all that is stored about a person who wrote comments at a site."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection

from moderation.actions.keyed_digests import field_digest
from moderation.actions.repetition import count_label
from moderation.actions.retention import BATCH_SIZE, forget_fields, write_batch
from moderation.actions.services import Services
from moderation.domain.decision import Label
from moderation.domain.lists import EntryKind
from moderation.domain.person import Identifier, Person, canonical
from moderation.domain.receipt import Receipt
from moderation.domain.retention import Form, Retention
from moderation.domain.site import Site
from moderation.storage import findings, installation, labels, lessons, lists, persons, queue_items
from moderation.storage.compaction import MAX_BYTES, Compaction, compact
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_comments, lock_installation, lock_labels, lock_site

ERASED_BY = "erasure"
"""The name under which an erasure stands in the log of labels."""

_PAGE_SIZE = 2_000
_NOTHING = Retention(text=Form.NOTHING, name=Form.NOTHING, email=Form.NOTHING, url=Form.NOTHING)


class _Erased(NamedTuple):
    """The comments that were erased, the labels among them that taught, and the first times of both."""

    comments: int = 0
    labels: int = 0
    author_ids: frozenset[str] = frozenset()
    received_at: datetime | None = None
    labelled_at: datetime | None = None

    def merged(self, other: "_Erased") -> "_Erased":
        """Return both together."""
        return _Erased(
            self.comments + other.comments,
            self.labels + other.labels,
            self.author_ids | other.author_ids,
            min(filter(None, (self.received_at, other.received_at)), default=None),
            min(filter(None, (self.labelled_at, other.labelled_at)), default=None),
        )


class _Rest(NamedTuple):
    """The numbers of rules, list entries and views that were deleted, and the names of lists of all sites."""

    rules: int
    list_entries: int
    views: int
    other_lists: Sequence[str]


def find_comments(services: Services, site: Site, person: Person) -> Iterator[list[int]]:
    """Yield the ids of the comments of a person at a site, in pages, the oldest first.

    A field that was replaced by its digest is found too.
    """
    column = person.by.column
    sought, digest = canonical(person.value), field_digest(services.secret, column, person.value)
    after = 0
    while True:
        with read_transaction(services.engine, slow=True) as connection:
            page = persons.page_of_values(connection, site.id, column, after, _PAGE_SIZE)
        if not page:
            return
        after = page[-1][0]
        found = [comment_id for comment_id, value in page if value == digest or canonical(value) == sought]
        if found:
            yield found


def count_comments(services: Services, site: Site, person: Person) -> int:
    """Return the number of comments of a person at a site."""
    return sum(map(len, find_comments(services, site, person)))


def export_person(services: Services, site: Site, person: Person) -> Iterator[str]:
    """Yield a line of JSON for each comment of a person: its fields, decisions, labels and notes."""
    for found in find_comments(services, site, person):
        for start in range(0, len(found), BATCH_SIZE):
            with read_transaction(services.engine, slow=True) as connection:
                stored = list(persons.read_all(connection, found[start : start + BATCH_SIZE]))
            yield from (json.dumps({"site": site.url, **row}, default=_plain) + "\n" for row in stored)


def erase_person(services: Services, site: Site, person: Person, channel: str) -> Receipt:
    """Erase all that the database has about a person at a site. Returns the receipt.

    Each write erases a few comments, so that scores are stored in between. The labels of the comments are taken back:
    the site's weights are then those of a log that never had them. A second erasure finds nothing. Raises
    `StorageUnavailable`; batches that were erased by then stay so, and the erasure can be repeated.
    """
    now, erased = services.clock(), _Erased()
    for found in find_comments(services, site, person):
        for start in range(0, len(found), BATCH_SIZE):
            batch = found[start : start + BATCH_SIZE]
            done = write_batch(services, partial(_erase_batch, services, site, batch, now, channel))
            erased = erased.merged(done)
    rest = services.writer.run(partial(_erase_identifiers, site, person, sorted(erased.author_ids)))
    compaction = compact_database(services, MAX_BYTES)
    return Receipt(
        id=uuid4().hex,
        site=site.url,
        erased_at=now.isoformat(),
        by=person.by.value,
        comments=erased.comments,
        labels=erased.labels,
        rules=rest.rules,
        list_entries=rest.list_entries,
        views=rest.views,
        other_lists=rest.other_lists,
        database=compaction.kind,
        rewritten=compaction.rewritten,
        wal_emptied=compaction.wal_emptied,
        models=services.registry.ids_since(erased.labelled_at) if erased.labelled_at else [],
        **_read_places(services, erased.received_at),
    )


def compact_database(services: Services, max_bytes: int | None = None) -> Compaction:
    """Rewrite the database, with `max_bytes` a small one alone, so that no byte of deleted rows is left."""
    return compact(services.engine, max_bytes)


def _erase_batch(
    services: Services, site: Site, comment_ids: Sequence[int], now: datetime, channel: str, connection: Connection
) -> _Erased:
    lock_comments(connection, comment_ids)
    teaching = persons.teaching(connection, comment_ids)
    erased = _Erased(
        len(comment_ids),
        len(teaching),
        frozenset(persons.author_ids(connection, comment_ids)),
        persons.first_received_at(connection, comment_ids),
        persons.first_label_at(connection, comment_ids),
    )
    _remove(connection, site, comment_ids, teaching, Label(None, ERASED_BY, channel, now, removes=True))
    persons.erase_traces(connection, site.id, comment_ids, now - persons.KEYS_AGE)
    forget_fields(connection, comment_ids, _NOTHING, services.secret, now)
    return erased


def _remove(
    connection: Connection, site: Site, comment_ids: Sequence[int], teaching: Collection[int], removal: Label
) -> None:
    """Remove comments, with all that their labels have taught, and without an answer to their blog."""
    lock_labels(connection, site.id)
    for comment_id in sorted(teaching):
        count_label(connection, comment_id, None)
    lessons.remove_features(connection, comment_ids)
    labels.append_many(connection, site.id, [(comment_id, removal) for comment_id in comment_ids])
    labels.refresh_decisions(connection, comment_ids)
    for comment_id in teaching:
        findings.follow(connection, comment_id, removal, is_undo=False)
    queue_items.close_for_comments(connection, comment_ids, ERASED_BY, "erased", removal.created_at)


def _erase_identifiers(site: Site, person: Person, author_ids: Sequence[str], connection: Connection) -> _Rest:
    """Delete the person's identifiers where an operator or moderator entered them."""
    lock_installation(connection)
    lock_site(connection, site.id)
    by_id = [person.value.strip()] if person.by is Identifier.AUTHOR_ID else []
    rules = persons.remove_rules(connection, site.id, [*author_ids, *by_id])
    sought = canonical(person.value)
    views = [number for number, text in persons.list_views(connection) if sought in canonical(text)]
    persons.remove_views(connection, views)
    entries, other_lists = 0, list[str]()
    if person.by is Identifier.EMAIL:
        for each in lists.list_of_site(connection, site.id):
            doomed = [entry for entry in each.entries if (entry.kind, entry.key) == (EntryKind.MAILBOX, sought)]
            if doomed:
                lists.replace_entries(connection, each.name, doomed, [])
                entries += len(doomed)
        shared = lists.list_of_site(connection, None)
        other_lists = [each.name for each in shared if any(entry.key == sought for entry in each.entries)]
    return _Rest(rules, entries, len(views), other_lists)


def _read_places(services: Services, since: datetime | None) -> dict[str, Any]:
    """Return the id of the installation, and the backups that were written since the first comment."""
    with read_transaction(services.engine) as connection:
        written = persons.backups_since(connection, since) if since else []
        return {"installation": installation.find_id(connection), "backups": [path for path, _ in written]}


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
