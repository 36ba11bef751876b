"""What the second reader changed about the logit of a labelled comment, which learning takes as given."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. No earlier model had a reader."""
    op.add_column("label_features", sa.Column("reader_change", sa.Double, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("label_features", "reader_change")
