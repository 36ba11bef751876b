"""Indexes for the log of who did what."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.create_index("ix_acts_at_id", "acts", ["at", "id"])
    op.create_index("ix_acts_moderator_at", "acts", ["moderator", "at"])
    outside_acts = sa.text("act_id IS NULL AND undone_by IS NULL AND (channel NOT IN ('import', 'history'))")
    op.create_index(
        "ix_labels_outside_acts",
        "labels",
        ["created_at", "id"],
        sqlite_where=outside_acts,
        postgresql_where=outside_acts,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_labels_outside_acts", "labels")
    op.drop_index("ix_acts_moderator_at", "acts")
    op.drop_index("ix_acts_at_id", "acts")
