"""What a shadow candidate would have decided at each site."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "shadow",
        sa.Column("site_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("changed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("site_id", name="pk_shadow"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_shadow_site_id"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("shadow")
