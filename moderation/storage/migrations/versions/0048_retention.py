"""What each site keeps of its comments, the comments whose contents were deleted, and the backups that were written."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_KEPT = sa.text("purged_at IS NULL")
_DAYS = dict.fromkeys(("publish_days", "review_days", "spam_days", "discard_days"))
_FORMS = {"text": "digest", "name": "nothing", "email": "digest", "url": "nothing", "contact": ""}


def upgrade() -> None:
    """Add the columns and the table. Sites of before keep everything, until their operator decides otherwise."""
    op.add_column("sites", sa.Column("retention", sa.Text, nullable=False, server_default=""))
    sites = sa.table("sites", sa.column("retention", sa.Text))
    op.execute(sites.update().values(retention=json.dumps(_DAYS | _FORMS)))
    op.add_column("comments", sa.Column("purged_at", sa.DateTime(timezone=True)))
    op.create_index("ix_comments_kept", "comments", ["site_id", "id"], sqlite_where=_KEPT, postgresql_where=_KEPT)
    op.create_table(
        "backups",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_backups"),
    )


def downgrade() -> None:
    """Drop them. Contents that were deleted do not return."""
    op.drop_table("backups")
    op.drop_index("ix_comments_kept", "comments")
    op.drop_column("comments", "purged_at")
    op.drop_column("sites", "retention")
