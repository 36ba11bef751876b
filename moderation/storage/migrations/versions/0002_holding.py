"""Settings for comments that blogs hold, callbacks for the outcome, and an index for the statistics."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SITE_COLUMNS: tuple["sa.Column[Any]", ...] = (
    sa.Column("type_lines", sa.Text, nullable=False, server_default="{}"),
    sa.Column("review_means", sa.Text, nullable=False, server_default="hold"),
    sa.Column("hold_seconds", sa.Integer, nullable=False, server_default="86400"),
    sa.Column("private_callback", sa.Boolean, nullable=False, server_default=sa.false()),
)


def upgrade() -> None:
    """Add settings to the sites, a table of callbacks, and indexes for counting decisions."""
    for column in _SITE_COLUMNS:
        op.add_column("sites", column)
    op.add_column("decisions", sa.Column("superseded", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_decisions_site_id_made_at", "decisions", ["site_id", "made_at"])
    _index_standing("ix_decisions_by_time", "site_id")
    _index_standing("ix_decisions_by_comment", "comment_id")
    _create_callbacks()


def downgrade() -> None:
    """Return to the first tables. Pending callbacks are lost."""
    op.drop_table("callbacks")
    for index in ("ix_decisions_by_comment", "ix_decisions_by_time", "ix_decisions_site_id_made_at"):
        op.drop_index(index, "decisions")
    op.drop_column("decisions", "superseded")
    for column in _SITE_COLUMNS:
        op.drop_column("sites", column.name)


def _index_standing(name: str, column: str) -> None:
    # SQLite uses such an index only for a query that spells the condition in the same way.
    op.create_index(
        name,
        "decisions",
        [column, "made_at", "verdict", "superseded"],
        sqlite_where=sa.text("superseded IS 0"),
        postgresql_where=sa.text("superseded IS false"),
    )


def _create_callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("guid", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("sealed_key", sa.Text, nullable=False),
        sa.Column("publishes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("decision_id", name="pk_callbacks"),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name="fk_callbacks_decision_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_callbacks_site_id"),
    )
    waiting = sa.text("next_at IS NOT NULL")
    op.create_index("ix_callbacks_next_at", "callbacks", ["next_at"], sqlite_where=waiting, postgresql_where=waiting)
