"""Callbacks of decisions that no blog holds, and the author rules that acts replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table and the columns. Earlier decisions have no callback, as theirs was not kept."""
    op.create_table(
        "act_rules",
        sa.Column("act_id", sa.Integer, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("standing", sa.Text),
        sa.Column("set_by", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("created_at", _TIME),
        sa.Column("expires_at", _TIME),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("act_id", "site_id", "value", name="pk_act_rules"),
        sa.ForeignKeyConstraint(["act_id"], ["acts.id"], name="fk_act_rules_act_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_act_rules_site_id"),
        sqlite_with_rowid=False,
    )
    op.add_column("decisions", sa.Column("has_callback", sa.Boolean, nullable=False, server_default=sa.false()))
    for name in ("plugin_callback", "encrypted_plugin_key"):
        op.add_column("sites", sa.Column(name, sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    for name in ("encrypted_plugin_key", "plugin_callback"):
        op.drop_column("sites", name)
    op.drop_column("decisions", "has_callback")
    op.drop_table("act_rules")
