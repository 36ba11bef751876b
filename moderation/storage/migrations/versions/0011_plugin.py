"""A site remembers the key and the rejected callback that its blog's plugin sent last."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS = ("plugin_key_digest", "rejected_origin")


def upgrade() -> None:
    """Add the columns; they are filled by the next check of a comment."""
    for name in _COLUMNS:
        op.add_column("sites", sa.Column(name, sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the columns."""
    for name in _COLUMNS:
        op.drop_column("sites", name)
