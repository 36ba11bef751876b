"""A calibration says how far the site's comments lower the review threshold."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: no threshold is lowered yet."""
    op.add_column("calibrations", sa.Column("review_lowering", sa.Double, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop it. Review thresholds are those of the guarantees again."""
    op.drop_column("calibrations", "review_lowering")
