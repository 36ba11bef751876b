"""The published comments of a blog's export are the site's history."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "history",
        sa.Column("comment_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("counts", sa.Boolean, nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("comment_id", name="pk_history"),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_history_comment_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_history_site_id"),
    )
    op.create_index("ix_history_site_id_published_at", "history", ["site_id", "published_at"])
    op.create_index("ix_history_site_id_probability", "history", ["site_id", "probability"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("history")
