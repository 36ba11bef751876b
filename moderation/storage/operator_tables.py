"""The tables of moderators, of operators' lists and of trusted and blocked authors."""

from sqlalchemy import Column, Double, ForeignKey, Integer, MetaData, Table

from moderation.storage.columns import AnyText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

moderators = Table(
    "moderators",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", AnyText, nullable=False, unique=True),
    Column("password_hash", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Ids are never reused, or the session of a removed moderator would sign in the next one.
    sqlite_autoincrement=True,
)

# Sessions of moderators that have not been ended. `digest` is the SHA-256 of a random token that the cookie has.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", AnyText, primary_key=True),
    Column("moderator_id", Integer, ForeignKey("moderators.id"), nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False),
)

# Lists of an operator, for one site or for all. An entry matches until it expires.
lists = Table(
    "lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", AnyText, nullable=False, unique=True),
    Column("site_id", Integer, ForeignKey("sites.id"), index=True),
    Column("weight", Double, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

list_entries = Table(
    "list_entries",
    metadata,
    Column("list_id", Integer, ForeignKey("lists.id"), primary_key=True),
    Column("kind", AnyText, primary_key=True),
    Column("key", AnyText, primary_key=True),
    Column("expires_at", UtcDateTime),
    sqlite_with_rowid=False,
)

# The authors that a site trusts or blocks, by a fact that the blog vouches for.
author_rules = Table(
    "author_rules",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True),
    Column("fact", AnyText, primary_key=True),
    Column("value", AnyText, primary_key=True),
    Column("standing", AnyText, nullable=False),
    Column("set_by", AnyText, nullable=False),
    Column("channel", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("reason", AnyText, nullable=False),
    sqlite_with_rowid=False,
)
