"""A queue item may be an audit item: a copy of an automatic decision, with the probability with which it was drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_INDEX = "ix_queue_items_audits"
_IS_AUDIT = sa.text("audit_probability IS NOT NULL")


def upgrade() -> None:
    """Add the column, NULL for held comments, and an index of the audit items."""
    op.add_column("queue_items", sa.Column("audit_probability", sa.Double))
    columns = ["site_id", "closed_at"]
    op.create_index(_INDEX, "queue_items", columns, sqlite_where=_IS_AUDIT, postgresql_where=_IS_AUDIT)


def downgrade() -> None:
    """Drop them. Audit items would look held."""
    op.execute("DELETE FROM queue_items WHERE audit_probability IS NOT NULL")
    op.drop_index(_INDEX, "queue_items")
    op.drop_column("queue_items", "audit_probability")
