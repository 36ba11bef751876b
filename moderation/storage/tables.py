"""The tables as they are now; `migrations/` tells how they came to be."""

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, Table, false

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
    Column("type_lines", AnyText, nullable=False, server_default="{}"),
    Column("review_means", AnyText, nullable=False, server_default="hold"),
    Column("hold_seconds", Integer, nullable=False, server_default="86400"),
    Column("private_callback", Boolean, nullable=False, server_default=false()),
    # The site's own budget, all three or none.
    Column("lost_at_most", Double),
    Column("held_at_most", Double),
    Column("confidence", Double),
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

standings = Table(
    "standings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("model", AnyText, nullable=False),
    Column("lost_at_most", Double, nullable=False),
    Column("held_at_most", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    # Certificates as JSON, and from how many good comments the lines were drawn last.
    Column("review", AnyText),
    Column("spam", AnyText),
    Column("review_drawn", Integer, nullable=False),
    Column("spam_drawn", Integer, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Index(None, "site_id", "id"),
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
    # True where the blog had the comment checked again: another decision counts.
    Column("superseded", Boolean, nullable=False, server_default=false()),
    # The step on the ladder, empty where the site's own lines were drawn; and what the step was earned by, if anything.
    Column("step", AnyText),
    Column("standing_id", Integer, ForeignKey("standings.id")),
    Index(None, "site_id", "made_at"),
)
_standing = decisions.c.superseded.is_(False)
# These hold all that the statistics read, so that they never touch the rows themselves.
_counted = ("made_at", "verdict", "superseded")
Index(
    "ix_decisions_by_time",
    decisions.c.site_id,
    *(decisions.c[name] for name in _counted),
    sqlite_where=_standing,
    postgresql_where=_standing,
)
Index(
    "ix_decisions_by_comment",
    decisions.c.comment_id,
    *(decisions.c[name] for name in _counted),
    sqlite_where=_standing,
    postgresql_where=_standing,
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
    Index(None, "site_id", "value", "comment_id"),
)

# What follows from the labels that hold: where comments that are like another one are looked for.
bands = Table(
    "bands",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True),
    Column("value", AnyText, primary_key=True),
    Column("band", BigInteger, primary_key=True),
    Column("comment_id", Integer, ForeignKey("comments.id"), primary_key=True, index=True),
    # That of the features which the text was read with.
    Column("version", Integer, nullable=False),
    sqlite_with_rowid=False,
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

callbacks = Table(
    "callbacks",
    metadata,
    Column("decision_id", AnyText, ForeignKey("decisions.id"), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    # What the blog knows the comment by: the id of the decision that asked it to hold.
    Column("guid", AnyText, nullable=False),
    Column("url", AnyText, nullable=False),
    Column("sealed_key", AnyText, nullable=False),
    Column("publishes_at", UtcTime, nullable=False),
    Column("result", AnyText),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcTime),
    Column("told_at", UtcTime),
    Column("problem", AnyText),
)
_waiting = callbacks.c.next_at.is_not(None)
Index("ix_callbacks_next_at", callbacks.c.next_at, sqlite_where=_waiting, postgresql_where=_waiting)

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
