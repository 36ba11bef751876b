"""Findings of the second look: labels and published comments of imports that may be wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table, empty: the next audit of labels and the next import fill it."""
    op.create_table(
        "findings",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("comment_id", sa.Integer, nullable=False),
        sa.Column("label_id", sa.Integer, nullable=False),
        sa.Column("probability", sa.Double),
        sa.Column("contradicts_id", sa.Integer),
        sa.Column("contradictions", sa.Integer, nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME),
        sa.Column("settled_by", sa.Text),
        sa.Column("act_id", sa.Integer),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        sa.UniqueConstraint("comment_id", "label_id", name="uq_findings_comment_id_label_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_findings_site_id"),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_findings_comment_id"),
    )
    _index("open", ["id", "site_id"], {"sqlite": "is_open IS 1", "postgresql": "is_open IS true"})
    for name in ("contradicts_id", "act_id"):
        _index(name.removesuffix("_id"), [name], dict.fromkeys(("sqlite", "postgresql"), f"{name} IS NOT NULL"))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("findings")


def _index(name: str, columns: list[str], where: dict[str, str]) -> None:
    conditions = {f"{dialect}_where": sa.text(condition) for dialect, condition in where.items()}
    op.create_index(f"ix_findings_{name}", "findings", columns, **conditions)  # type: ignore[arg-type]
