"""Locks for actions that read before they write. Each is held until the transaction ends.

SQLite runs one write at a time and needs none of them. PostgreSQL runs writes side by side, and each statement of a
transaction sees what others have committed before it. A fact that was read under the lock stays true.

Locks are taken in the order of this module, and comments in that of their ids: no two actions wait for each other.
"""

from collections.abc import Collection
from hashlib import sha256

from sqlalchemy import Connection, Table, func, select

from moderation.storage.operator_tables import moderators
from moderation.storage.tables import comments, installation, sites

_LABELS_LOCK = 21
"""The first half of the keys of `lock_labels`; the second is a site. Keys of two halves are apart from all others."""
_MODELS_LOCK = 22


def lock_models(connection: Connection) -> None:
    """Lock the published models. Comments are judged, and sites changed, meanwhile."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_MODELS_LOCK, 0)))


def lock_installation(connection: Connection) -> None:
    """Lock the facts of the whole installation: its secret, and whether it has a site or a moderator."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(installation.c.id).with_for_update())


def lock_site(connection: Connection, site_id: int) -> None:
    """Lock a site's settings, keys, calibrations and imports. Its comments can be checked and labelled meanwhile."""
    _lock_rows(connection, sites, [site_id])


def lock_moderator(connection: Connection, moderator_id: int) -> None:
    """Lock what belongs to a moderator alone, such as the saved views."""
    _lock_rows(connection, moderators, [moderator_id])


def lock_request(connection: Connection, retry_hash: int) -> None:
    """Lock a request, by its hash, against the same request that is sent again meanwhile."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(retry_hash)))


def lock_content(connection: Connection, site_id: int, content_hash: bytes) -> None:
    """Lock a content of a site, whether a comment with it is stored or not."""
    if connection.dialect.name != "sqlite":
        digest = sha256(f"{site_id} ".encode() + content_hash).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def lock_comments(connection: Connection, comment_ids: Collection[int]) -> None:
    """Lock comments with their labels, queue items, callbacks and index entries."""
    _lock_rows(connection, comments, comment_ids)


def lock_labels(connection: Connection, site_id: int) -> None:
    """Lock the end of a site's label log: the ids of its labels then come in the order of their commits.

    A reader that has read up to an id would otherwise miss a lower one that is committed later.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_LABELS_LOCK, site_id)))


def _lock_rows(connection: Connection, table: Table, ids: Collection[int]) -> None:
    if connection.dialect.name != "sqlite" and ids:
        # NO KEY UPDATE, not UPDATE: rows that refer to these can be added meanwhile.
        rows = select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id)
        connection.execute(rows.with_for_update(key_share=True))
