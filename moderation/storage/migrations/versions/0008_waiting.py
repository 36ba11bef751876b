"""Indexes that keep the queue page and a scrape of the metrics fast, however many items wait."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    """Create the indexes."""
    op.create_index(
        "ix_queue_items_waiting",
        "queue_items",
        ["site_id", "skipped_at"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index("ix_callbacks_publishes_at", "callbacks", ["publishes_at"])


def downgrade() -> None:
    """Drop the indexes."""
    op.drop_index("ix_callbacks_publishes_at", "callbacks")
    op.drop_index("ix_queue_items_waiting", "queue_items")
