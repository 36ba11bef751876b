"""Sites have a mode of rollout and the coverage of their budget; a calibration may refute the general guarantee."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_DEFAULT_COVERAGE = 0.8


def upgrade() -> None:
    """Add the columns. Each budget of a site gets the default coverage."""
    op.add_column("sites", sa.Column("coverage", sa.Double))
    op.add_column("sites", sa.Column("rollout", sa.Text, nullable=False, server_default="default"))
    op.add_column("calibrations", sa.Column("refutation", sa.Text))
    sites = sa.table("sites", sa.column("coverage", sa.Double), sa.column("max_lost_rate", sa.Double))
    op.execute(sites.update().where(sites.c.max_lost_rate.is_not(None)).values(coverage=_DEFAULT_COVERAGE))


def downgrade() -> None:
    """Drop the columns. Sites that only log begin to hold and block."""
    op.drop_column("calibrations", "refutation")
    op.drop_column("sites", "rollout")
    op.drop_column("sites", "coverage")
