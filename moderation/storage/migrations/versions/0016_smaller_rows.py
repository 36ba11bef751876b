"""Content hashes are 16 bytes in place of 64 letters, reasons are packed closer, and one index serves what two did."""

import json
import zlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from moderation.domain.decision import Reason
from moderation.storage.packed_reasons import pack_reasons, unpack_reasons

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BATCH_ROWS = 1_000
_CONTENT: list[str | sa.TextClause] = ["site_id", "content_hash", sa.text("coalesce(substr(author, 1, 64), '')")]
_HASHED = sa.text("retry_hash IS NOT NULL")


def upgrade() -> None:
    """Convert every comment and decision, and build the index."""
    op.drop_index("ix_comments_retry", "comments")
    op.drop_index("ix_comments_content", "comments")
    _convert("comments", "content_hash", sa.LargeBinary(), lambda stored: bytes.fromhex(stored)[:16])
    _convert("decisions", "reasons", sa.LargeBinary(), _pack_closer)
    op.create_index("ix_comments_content", "comments", [*_CONTENT, "retry_hash", "id"])


def downgrade() -> None:
    """Restore the columns and indexes. The second half of a hash is gone: new comments never equal these."""
    op.drop_index("ix_comments_content", "comments")
    _convert("comments", "content_hash", sa.Text(), lambda stored: bytes(stored).hex())
    _convert("decisions", "reasons", sa.LargeBinary(), _as_json)
    op.create_index("ix_comments_content", "comments", _CONTENT)
    retry = ["retry_hash", "id"]
    op.create_index("ix_comments_retry", "comments", retry, sqlite_where=_HASHED, postgresql_where=_HASHED)


def _pack_closer(stored: bytes) -> bytes:
    return pack_reasons(Reason(*reason) for reason in json.loads(zlib.decompress(stored)))


def _as_json(stored: bytes) -> bytes:
    reasons = [
        [code, weight, detail] if detail else [code, weight] for code, weight, detail, *_ in unpack_reasons(stored)
    ]
    return zlib.compress(json.dumps(reasons).encode(), 1)


def _convert(table: str, column: str, kind: sa.types.TypeEngine[Any], convert: Callable[[Any], object]) -> None:
    """Replace a column by one of another kind, with each value converted."""
    connection = op.get_bind()
    op.add_column(table, sa.Column("converted", kind, nullable=False, server_default=""))
    page = sa.text(f"SELECT id, {column} AS stored FROM {table} WHERE id > :after ORDER BY id LIMIT :limit")
    update = sa.text(f"UPDATE {table} SET converted = :converted WHERE id = :id")
    after: Any = 0 if table == "comments" else ""
    while rows := connection.execute(page, {"after": after, "limit": _BATCH_ROWS}).all():
        connection.execute(update, [{"id": row.id, "converted": convert(row.stored)} for row in rows])
        after = rows[-1].id
    op.drop_column(table, column)
    # SQLite and PostgreSQL both do this in place, which Alembic's batch mode would not.
    op.execute(f"ALTER TABLE {table} RENAME COLUMN converted TO {column}")
