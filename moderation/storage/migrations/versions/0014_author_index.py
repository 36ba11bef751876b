"""An index that finds the author of a comment among however many of the same content."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index of contents by one that has the beginning of the author's name."""
    beginning = sa.text("coalesce(substr(author, 1, 64), '')")
    op.create_index("ix_comments_content", "comments", ["site_id", "content_hash", beginning])
    op.drop_index("ix_comments_site_id_content_hash", "comments")


def downgrade() -> None:
    """Restore the index of contents."""
    op.create_index("ix_comments_site_id_content_hash", "comments", ["site_id", "content_hash"])
    op.drop_index("ix_comments_content", "comments")
