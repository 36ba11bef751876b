"""The alarms of sites."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "alarms",
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "kind", name="pk_alarms"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_alarms_site_id"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("alarms")
