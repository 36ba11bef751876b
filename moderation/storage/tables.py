"""The tables as they are now; `migrations/` tells how they came to be."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, Table

from moderation.storage.columns import AnyText, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sites = Table(
    "sites",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", AnyText, nullable=False),
    Column("review_line", Double),
    Column("spam_line", Double),
    Column("discard_line", Double),
    Column("created_at", UtcTime, nullable=False),
    Column("removed_at", UtcTime),
)
_living = sites.c.removed_at.is_(None)
Index("uq_sites_url_living", sites.c.url, unique=True, sqlite_where=_living, postgresql_where=_living)

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False, index=True),
    Column("digest", AnyText, nullable=False),
    Column("hint", AnyText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("retired_at", UtcTime),
)
_live = keys.c.retired_at.is_(None)
# Unique among the live ones only: a blog that is removed and added again may bring its old key.
Index("uq_keys_digest_live", keys.c.digest, unique=True, sqlite_where=_live, postgresql_where=_live)

comments = Table(
    "comments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("content_key", AnyText, nullable=False),
    Column("text", AnyText, nullable=False),
    Column("author", AnyText),
    Column("url", AnyText),
    Column("email", AnyText),
    Column("permalink", AnyText),
    Column("context", AnyText),
    Column("type", AnyText),
    Column("lang", AnyText),
    Column("date", AnyText),
    Column("received_at", UtcTime, nullable=False),
    Index(None, "site_id", "content_key"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("comment_id", Integer, ForeignKey("comments.id"), nullable=False, index=True),
    Column("probability", Double, nullable=False),
    Column("logit", Double, nullable=False),
    Column("bias", Double, nullable=False),
    Column("reasons", AnyText, nullable=False),
    Column("model", AnyText, nullable=False),
    Column("review_line", Double, nullable=False),
    Column("spam_line", Double, nullable=False),
    Column("discard_line", Double, nullable=False),
    Column("verdict", AnyText, nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("door", AnyText, nullable=False),
    Column("made_at", UtcTime, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("comment_id", Integer, ForeignKey("comments.id"), nullable=False),
    Column("value", AnyText),
    Column("who", AnyText, nullable=False),
    Column("source", AnyText, nullable=False),
    Column("given_at", UtcTime, nullable=False),
    Index(None, "comment_id", "id"),
)

items = Table(
    "items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("decision_id", AnyText, ForeignKey("decisions.id"), nullable=False, unique=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("skipped_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("closed_by", AnyText),
    Column("outcome", AnyText),
)
_open = items.c.closed_at.is_(None)
Index("ix_items_open", items.c.id, sqlite_where=_open, postgresql_where=_open)

moderators = Table(
    "moderators",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", AnyText, nullable=False, unique=True),
    Column("password_hash", AnyText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # A removed moderator's number is never given again: a session of theirs must not open for a newcomer.
    sqlite_autoincrement=True,
)
