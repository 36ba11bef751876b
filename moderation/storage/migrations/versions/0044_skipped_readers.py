"""The model whose second reader was skipped, so that the ham of such decisions counts for its thresholds."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("decisions", sa.Column("skipped_model", sa.Text))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("decisions", "skipped_model")
