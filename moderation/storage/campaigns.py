"""Read the held comments of campaigns. The keys of their traits are stored with their queue items."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from moderation.domain.authors import VouchedAuthor
from moderation.domain.decision import LabelValue
from moderation.domain.lists import LIST_CODES
from moderation.domain.people import ALL_SITES
from moderation.scoring.repetition import REPETITION_DESCRIPTIONS
from moderation.scoring.site_weights import LEARNT_HERE
from moderation.storage.labels import IN_FORCE
from moderation.storage.packed_reasons import unpack_reasons
from moderation.storage.prepared import PreparedQuery
from moderation.storage.sites import in_scope
from moderation.storage.tables import appearances, comments, decisions, labels, queue_items, sites

_AT_A_TIME = 500
# The first comment of a flood has none of it, and those after a label have the most.
_BY_TIME = frozenset((*REPETITION_DESCRIPTIONS, *LIST_CODES, LEARNT_HERE))
# Audit items stay out: each is to be decided alone, by what the comment says.
_OPEN = PreparedQuery(
    select(queue_items.c.id, queue_items.c.site_id, queue_items.c.trait_keys)
    .where(queue_items.c.closed_at.is_(None), queue_items.c.audit_probability.is_(None))
    .where(queue_items.c.trait_keys.is_not(None), in_scope(queue_items.c.site_id, ALL_SITES))
    .order_by(queue_items.c.id.desc())
)
_SCORED = PreparedQuery(
    select(queue_items.c.id, queue_items.c.decision_id, decisions.c.probability)
    .join(decisions, decisions.c.id == queue_items.c.decision_id)
    .where(queue_items.c.closed_at.is_(None), queue_items.c.audit_probability.is_(None))
    .where(in_scope(queue_items.c.site_id, ALL_SITES))
    .order_by(queue_items.c.id.desc())
)


class OpenItem(NamedTuple):
    """A held comment by the number of its queue item, with its site and its packed keys."""

    id: int
    site_id: int
    keys: bytes


class ScoredItem(NamedTuple):
    """A held comment by the number of its queue item, with its decision and its probability of spam."""

    id: int
    decision_id: str
    probability: float


class Member(NamedTuple):
    """A held comment as a campaign counts it. `item_id` is the number of its queue item.

    `own_logit` is the logit without evidence that depends on the time of the comment.
    """

    item_id: int
    decision_id: str
    site_id: int
    opened_at: datetime
    probability: float
    own_logit: float
    author: str | None
    content_hash: bytes
    author_facts: VouchedAuthor


def open_items(connection: Connection, limit: int) -> list[OpenItem]:
    """Return the newest held comments with keys on active sites, at most `limit`, newest first."""
    return list(map(OpenItem._make, _OPEN.execute(connection, {}).fetchmany(limit)))


def item_number(connection: Connection, decision_id: str) -> int | None:
    """Return the number of the queue item of a decision; `None` without one."""
    statement = select(queue_items.c.id).where(queue_items.c.decision_id == decision_id)
    return connection.execute(statement).scalar()


def scored_items(connection: Connection, limit: int) -> list[ScoredItem]:
    """Return the newest held comments on active sites, at most `limit`, newest first."""
    return list(map(ScoredItem._make, _SCORED.execute(connection, {}).fetchmany(limit)))


def find_members(connection: Connection, item_ids: Sequence[int]) -> list[Member]:
    """Return the comments of open queue items, newest first."""
    statement: Select[Any] = (
        select(
            queue_items.c.id,
            queue_items.c.decision_id,
            queue_items.c.site_id,
            queue_items.c.opened_at,
            decisions.c.probability,
            decisions.c.logit,
            decisions.c.reasons,
            comments.c.author,
            comments.c.content_hash,
            comments.c.author_id,
            comments.c.author_roles,
        )
        .join(decisions, decisions.c.id == queue_items.c.decision_id)
        .join(comments, comments.c.id == decisions.c.comment_id)
        .where(queue_items.c.closed_at.is_(None))
        .order_by(queue_items.c.id.desc())
    )
    pages = (item_ids[start : start + _AT_A_TIME] for start in range(0, len(item_ids), _AT_A_TIME))
    rows = [row for page in pages for row in connection.execute(statement.where(queue_items.c.id.in_(page)))]
    return sorted(map(_member, rows), key=lambda member: -member.item_id)


def _member(row: Row[Any]) -> Member:
    later = sum(reason.weight for reason in unpack_reasons(row.reasons) if reason.code in _BY_TIME)
    return Member(
        row.id,
        row.decision_id,
        row.site_id,
        row.opened_at,
        row.probability,
        row.logit - later,
        row.author,
        row.content_hash,
        VouchedAuthor(row.author_id, row.author_roles),
    )


def opening_times(connection: Connection, item_ids: Collection[int]) -> dict[int, datetime]:
    """Return the times at which queue items were opened, by number."""
    statement = select(queue_items.c.id, queue_items.c.opened_at).where(queue_items.c.id.in_(item_ids))
    return {row.id: row.opened_at for row in connection.execute(statement)}


def decision_ids(connection: Connection, item_ids: Collection[int]) -> dict[int, str]:
    """Return the decisions of queue items, by number."""
    statement = select(queue_items.c.id, queue_items.c.decision_id).where(queue_items.c.id.in_(item_ids))
    return {row.id: row.decision_id for row in connection.execute(statement)}


def site_urls(connection: Connection, site_ids: Collection[int]) -> dict[int, str]:
    """Return the addresses of sites, by id."""
    statement = select(sites.c.id, sites.c.url).where(sites.c.id.in_(site_ids))
    return {row.id: row.url for row in connection.execute(statement)}


def count_labels(connection: Connection, keys: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return the numbers of ham and spam labels of those of the keys that labelled comments have."""
    columns = (appearances.c.key, appearances.c.ham_labels, appearances.c.spam_labels)
    statement = select(*columns).where((appearances.c.ham_labels > 0) | (appearances.c.spam_labels > 0))
    ordered = list(keys)
    pages = (ordered[start : start + _AT_A_TIME] for start in range(0, len(ordered), _AT_A_TIME))
    return {
        key: (ham, spam)
        for page in pages
        for key, ham, spam in connection.execute(statement.where(appearances.c.key.in_(page)))
    }


def contents_labelled_ham(connection: Connection, site_id: int, content_hashes: Collection[bytes]) -> set[bytes]:
    """Return those of the content hashes that comments of a site labelled ham have."""
    ordered = list(content_hashes)
    statement = (
        select(comments.c.content_hash)
        .join(labels, labels.c.comment_id == comments.c.id)
        .where(comments.c.site_id == site_id, labels.c.value == LabelValue.HAM.value, IN_FORCE)
    )
    pages = (ordered[start : start + _AT_A_TIME] for start in range(0, len(ordered), _AT_A_TIME))
    return {
        content_hash
        for page in pages
        for content_hash in connection.execute(statement.where(comments.c.content_hash.in_(page))).scalars()
    }
