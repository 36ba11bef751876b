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
    and_,
    false,
    literal_column,
)

from moderation.storage import operator_tables, queue_tables
from moderation.storage.columns import AnyText, UtcDateTime

metadata = operator_tables.metadata
"""All tables."""
installation = operator_tables.installation
queue_items = queue_tables.queue_items
callbacks = queue_tables.callbacks
acts = queue_tables.acts
act_items = queue_tables.act_items
act_rules = queue_tables.act_rules
findings = queue_tables.findings
notes = queue_tables.notes
open_comments = queue_tables.open_comments
opinions = queue_tables.opinions

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
    # The last callback on the site's origin, the plugin's key, and the secret by which Coral signs.
    Column("plugin_callback", AnyText, nullable=False, server_default=""),
    Column("encrypted_plugin_key", AnyText, nullable=False, server_default=""),
    Column("encrypted_coral_secret", AnyText, nullable=False, server_default=""),
    # The site's own budget: all four columns or none.
    Column("max_lost_rate", Double),
    Column("max_held_rate", Double),
    Column("confidence", Double),
    Column("coverage", Double),
    Column("on_error", AnyText, nullable=False, server_default="error"),
    Column("rollout", AnyText, nullable=False, server_default="default"),
    # How comments are kept, as JSON; empty for the default.
    Column("retention", AnyText, nullable=False, server_default=""),
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
    # When contents of the comment were deleted; NULL while it is stored as it came.
    Column("purged_at", UtcDateTime),
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

_kept = comments.c.purged_at.is_(None)
Index("ix_comments_kept", comments.c.site_id, comments.c.id, sqlite_where=_kept, postgresql_where=_kept)

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
    Column("refutation", AnyText),  # The ham that refutes the model's general guarantee, as JSON.
    Column("review_lowering", Double, nullable=False, server_default="0"),  # In logits.
    Column("history_spam", Integer, nullable=False, server_default="0"),
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
    # True if the blog does not hold the comment and named a callback: a row in `callbacks` is made when it is needed.
    Column("has_callback", Boolean, nullable=False, server_default=false()),
    Column("decided_at", UtcDateTime, nullable=False),
    # True if the blog had the comment checked again: a later decision replaced this one.
    Column("superseded", Boolean, nullable=False, server_default=false()),
    # The model whose second reader was skipped: `model` is then the one without it.
    Column("skipped_model", AnyText),
    # The rollout stage, NULL where the site sets its own thresholds, and the calibration that it comes from.
    Column("stage", AnyText),
    Column("calibration_id", Integer, ForeignKey("calibrations.id")),
    # Derived from the log: the row of the comment's label or removal in force, NULL without one. Without a foreign key,
    # as labels refer to comments, and to nothing that is deleted.
    Column("label_id", Integer),
    # Both cover all columns that the statistics read, so that they need no table look-ups.
    Index("ix_decisions_by_time", "site_id", "decided_at", "verdict", "superseded"),
    Index("ix_decisions_by_comment", "comment_id", "decided_at", "verdict", "superseded"),
)
_current = decisions.c.superseded.is_(False)
# With literals, not parameters: a database uses a partial index only for the same condition.
IS_BLOCKED = and_(
    _current,
    decisions.c.label_id.is_(None),
    decisions.c.verdict.in_([literal_column("'spam'"), literal_column("'discard'")]),
)
"""Condition of the current decisions that block a comment which no person has labelled."""
IS_PUBLIC = and_(_current, decisions.c.label_id.is_(None), decisions.c.verdict == literal_column("'publish'"))
"""Condition of the current decisions that publish a comment which no person has labelled."""
IS_LABELLED = and_(_current, decisions.c.label_id.is_not(None))
"""Condition of the current decisions on comments that a person labelled or removed."""
IS_HELD = and_(_current, decisions.c.label_id.is_(None), decisions.c.verdict == literal_column("'review'"))
"""Condition of the current decisions that hold a comment which no person has labelled."""
MARGIN = decisions.c.probability - decisions.c.review_threshold
"""The distance of a score to the review threshold."""
# The lists of the queue, newest first. With the site, by which comments of removed sites are left out.
for _name, _condition, _columns in (
    ("ix_decisions_blocked", IS_BLOCKED, (decisions.c.decided_at, decisions.c.id, decisions.c.site_id)),
    ("ix_decisions_public", IS_PUBLIC, (decisions.c.decided_at, decisions.c.id, decisions.c.site_id)),
    ("ix_decisions_labelled", IS_LABELLED, (decisions.c.label_id, decisions.c.site_id)),
    ("ix_decisions_held_score", IS_HELD, (decisions.c.probability, decisions.c.id, decisions.c.site_id)),
    ("ix_decisions_held_margin", IS_HELD, (MARGIN, decisions.c.id, decisions.c.site_id)),
):
    Index(_name, *_columns, sqlite_where=_condition, postgresql_where=_condition)

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
    # The act that appended the row. A row that an undo appended repeats another one, whose act it has, or withdraws.
    Column("act_id", Integer),
    Column("restores_id", Integer),
    Column("undone_at", UtcDateTime),
    Column("undone_by", AnyText),
    Index(None, "comment_id", "id"),
    Index(None, "site_id", "id"),
    Index(None, "site_id", "value", "comment_id"),
)

# With literals, as a partial index needs them.
IS_OUTSIDE_ACTS = and_(
    labels.c.act_id.is_(None),
    labels.c.undone_by.is_(None),
    labels.c.channel.not_in([literal_column("'import'"), literal_column("'history'")]),
)
"""Condition of the labels that people gave outside the queue. Those of imported files are left out."""
Index(
    "ix_labels_outside_acts",
    labels.c.created_at,
    labels.c.id,
    sqlite_where=IS_OUTSIDE_ACTS,
    postgresql_where=IS_OUTSIDE_ACTS,
)
_of_act = labels.c.act_id.is_not(None)
Index("ix_labels_act", labels.c.act_id, sqlite_where=_of_act, postgresql_where=_of_act)

# All that learning reads of a labelled comment, so that its text may be deleted.
label_features = Table(
    "label_features",
    metadata,
    Column("comment_id", Integer, ForeignKey("comments.id"), primary_key=True, autoincrement=False),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    # `ROW_VERSION` of the program that made the row.
    Column("features_version", Integer, nullable=False),
    Column("features", LargeBinary, nullable=False),
    # What the second reader changed about the logit of the comment, 0 where it was not asked.
    Column("reader_change", Double, nullable=False, server_default="0"),
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

# Where traits of comments appeared lately, by a keyed hash of the trait, and how comments with it are labelled.
appearances = Table(
    "appearances",
    metadata,
    Column("key", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("history", LargeBinary, nullable=False),
    Column("ham_labels", Integer, nullable=False),
    Column("spam_labels", Integer, nullable=False),
)
