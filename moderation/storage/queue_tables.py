"""The tables of the queue: its items, the notes of moderators, and the callbacks of the blogs that hold comments."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, UniqueConstraint, and_

from moderation.storage.columns import AnyText, ClampedInteger, UtcDateTime
from moderation.storage.operator_tables import metadata

# The presses of moderators' buttons, each on one comment or many.
acts = Table(
    "acts",
    metadata,
    Column("id", ClampedInteger, primary_key=True),
    Column("verb", AnyText, nullable=False),
    Column("moderator", AnyText, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("number", Integer, nullable=False),
    Column("undone_at", UtcDateTime),
    Column("undone_by", AnyText),
    Index(None, "at", "id"),
    Index(None, "moderator", "at"),
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
    # The act that changed the item last; `act_items` has its state before.
    Column("act_id", Integer),
    # The probability with which an automatic decision was drawn for the audit; NULL for a held comment.
    Column("audit_probability", Double),
    # The keys by which the comment is found in campaigns, 8 bytes each.
    Column("trait_keys", LargeBinary),
    # The note that asks for a second opinion. It does so while the item is open.
    Column("handover_id", Integer),
)
_open = queue_items.c.closed_at.is_(None)
Index("ix_queue_items_open", queue_items.c.id, sqlite_where=_open, postgresql_where=_open)
_unskipped = and_(_open, queue_items.c.skipped_at.is_(None))
Index("ix_queue_items_unskipped", queue_items.c.id, sqlite_where=_unskipped, postgresql_where=_unskipped)
# Covers the counts of open items, of all sites and of removed ones.
Index(
    "ix_queue_items_waiting",
    queue_items.c.site_id,
    queue_items.c.skipped_at,
    sqlite_where=_open,
    postgresql_where=_open,
)
_of_act = queue_items.c.act_id.is_not(None)
Index("ix_queue_items_act", queue_items.c.act_id, sqlite_where=_of_act, postgresql_where=_of_act)
_audit = queue_items.c.audit_probability.is_not(None)
Index(
    "ix_queue_items_audits",
    queue_items.c.site_id,
    queue_items.c.closed_at,
    sqlite_where=_audit,
    postgresql_where=_audit,
)
_handed_over = and_(_open, queue_items.c.handover_id.is_not(None))
Index("ix_queue_items_handed_over", queue_items.c.handover_id, sqlite_where=_handed_over, postgresql_where=_handed_over)

# What moderators wrote on comments. `asked` is the person whose second opinion a note asks for, empty for anybody's,
# and NULL if it asks for none.
notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("comment_id", Integer, ForeignKey("comments.id"), nullable=False),
    Column("written_by", AnyText, nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    Column("text", AnyText, nullable=False),
    Column("asked", AnyText),
    Index(None, "comment_id", "id"),
    Index(None, "written_at", "id"),
)

# The comment that each moderator has open. Without a foreign key to the moderators: a removed one may still ask.
open_comments = Table(
    "open_comments",
    metadata,
    Column("moderator_id", Integer, primary_key=True, autoincrement=False),
    Column("comment_id", Integer, ForeignKey("comments.id"), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

# The state of queue items before acts changed them.
act_items = Table(
    "act_items",
    metadata,
    Column("act_id", Integer, ForeignKey("acts.id"), primary_key=True),
    Column("decision_id", AnyText, ForeignKey("decisions.id"), primary_key=True),
    Column("skipped_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("closed_by", AnyText),
    Column("outcome", AnyText),
    Column("act_before", Integer),
    sqlite_with_rowid=False,
)

# The author rules that acts set, with the rules that they replaced: without `standing` there was none.
act_rules = Table(
    "act_rules",
    metadata,
    Column("act_id", Integer, ForeignKey("acts.id"), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True),
    Column("value", AnyText, primary_key=True),
    Column("standing", AnyText),
    Column("set_by", AnyText),
    Column("channel", AnyText),
    Column("created_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("reason", AnyText),
    sqlite_with_rowid=False,
)

# The findings of the second look, as `domain.queue.Finding` explains their columns.
findings = Table(
    "findings",
    metadata,
    Column("id", ClampedInteger, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("comment_id", Integer, ForeignKey("comments.id"), nullable=False),
    # Without a foreign key, as that of a decision; a label that an undo restores keeps the number of its first row.
    Column("label_id", Integer, nullable=False),
    Column("probability", Double),
    # Without a foreign key: the near-duplicate may be deleted.
    Column("contradicts_id", Integer),
    Column("contradictions", Integer, nullable=False),
    Column("found_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    Column("settled_by", AnyText),
    # The act that settled the finding, if it was one.
    Column("act_id", Integer),
    # Derived from the log: true while no person has settled the finding, and the label that it doubts is in force.
    Column("is_open", Boolean, nullable=False),
    UniqueConstraint("comment_id", "label_id"),
)
_is_open = findings.c.is_open.is_(True)
Index("ix_findings_open", findings.c.id, findings.c.site_id, sqlite_where=_is_open, postgresql_where=_is_open)
for _name, _column in (("ix_findings_contradicts", findings.c.contradicts_id), ("ix_findings_act", findings.c.act_id)):
    Index(_name, _column, sqlite_where=_column.is_not(None), postgresql_where=_column.is_not(None))

# The opinions of the operator's own model, as `domain.opinions.Opinion` has them, and NULL without one. Without a
# `next_attempt_at` the model is not asked again.
opinions = Table(
    "opinions",
    metadata,
    Column("comment_id", Integer, ForeignKey("comments.id"), primary_key=True, autoincrement=False),
    Column("model", AnyText, nullable=False),
    Column("is_spam", Boolean),
    Column("confidence", Double),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("last_error", AnyText),
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
    # The last answer that the blog confirmed, and when: an undo compares with it.
    Column("told", AnyText),
    Column("told_at", UtcDateTime),
)
_pending = callbacks.c.next_attempt_at.is_not(None)
Index("ix_callbacks_next_attempt_at", callbacks.c.next_attempt_at, sqlite_where=_pending, postgresql_where=_pending)
