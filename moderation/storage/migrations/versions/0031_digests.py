"""The digests and the feeds of moderators."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "digests",
        sa.Column("moderator_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("moderator_id", name="pk_digests"),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name="fk_digests_moderator_id"),
    )
    op.create_table(
        "feeds",
        sa.Column("moderator_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("moderator_id", name="pk_feeds"),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name="fk_feeds_moderator_id"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("feeds")
    op.drop_table("digests")
