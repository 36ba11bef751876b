"""The database gets an identity and a place for the check value of the secret."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_IDENTITY_BYTES = 16


def upgrade() -> None:
    """Create the table with its one row; `moderation init` stores the check value."""
    installation = op.create_table(
        "installation",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("secret_digest", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.bulk_insert(installation, [{"id": secrets.token_hex(_IDENTITY_BYTES)}])


def downgrade() -> None:
    """Drop the table: a later upgrade gives the database another identity."""
    op.drop_table("installation")
