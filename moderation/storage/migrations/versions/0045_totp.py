"""TOTP secrets of moderators, their recovery codes, and the changes of both for the log."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, empty: every moderator signs in as before."""
    op.create_table(
        "totp",
        sa.Column("moderator_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("encrypted_secret", sa.Text),
        sa.Column("pending_secret", sa.Text),
        sa.Column("last_step", sa.Integer),
        sa.Column("enabled_at", _TIME),
        sa.PrimaryKeyConstraint("moderator_id", name="pk_totp"),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name="fk_totp_moderator_id"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("moderator_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("moderator_id", "digest", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name="fk_recovery_codes_moderator_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "account_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account_events"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("account_events")
    op.drop_table("recovery_codes")
    op.drop_table("totp")
