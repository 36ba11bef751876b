"""Opinions of the operator's own model on held comments, and the claims of its questions."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table, empty: only comments that are held are asked about."""
    op.create_table(
        "opinions",
        sa.Column("comment_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("is_spam", sa.Boolean),
        sa.Column("confidence", sa.Double),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", _TIME),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("comment_id", name="pk_opinions"),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_opinions_comment_id"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("opinions")
