"""A calibration says how much spam people had found in the history, and an index has the times of notes."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both. Sites with such spam choose their thresholds again."""
    op.add_column("calibrations", sa.Column("history_spam", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_notes_written_at_id", "notes", ["written_at", "id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_notes_written_at_id", "notes")
    op.drop_column("calibrations", "history_spam")
