"""A label has its origin, a reason, and the decision that the person saw; a comment may be removed without a lesson."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Labels of files get their origin; no earlier version labelled several comments at once."""
    op.add_column("labels", sa.Column("origin", sa.Text, nullable=False, server_default="single"))
    op.add_column("labels", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.add_column("labels", sa.Column("decision_id", sa.Text))
    op.add_column("labels", sa.Column("removes", sa.Boolean, nullable=False, server_default=sa.false()))
    labels = sa.table("labels", sa.column("origin", sa.Text), sa.column("channel", sa.Text))
    op.execute(labels.update().where(labels.c.channel == "import").values(origin="import"))


def downgrade() -> None:
    """Drop the columns."""
    for name in ("removes", "decision_id", "reason", "origin"):
        op.drop_column("labels", name)
