"""The oldest program that can serve on this schema: two versions serve side by side during an upgrade."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

oldest_program = "0046"


def upgrade() -> None:
    """Add the column, which an earlier program does not read."""
    op.add_column("installation", sa.Column("oldest_program", sa.Text, nullable=False, server_default="0046"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("installation", "oldest_program")
