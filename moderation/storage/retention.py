"""Find the comments that a site has kept long enough, and delete their contents. Their rows and decisions stay."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, select, update

from moderation.domain.decision import LabelValue
from moderation.domain.retention import DecidedComment, Retention
from moderation.domain.thresholds import Verdict
from moderation.storage.labels import IN_FORCE
from moderation.storage.packed_reasons import pack_reasons, unpack_reasons
from moderation.storage.tables import comments, decisions, labels, notes, opinions, queue_items, similarity_index, sites

_FACTS: Select[Any] = select(
    comments.c.id,
    comments.c.received_at,
    decisions.c.verdict,
    decisions.c.decided_at,
    labels.c.value,
    labels.c.removes,
    labels.c.created_at,
).select_from(
    comments.outerjoin(
        decisions, (decisions.c.comment_id == comments.c.id) & decisions.c.superseded.is_(False)
    ).outerjoin(labels, (labels.c.comment_id == comments.c.id) & IN_FORCE)
)


class SiteRetention(NamedTuple):
    """A site, which may have been removed, with its retention."""

    site_id: int
    url: str
    retention: Retention


class Identified(NamedTuple):
    """The stored fields of a comment by which its author or its content is found."""

    id: int
    content_hash: bytes
    author: str | None
    url: str | None
    email: str | None
    author_id: str | None


def list_sites(connection: Connection) -> list[SiteRetention]:
    """Return all sites, removed ones too: their comments are kept no longer than others."""
    rows = connection.execute(select(sites.c.id, sites.c.url, sites.c.retention).order_by(sites.c.id))
    return [SiteRetention(site_id, url, Retention.from_json(stored)) for site_id, url, stored in rows]


def page_kept(connection: Connection, site_id: int, after: int, limit: int) -> Sequence[DecidedComment]:
    """Return the next `limit` comments of a site that are stored as they came, in the order of their ids."""
    of_site = (comments.c.site_id == site_id, comments.c.purged_at.is_(None), comments.c.id > after)
    rows = connection.execute(_FACTS.where(*of_site).order_by(comments.c.id).limit(limit))
    return [_decided(*row) for row in rows]


def find_kept(connection: Connection, comment_ids: Collection[int]) -> Sequence[DecidedComment]:
    """Return those of the comments that are stored as they came."""
    rows = connection.execute(_FACTS.where(comments.c.id.in_(comment_ids), comments.c.purged_at.is_(None)))
    return [_decided(*row) for row in rows]


def identified(connection: Connection, comment_ids: Collection[int]) -> list[Identified]:
    """Return the fields of comments by which their authors and contents are found."""
    columns = (comments.c[name] for name in Identified._fields)
    return [Identified(*row) for row in connection.execute(select(*columns).where(comments.c.id.in_(comment_ids)))]


def replace_fields(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Replace fields of comments, each with its `comment_id`; all replace the same fields."""
    if values:
        changed = {name: bindparam(f"new_{name}", type_=comments.c[name].type) for name in values[0] if name != "id"}
        rows = [{("row_id" if name == "id" else f"new_{name}"): value for name, value in row.items()} for row in values]
        connection.execute(update(comments).where(comments.c.id == bindparam("row_id")).values(changed), rows)


def drop_details(connection: Connection, comment_ids: Collection[int]) -> None:
    """Delete the quotations from comments in the reasons of their decisions. Codes and weights stay."""
    stored = select(decisions.c.id, decisions.c.reasons).where(decisions.c.comment_id.in_(comment_ids))
    rows = [
        {"decision_id": decision_id, "packed": pack_reasons(reason._replace(detail="") for reason in reasons)}
        for decision_id, reasons in ((row.id, unpack_reasons(row.reasons)) for row in connection.execute(stored))
        if any(reason.detail for reason in reasons)
    ]
    if rows:
        changing = update(decisions).where(decisions.c.id == bindparam("decision_id"))
        connection.execute(changing.values(reasons=bindparam("packed")), rows)


def drop_texts(connection: Connection, comment_ids: Collection[int]) -> None:
    """Delete all about comments that follows from their texts, but for the features of labels: notes and indexes."""
    of_comments = select(decisions.c.id).where(decisions.c.comment_id.in_(comment_ids))
    connection.execute(
        update(queue_items).where(queue_items.c.decision_id.in_(of_comments)).values(trait_keys=None, handover_id=None)
    )
    for table in (notes, opinions, similarity_index):
        connection.execute(delete(table).where(table.c.comment_id.in_(comment_ids)))


def _decided(
    comment_id: int,
    received_at: datetime,
    verdict: str | None,
    decided_at: datetime | None,
    value: str | None,
    removes: bool | None,
    labelled_at: datetime | None,
) -> DecidedComment:
    label = value and LabelValue(value)
    return DecidedComment(
        comment_id,
        received_at,
        Verdict(verdict) if verdict else None,
        decided_at,
        label or None,
        bool(removes),
        labelled_at,
    )
