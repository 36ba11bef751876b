"""A site may have the signing secret of a moderation phase in Coral."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: no site has a secret yet, so Coral is asked for none."""
    op.add_column("sites", sa.Column("encrypted_coral_secret", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it. Requests of Coral are refused again."""
    op.drop_column("sites", "encrypted_coral_secret")
