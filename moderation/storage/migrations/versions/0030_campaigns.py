"""A queue item has the keys of its comment's traits, by which campaigns are found."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

# Those of a short text are not known here: comments that wait already are found by their other traits.
_FILL = """
UPDATE queue_items SET trait_keys = (
    SELECT comments.trait_keys FROM decisions JOIN comments ON comments.id = decisions.comment_id
    WHERE decisions.id = queue_items.decision_id
)
WHERE closed_at IS NULL
"""


def upgrade() -> None:
    """Add the column, and fill it for open items from the comments."""
    op.add_column("queue_items", sa.Column("trait_keys", sa.LargeBinary))
    op.execute(_FILL)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("queue_items", "trait_keys")
