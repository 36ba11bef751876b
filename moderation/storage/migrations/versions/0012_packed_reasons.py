"""Reasons are stored compressed, and two indexes of decisions serve what four did."""

import zlib
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BATCH_ROWS = 1_000
_COVERED = ["decided_at", "verdict", "superseded"]
_COVERING = {"ix_decisions_by_time": "site_id", "ix_decisions_by_comment": "comment_id"}
_SHORT = {"ix_decisions_site_id_decided_at": ["site_id", "decided_at"], "ix_decisions_comment_id": ["comment_id"]}


def upgrade() -> None:
    """Compress the reasons of every decision, and build the two indexes again, over all rows."""
    _convert_reasons(sa.LargeBinary(), lambda stored: zlib.compress(stored.encode(), 1))
    _drop_indexes([*_COVERING, *_SHORT])
    for name, column in _COVERING.items():
        op.create_index(name, "decisions", [column, *_COVERED])


def downgrade() -> None:
    """Store the reasons as text, and build the four indexes."""
    _convert_reasons(sa.Text(), lambda stored: zlib.decompress(stored).decode())
    _drop_indexes(_COVERING)
    current = sa.text("superseded IS FALSE")
    for name, column in _COVERING.items():
        op.create_index(name, "decisions", [column, *_COVERED], sqlite_where=current, postgresql_where=current)
    for name, columns in _SHORT.items():
        op.create_index(name, "decisions", columns)


def _drop_indexes(names: Iterable[str]) -> None:
    for name in names:
        op.drop_index(name, "decisions")


def _convert_reasons(kind: sa.types.TypeEngine[Any], convert: Callable[[Any], object]) -> None:
    """Replace the column by one of another kind, with each value converted."""
    connection = op.get_bind()
    op.add_column("decisions", sa.Column("converted", kind, nullable=False, server_default=""))
    page = sa.text("SELECT id, reasons FROM decisions WHERE id > :after ORDER BY id LIMIT :limit")
    update = sa.text("UPDATE decisions SET converted = :converted WHERE id = :id")
    after = ""
    while rows := connection.execute(page, {"after": after, "limit": _BATCH_ROWS}).all():
        connection.execute(update, [{"id": row.id, "converted": convert(row.reasons)} for row in rows])
        after = rows[-1].id
    op.drop_column("decisions", "reasons")
    # SQLite and PostgreSQL both do this in place, which Alembic's batch mode would not.
    op.execute("ALTER TABLE decisions RENAME COLUMN converted TO reasons")
