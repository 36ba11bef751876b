"""Several machines: the oldest program that can serve on this schema, and models that reach all machines."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

oldest_program = "0046"


def upgrade() -> None:
    """Add the column and the tables, which an earlier program does not read."""
    op.add_column("installation", sa.Column("oldest_program", sa.Text, nullable=False, server_default="0046"))
    op.create_table(
        "published_models",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("card_sha256", sa.Text, nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_published_models"),
    )
    op.create_table(
        "model_chunks",
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("model", "file", "number", name="pk_model_chunks"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("model_chunks")
    op.drop_table("published_models")
    op.drop_column("installation", "oldest_program")
