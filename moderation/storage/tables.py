"""The tables as they are now; `migrations/` has the steps that led here."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
    literal_column,
)

from moderation.storage import operator_tables
from moderation.storage.columns import AnyText, ClampedInteger, UtcDateTime

metadata = operator_tables.metadata
"""All tables."""

sites = Table(
    "sites",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", AnyText, nullable=False),
    Column("review_threshold", Double),
    Column("spam_threshold", Double),
    Column("discard_threshold", Double),
    Column("type_thresholds", AnyText, nullable=False, server_default="{}"),
    Column("review_action", AnyText, nullable=False, server_default="hold"),
    Column("hold_seconds", Integer, nullable=False, server_default="86400"),
    Column("private_callback", Boolean, nullable=False, server_default=false()),
    Column("vouches_for_authors", Boolean, nullable=False, server_default=false()),
    # What the blog's plugin sent last: a digest of its key, and the origin of its callback unless it is the site's.
    Column("plugin_key_digest", AnyText, nullable=False, server_default=""),
    Column("rejected_origin", AnyText, nullable=False, server_default=""),
    # The site's own budget: all four columns or none.
    Column("max_lost_rate", Double),
    Column("max_held_rate", Double),
    Column("confidence", Double),
    Column("coverage", Double),
    Column("on_error", AnyText, nullable=False, server_default="error"),
    Column("rollout", AnyText, nullable=False, server_default="default"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
)
_active = sites.c.removed_at.is_(None)
Index("uq_sites_url_active", sites.c.url, unique=True, sqlite_where=_active, postgresql_where=_active)

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False, index=True),
    Column("digest", AnyText, nullable=False),
    Column("prefix", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
)
_active_keys = keys.c.retired_at.is_(None)
# Unique among active keys only: a blog that is removed and added again may keep its key.
Index("uq_keys_digest_active", keys.c.digest, unique=True, sqlite_where=_active_keys, postgresql_where=_active_keys)

comments = Table(
    "comments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("text", AnyText, nullable=False),
    Column("author", AnyText),
    Column("url", AnyText),
    Column("email", AnyText),
    Column("permalink", AnyText),
    Column("context", AnyText),
    Column("type", AnyText),
    Column("lang", AnyText),
    Column("date", AnyText),
    # The facts about the author that the blog vouches for.
    Column("author_id", AnyText),
    Column("author_roles", AnyText),
    Column("received_at", UtcDateTime, nullable=False),
    # A keyed hash of the request that brought the comment, and no other; else NULL.
    Column("retry_hash", BigInteger),
    # The keys of the comment's traits in `appearances`, 8 bytes each: a label is counted there.
    Column("trait_keys", LargeBinary),
)
AUTHOR_BEGINNING_LENGTH = 64
AUTHOR_BEGINNING = literal_column("coalesce(substr(author, 1, 64), '')", Text)
"""The indexed part of the author's name: an entry of an index of PostgreSQL has at most 2,704 bytes.

A database uses the index only for the same expression, so that it has no parameters.
"""
# Finds a comment's equals for feedback and rechecks, and the comment of a retried request by all columns. With the id,
# so that the newest of many is found without a look at the others.
Index(
    "ix_comments_content",
    comments.c.site_id,
    comments.c.content_hash,
    AUTHOR_BEGINNING,
    comments.c.retry_hash,
    comments.c.id,
)

# Published comments of a blog's export, with the probabilities of the model that judged them last.
history = Table(
    "history",
    metadata,
    Column("comment_id", Integer, ForeignKey("comments.id"), primary_key=True, autoincrement=False),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("model", AnyText, nullable=False),
    Column("probability", Double, nullable=False),
    # True if the comment is in the sample for the site's thresholds.
    Column("counts", Boolean, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
    Index(None, "site_id", "published_at"),
    Index(None, "site_id", "probability"),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("model", AnyText, nullable=False),
    Column("max_lost_rate", Double, nullable=False),
    Column("max_held_rate", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    # The guarantees as JSON, and the number of ham comments that each threshold was last chosen from.
    Column("review", AnyText),
    Column("spam", AnyText),
    Column("review_sample_size", Integer, nullable=False),
    Column("spam_sample_size", Integer, nullable=False),
    # The ham that refutes the model's general guarantee, as JSON.
    Column("refutation", AnyText),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "site_id", "id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("comment_id", Integer, ForeignKey("comments.id"), nullable=False),
    Column("probability", Double, nullable=False),
    Column("logit", Double, nullable=False),
    Column("bias", Double, nullable=False),
    # As `packed_reasons` packs them: some forty weights of full precision are most of a decision's size.
    Column("reasons", LargeBinary, nullable=False),
    Column("model", AnyText, nullable=False),
    Column("review_threshold", Double, nullable=False),
    Column("spam_threshold", Double, nullable=False),
    Column("discard_threshold", Double, nullable=False),
    Column("verdict", AnyText, nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("channel", AnyText, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    # True if the blog had the comment checked again: a later decision replaced this one.
    Column("superseded", Boolean, nullable=False, server_default=false()),
    # The rollout stage, NULL where the site sets its own thresholds, and the calibration that it comes from.
    Column("stage", AnyText),
    Column("calibration_id", Integer, ForeignKey("calibrations.id")),
    # Both cover all columns that the statistics read, so that they need no table look-ups.
    Index("ix_decisions_by_time", "site_id", "decided_at", "verdict", "superseded"),
    Index("ix_decisions_by_comment", "comment_id", "decided_at", "verdict", "superseded"),
)

# Keys by which clients name a request. The fingerprint is the SHA-256 of its route and body, the ids its answer.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True),
    Column("key", AnyText, primary_key=True),
    Column("fingerprint", AnyText, nullable=False),
    Column("decision_ids", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("comment_id", Integer, ForeignKey("comments.id"), nullable=False),
    Column("value", AnyText),
    Column("labelled_by", AnyText, nullable=False),
    Column("channel", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("origin", AnyText, nullable=False, server_default="single"),
    Column("reason", AnyText, nullable=False, server_default=""),
    # Without a foreign key: the log outlives the decision.
    Column("decision_id", AnyText),
    # True if the comment was removed without a lesson; the value is NULL then.
    Column("removes", Boolean, nullable=False, server_default=false()),
    Index(None, "comment_id", "id"),
    Index(None, "site_id", "id"),
    Index(None, "site_id", "value", "comment_id"),
)

# All that learning reads of a labelled comment, so that its text may be deleted.
label_features = Table(
    "label_features",
    metadata,
    Column("comment_id", Integer, ForeignKey("comments.id"), primary_key=True, autoincrement=False),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    # The version of the features that made the row.
    Column("features_version", Integer, nullable=False),
    Column("features", LargeBinary, nullable=False),
)

# Derived from the labels in force: MinHash bands, by which similar comments are found.
similarity_index = Table(
    "similarity_index",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True),
    Column("value", AnyText, primary_key=True),
    Column("band_hash", BigInteger, primary_key=True),
    Column("comment_id", Integer, ForeignKey("comments.id"), primary_key=True, index=True),
    # The version of the features that computed the bands.
    Column("features_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

queue_items = Table(
    "queue_items",
    metadata,
    Column("id", ClampedInteger, primary_key=True),
    Column("decision_id", AnyText, ForeignKey("decisions.id"), nullable=False, unique=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("skipped_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("closed_by", AnyText),
    Column("outcome", AnyText),
)
_open = queue_items.c.closed_at.is_(None)
Index("ix_queue_items_open", queue_items.c.id, sqlite_where=_open, postgresql_where=_open)
# Covers the counts of open items, of all sites and of removed ones.
Index(
    "ix_queue_items_waiting",
    queue_items.c.site_id,
    queue_items.c.skipped_at,
    sqlite_where=_open,
    postgresql_where=_open,
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("decision_id", AnyText, ForeignKey("decisions.id"), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    # The id by which the blog holds the comment: that of the decision which asked it to hold.
    Column("guid", AnyText, nullable=False),
    Column("url", AnyText, nullable=False),
    Column("encrypted_key", AnyText, nullable=False),
    Column("publishes_at", UtcDateTime, nullable=False, index=True),
    Column("result", AnyText),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    Column("last_error", AnyText),
)
_pending = callbacks.c.next_attempt_at.is_not(None)
Index("ix_callbacks_next_attempt_at", callbacks.c.next_attempt_at, sqlite_where=_pending, postgresql_where=_pending)

# Where traits of comments appeared lately, by a keyed hash of the trait, and how comments with it are labelled.
appearances = Table(
    "appearances",
    metadata,
    Column("key", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("history", LargeBinary, nullable=False),
    Column("ham_labels", Integer, nullable=False),
    Column("spam_labels", Integer, nullable=False),
)

# The verdicts of a shadow candidate, as JSON, and the place of the last decision that it was compared with.
shadow = Table(
    "shadow",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("model", AnyText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("decision_id", AnyText, nullable=False),
    Column("counts", AnyText, nullable=False),
    Column("changed", AnyText, nullable=False),
)

# One row: the id distinguishes this database from others, the digest its secret from others. The versions are other
# texts after every change: of a site, a key, a calibration or a list, and of a list.
installation = Table(
    "installation",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("secret_digest", AnyText),
    Column("sites_version", AnyText, nullable=False, server_default=""),
    Column("lists_version", AnyText, nullable=False, server_default=""),
)
