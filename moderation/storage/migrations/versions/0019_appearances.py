"""Where traits of comments appeared lately, and the keys by which a label finds them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and add the column."""
    op.create_table(
        "appearances",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=False),
        sa.Column("history", sa.LargeBinary, nullable=False),
        sa.Column("ham_labels", sa.Integer, nullable=False),
        sa.Column("spam_labels", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_appearances"),
    )
    op.add_column("comments", sa.Column("trait_keys", sa.LargeBinary))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("comments", "trait_keys")
    op.drop_table("appearances")
