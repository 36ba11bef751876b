"""Lists of words, domains and mailboxes that an operator keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and add the column."""
    op.create_table(
        "lists",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("site_id", sa.Integer),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lists"),
        sa.UniqueConstraint("name", name="uq_lists_name"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_lists_site_id"),
    )
    op.create_index("ix_lists_site_id", "lists", ["site_id"])
    op.create_table(
        "list_entries",
        sa.Column("list_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("list_id", "kind", "key", name="pk_list_entries"),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name="fk_list_entries_list_id"),
        sqlite_with_rowid=False,
    )
    op.add_column("installation", sa.Column("lists_version", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("installation", "lists_version")
    op.drop_table("list_entries")
    op.drop_table("lists")
