"""Notes of moderators on comments, and the request for a second opinion that a held comment waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column."""
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("comment_id", sa.Integer, nullable=False),
        sa.Column("written_by", sa.Text, nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("asked", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_notes_site_id"),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_notes_comment_id"),
    )
    op.create_index("ix_notes_comment_id_id", "notes", ["comment_id", "id"])
    op.add_column("queue_items", sa.Column("handover_id", sa.Integer))
    handed_over = sa.text("closed_at IS NULL AND handover_id IS NOT NULL")
    op.create_index(
        "ix_queue_items_handed_over",
        "queue_items",
        ["handover_id"],
        sqlite_where=handed_over,
        postgresql_where=handed_over,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_queue_items_handed_over", "queue_items")
    op.drop_column("queue_items", "handover_id")
    op.drop_table("notes")
