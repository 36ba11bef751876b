"""Sites get a budget and calibrations, and each decision refers to its calibration."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SHARES = ("lost_at_most", "held_at_most", "confidence")


def upgrade() -> None:
    """Add the tables and columns. Every site without its own thresholds begins at the first stage."""
    for name in _SHARES:
        op.add_column("sites", sa.Column(name, sa.Double, nullable=True))
    op.create_table(
        "standings",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in _SHARES),
        sa.Column("review", sa.Text, nullable=True),
        sa.Column("spam", sa.Text, nullable=True),
        sa.Column("review_drawn", sa.Integer, nullable=False),
        sa.Column("spam_drawn", sa.Integer, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_standings"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_standings_site_id"),
    )
    op.create_index("ix_standings_site_id_id", "standings", ["site_id", "id"])
    op.add_column("decisions", sa.Column("step", sa.Text, nullable=True))
    # SQLite adds a reference only together with its column; Alembic would write two statements.
    op.execute(
        "ALTER TABLE decisions ADD COLUMN standing_id INTEGER "
        "CONSTRAINT fk_decisions_standing_id REFERENCES standings (id)"
    )
    op.create_index("ix_labels_site_id_value_comment_id", "labels", ["site_id", "value", "comment_id"])


def downgrade() -> None:
    """Return to the models' own thresholds. All calibrations are lost."""
    op.drop_index("ix_labels_site_id_value_comment_id", "labels")
    op.drop_column("decisions", "standing_id")
    op.drop_column("decisions", "step")
    op.drop_table("standings")
    for name in _SHARES:
        op.drop_column("sites", name)
