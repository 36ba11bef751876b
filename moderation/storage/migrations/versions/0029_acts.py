"""Acts of moderators: each press of a button, by which all that it did can be taken back."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NEW_COLUMNS: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {
    "labels": {"restores_id": sa.Integer(), "undone_at": _TIME, "undone_by": sa.Text()},
    "callbacks": {"told": sa.Text(), "told_at": _TIME},
}
_OF_ACT = sa.text("act_id IS NOT NULL")


def upgrade() -> None:
    """Create the table and the columns. Delivered callbacks name the answer that their blogs confirmed."""
    op.create_table(
        "acts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("moderator", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("undone_at", _TIME),
        sa.Column("undone_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_acts"),
    )
    op.create_table(
        "act_items",
        sa.Column("act_id", sa.Integer, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("skipped_at", _TIME),
        sa.Column("closed_at", _TIME),
        sa.Column("closed_by", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("act_before", sa.Integer),
        sa.PrimaryKeyConstraint("act_id", "decision_id", name="pk_act_items"),
        sa.ForeignKeyConstraint(["act_id"], ["acts.id"], name="fk_act_items_act_id"),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name="fk_act_items_decision_id"),
        sqlite_with_rowid=False,
    )
    for table in ("labels", "queue_items"):
        op.add_column(table, sa.Column("act_id", sa.Integer))
        op.create_index(f"ix_{table}_act", table, ["act_id"], sqlite_where=_OF_ACT, postgresql_where=_OF_ACT)
    for table, columns in _NEW_COLUMNS.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    op.execute("UPDATE callbacks SET told = result, told_at = delivered_at WHERE delivered_at IS NOT NULL")


def downgrade() -> None:
    """Drop them."""
    for table, columns in _NEW_COLUMNS.items():
        for name in columns:
            op.drop_column(table, name)
    for table in ("queue_items", "labels"):
        op.drop_index(f"ix_{table}_act", table)
        op.drop_column(table, "act_id")
    op.drop_table("act_items")
    op.drop_table("acts")
