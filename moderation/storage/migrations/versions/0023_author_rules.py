"""Facts about an author that the blog vouches for, and the rules of a site about them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and add the columns. Facts of an Akismet client do not count until the site says so."""
    op.create_table(
        "author_rules",
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("fact", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "fact", "value", name="pk_author_rules"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_author_rules_site_id"),
        sqlite_with_rowid=False,
    )
    op.add_column("comments", sa.Column("author_id", sa.Text))
    op.add_column("comments", sa.Column("author_roles", sa.Text))
    op.add_column("sites", sa.Column("vouches_for_authors", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sites", "vouches_for_authors")
    op.drop_column("comments", "author_roles")
    op.drop_column("comments", "author_id")
    op.drop_table("author_rules")
