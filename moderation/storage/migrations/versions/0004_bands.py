"""An index by which similar comments are found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create an empty table. `moderation init` indexes the comments that were labelled before."""
    op.create_table(
        "bands",
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("band", sa.BigInteger, nullable=False),
        sa.Column("comment_id", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "value", "band", "comment_id", name="pk_bands"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_bands_site_id"),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_bands_comment_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_bands_comment_id", "bands", ["comment_id"])


def downgrade() -> None:
    """Drop the table. It can be rebuilt from the comments and their labels."""
    op.drop_table("bands")
