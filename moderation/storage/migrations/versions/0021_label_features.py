"""What learning reads of each labelled comment, and an index to find the newest label of a site."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the index. The next start fills the table."""
    op.create_table(
        "label_features",
        sa.Column("comment_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("features_version", sa.Integer, nullable=False),
        sa.Column("features", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("comment_id", name="pk_label_features"),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_label_features_comment_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_label_features_site_id"),
    )
    op.create_index("ix_labels_site_id_id", "labels", ["site_id", "id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_labels_site_id_id", "labels")
    op.drop_table("label_features")
