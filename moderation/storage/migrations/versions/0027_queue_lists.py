"""A decision names the label in force of its comment, so that each list of the queue is read from an index."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_FILL = """
UPDATE decisions SET label_id = (
    SELECT CASE WHEN labels.value IS NOT NULL OR labels.removes THEN labels.id END
    FROM labels WHERE labels.comment_id = decisions.comment_id ORDER BY labels.id DESC LIMIT 1
)
WHERE NOT superseded AND comment_id IN (SELECT comment_id FROM labels)
"""
_INDEXES = {
    "ix_decisions_blocked": (
        "decisions",
        ["decided_at", "id", "site_id"],
        "{current} AND label_id IS NULL AND verdict IN ('spam', 'discard')",
    ),
    "ix_decisions_public": (
        "decisions",
        ["decided_at", "id", "site_id"],
        "{current} AND label_id IS NULL AND verdict = 'publish'",
    ),
    "ix_decisions_labelled": ("decisions", ["label_id", "site_id"], "{current} AND label_id IS NOT NULL"),
    "ix_queue_items_unskipped": ("queue_items", ["id"], "closed_at IS NULL AND skipped_at IS NULL"),
}


def upgrade() -> None:
    """Add the column, fill it from the log, and create the indexes."""
    op.add_column("decisions", sa.Column("label_id", sa.Integer))
    op.execute(_FILL)
    for name, (table, columns, condition) in _INDEXES.items():
        on_sqlite, on_postgresql = (sa.text(condition.format(current=f"superseded IS {no}")) for no in (0, "false"))
        op.create_index(name, table, columns, sqlite_where=on_sqlite, postgresql_where=on_postgresql)


def downgrade() -> None:
    """Drop them."""
    for name, (table, _, _) in _INDEXES.items():
        op.drop_index(name, table)
    op.drop_column("decisions", "label_id")
