"""People whom an OIDC provider signs in, the ended sign-ins, and the second factor of a session."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

oldest_program = "0046"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, empty. Every moderator signs in as before, and every session stays."""
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("moderator_id", sa.Integer, nullable=False),
        sa.Column("linked_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
        sa.UniqueConstraint("moderator_id", name="uq_identities_moderator_id"),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name="fk_identities_moderator_id"),
    )
    op.create_table(
        "used_states",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_used_states"),
    )
    op.add_column("sessions", sa.Column("has_second_factor", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sessions", "has_second_factor")
    op.drop_table("used_states")
    op.drop_table("identities")
