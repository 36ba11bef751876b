"""Sessions of moderators are rows, so that the service can end them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Moderators sign in again after the upgrade."""
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("moderator_id", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name="fk_sessions_moderator_id"),
    )
    op.create_index("ix_sessions_moderator_id", "sessions", ["moderator_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("sessions")
