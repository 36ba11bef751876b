"""The first tables: sites and keys, comments, decisions, labels, items, moderators."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    _create_sites_and_keys()
    _create_comments()
    _create_decisions()
    _create_labels()
    _create_items()
    _create_moderators()


def downgrade() -> None:
    """Drop all tables with their rows."""
    for table in ("moderators", "items", "labels", "decisions", "comments", "keys", "sites"):
        op.drop_table(table)


def _id() -> "sa.Column[int]":
    return sa.Column("id", sa.Integer, nullable=False)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> "sa.Column[float]":
    return sa.Column(name, sa.Double, nullable=nullable)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}")


def _unique_where(name: str, table: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], unique=True, sqlite_where=condition, postgresql_where=condition)


def _create_sites_and_keys() -> None:
    op.create_table(
        "sites",
        _id(),
        _text("url"),
        _number("review_line", nullable=True),
        _number("spam_line", nullable=True),
        _number("discard_line", nullable=True),
        _time("created_at"),
        _time("removed_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sites"),
    )
    _unique_where("uq_sites_url_living", "sites", "url", "removed_at IS NULL")
    op.create_table(
        "keys",
        _id(),
        sa.Column("site_id", sa.Integer, nullable=False),
        _text("digest"),
        _text("hint"),
        _time("created_at"),
        _time("retired_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        _reference("keys", "site_id", "sites"),
    )
    op.create_index("ix_keys_site_id", "keys", ["site_id"])
    _unique_where("uq_keys_digest_live", "keys", "digest", "retired_at IS NULL")


def _create_comments() -> None:
    op.create_table(
        "comments",
        _id(),
        sa.Column("site_id", sa.Integer, nullable=False),
        _text("content_key"),
        _text("text"),
        _text("author", nullable=True),
        _text("url", nullable=True),
        _text("email", nullable=True),
        _text("permalink", nullable=True),
        _text("context", nullable=True),
        _text("type", nullable=True),
        _text("lang", nullable=True),
        _text("date", nullable=True),
        _time("received_at"),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
        _reference("comments", "site_id", "sites"),
    )
    op.create_index("ix_comments_site_id_content_key", "comments", ["site_id", "content_key"])


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        _text("id"),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("comment_id", sa.Integer, nullable=False),
        _number("probability"),
        _number("logit"),
        _number("bias"),
        _text("reasons"),
        _text("model"),
        _number("review_line"),
        _number("spam_line"),
        _number("discard_line"),
        _text("verdict"),
        sa.Column("degraded", sa.Boolean, nullable=False),
        _text("door"),
        _time("made_at"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        _reference("decisions", "site_id", "sites"),
        _reference("decisions", "comment_id", "comments"),
    )
    op.create_index("ix_decisions_comment_id", "decisions", ["comment_id"])


def _create_labels() -> None:
    op.create_table(
        "labels",
        _id(),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("comment_id", sa.Integer, nullable=False),
        _text("value", nullable=True),
        _text("who"),
        _text("source"),
        _time("given_at"),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        _reference("labels", "site_id", "sites"),
        _reference("labels", "comment_id", "comments"),
    )
    op.create_index("ix_labels_comment_id_id", "labels", ["comment_id", "id"])


def _create_items() -> None:
    op.create_table(
        "items",
        _id(),
        _text("decision_id"),
        sa.Column("site_id", sa.Integer, nullable=False),
        _time("opened_at"),
        _time("skipped_at", nullable=True),
        _time("closed_at", nullable=True),
        _text("closed_by", nullable=True),
        _text("outcome", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
        sa.UniqueConstraint("decision_id", name="uq_items_decision_id"),
        _reference("items", "decision_id", "decisions"),
        _reference("items", "site_id", "sites"),
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index("ix_items_open", "items", ["id"], sqlite_where=still_open, postgresql_where=still_open)


def _create_moderators() -> None:
    op.create_table(
        "moderators",
        _id(),
        _text("name"),
        _text("password_hash"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_moderators"),
        sa.UniqueConstraint("name", name="uq_moderators_name"),
        sqlite_autoincrement=True,
    )
