"""The last run of each background job."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table, empty: each job gets a row at its next run."""
    op.create_table(
        "job_runs",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("succeeded_at", _TIME),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed_at", _TIME),
        sa.Column("last_error", sa.Text),
        sa.Column("leased_until", _TIME),
        sa.PrimaryKeyConstraint("name", name="pk_job_runs"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("job_runs")
