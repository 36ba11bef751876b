"""A request that is sent again finds its comment by a hash."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_HASHED = sa.text("retry_hash IS NOT NULL")


def upgrade() -> None:
    """Add the column; it stays empty for older comments, whose minute has passed."""
    op.add_column("comments", sa.Column("retry_hash", sa.BigInteger))
    columns = ["retry_hash", "id"]
    op.create_index("ix_comments_retry", "comments", columns, sqlite_where=_HASHED, postgresql_where=_HASHED)


def downgrade() -> None:
    """Drop the column."""
    op.drop_index("ix_comments_retry", "comments")
    op.drop_column("comments", "retry_hash")
