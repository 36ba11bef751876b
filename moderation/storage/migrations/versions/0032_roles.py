"""Roles of moderators, on one site or on all. The moderators of before could do everything, and still can."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_GRANT_ALL = """
INSERT INTO grants (moderator_id, name, role, granted_by, granted_at)
SELECT id, name, 'owner', 'migration', created_at FROM moderators
"""


def upgrade() -> None:
    """Create the table, and make every moderator the owner of all sites."""
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("moderator_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("site_id", sa.Integer),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("granted_by", sa.Text, nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.Text),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_grants_site_id"),
    )
    in_force = sa.text("revoked_at IS NULL")
    op.create_index("ix_grants_in_force", "grants", ["moderator_id"], sqlite_where=in_force, postgresql_where=in_force)
    op.execute(_GRANT_ALL)


def downgrade() -> None:
    """Drop the table. Every moderator can do everything again."""
    op.drop_table("grants")
