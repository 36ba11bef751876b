"""Orders of the held comments by score, and the searches that moderators gave a name."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_HELD = "superseded IS {} AND label_id IS NULL AND verdict = 'review'"
_INDEXES = {
    "ix_decisions_held_score": "probability",
    "ix_decisions_held_margin": "(probability - review_threshold)",
}


def upgrade() -> None:
    """Create the indexes and the table."""
    on_sqlite, on_postgresql = (sa.text(_HELD.format(no)) for no in (0, "false"))
    for name, place in _INDEXES.items():
        columns: list[str | sa.TextClause] = [sa.text(place), "id", "site_id"]
        op.create_index(name, "decisions", columns, sqlite_where=on_sqlite, postgresql_where=on_postgresql)
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("moderator_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("sort_order", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_views"),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name="fk_saved_views_moderator_id"),
    )
    op.create_index("ix_saved_views_moderator_id", "saved_views", ["moderator_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("saved_views")
    for name in _INDEXES:
        op.drop_index(name, "decisions")
