"""A site has an answer for comments that cannot be judged."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; all sites get the error, as before."""
    op.add_column("sites", sa.Column("on_error", sa.Text, nullable=False, server_default="error"))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("sites", "on_error")
