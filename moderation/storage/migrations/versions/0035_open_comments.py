"""The comment that each moderator has open, by which other people see who is deciding it."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "open_comments",
        sa.Column("moderator_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("comment_id", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("moderator_id", name="pk_open_comments"),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_open_comments_comment_id"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("open_comments")
