"""Tables, columns and reason codes get the field's own names; reasons are stored without their places in the text."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = {"standings": "calibrations", "bands": "similarity_index"}
_COLUMNS = {
    "sites": {
        "review_line": "review_threshold",
        "spam_line": "spam_threshold",
        "discard_line": "discard_threshold",
        "type_lines": "type_thresholds",
        "review_means": "review_action",
        "lost_at_most": "max_lost_rate",
        "held_at_most": "max_held_rate",
    },
    "keys": {"hint": "prefix"},
    "comments": {"content_key": "content_hash"},
    "calibrations": {
        "lost_at_most": "max_lost_rate",
        "held_at_most": "max_held_rate",
        "review_drawn": "review_sample_size",
        "spam_drawn": "spam_sample_size",
        "made_at": "created_at",
    },
    "decisions": {
        "review_line": "review_threshold",
        "spam_line": "spam_threshold",
        "discard_line": "discard_threshold",
        "door": "channel",
        "made_at": "decided_at",
        "step": "stage",
        "standing_id": "calibration_id",
    },
    "labels": {"who": "labelled_by", "source": "channel", "given_at": "created_at"},
    "similarity_index": {"band": "band_hash", "version": "features_version"},
    "callbacks": {
        "sealed_key": "encrypted_key",
        "next_at": "next_attempt_at",
        "told_at": "delivered_at",
        "problem": "last_error",
    },
}
_ITEM_COLUMNS = ("id", "decision_id", "site_id", "opened_at", "skipped_at", "closed_at", "closed_by", "outcome")
_OUTCOMES = {"checked again": "rechecked"}
_GUARANTEE_FIELDS = {"line": "threshold", "allowed": "max_rate"}
_CODES = {
    "ANCHOR_ASTRAY": "ANCHOR_OFF_TOPIC",
    "CASE_NOISE": "MIXED_CASE",
    "CRAFT": "TECHNICAL",
    "DIALOGUE": "CONVERSATION",
    "EMAIL_CHEAP": "EMAIL_CHEAP_TLD",
    "EMPTY_HANDED": "NOTHING_PROMOTED",
    "HANDLE": "MESSENGER_HANDLE",
    "HASTY": "TOO_FAST",
    "HIDDEN_CHARACTERS": "INVISIBLE_CHARACTERS",
    "INVITATION": "CALL_TO_ACTION",
    "LINK_ABRUPT": "LINK_UNINTRODUCED",
    "LINK_CHEAP": "LINK_CHEAP_TLD",
    "LINK_FREE_PAGE": "LINK_FREE_HOSTING",
    "LINK_HOME": "LINK_INTERNAL",
    "LINK_PARCEL_PATH": "LINK_FORUM_PROFILE",
    "LINK_ROOT": "LINK_HOME_PAGE",
    "NAME_ORDINARY": "NAME_DICTIONARY_WORDS",
    "ON_TAG": "PAGE_TAG_IN_TEXT",
    "REQUEST": "OPENS_WITH_REQUEST",
    "TRAP_FILLED": "HONEYPOT",
    "UNTYPED": "FEW_KEYSTROKES",
    "URL_CHEAP": "URL_CHEAP_TLD",
    "URL_FREE_PAGE": "URL_FREE_HOSTING",
    "URL_PARCEL_PATH": "URL_FORUM_PROFILE",
    "URL_REFERENCE": "URL_WELL_KNOWN_SITE",
    "VARIETY": "WORD_VARIETY",
}
_INDEXES = (
    # Table, then old and new name, columns, condition, unique.
    ("sites", "uq_sites_url_living", "uq_sites_url_active", ("url",), "removed_at IS NULL", True),
    ("keys", "uq_keys_digest_live", "uq_keys_digest_active", ("digest",), "retired_at IS NULL", True),
    (
        "comments",
        "ix_comments_site_id_content_key",
        "ix_comments_site_id_content_hash",
        ("site_id", "content_hash"),
        None,
        False,
    ),
    ("calibrations", "ix_standings_site_id_id", "ix_calibrations_site_id_id", ("site_id", "id"), None, False),
    (
        "decisions",
        "ix_decisions_site_id_made_at",
        "ix_decisions_site_id_decided_at",
        ("site_id", "decided_at"),
        None,
        False,
    ),
    (
        "similarity_index",
        "ix_bands_comment_id",
        "ix_similarity_index_comment_id",
        ("comment_id",),
        None,
        False,
    ),
    (
        "callbacks",
        "ix_callbacks_next_at",
        "ix_callbacks_next_attempt_at",
        ("next_attempt_at",),
        "next_attempt_at IS NOT NULL",
        False,
    ),
)
_CONSTRAINTS = (
    # SQLite cannot rename these, and nothing there asks for them by name.
    ("calibrations", "pk_standings", "pk_calibrations"),
    ("calibrations", "fk_standings_site_id", "fk_calibrations_site_id"),
    ("similarity_index", "pk_bands", "pk_similarity_index"),
    ("similarity_index", "fk_bands_site_id", "fk_similarity_index_site_id"),
    ("similarity_index", "fk_bands_comment_id", "fk_similarity_index_comment_id"),
    ("decisions", "fk_decisions_standing_id", "fk_decisions_calibration_id"),
)
_BATCH_ROWS = 1_000


def upgrade() -> None:
    """Rename in place; only the rows of the queue are copied, as SQLite cannot rename a unique constraint."""
    for old, new in _TABLES.items():
        op.rename_table(old, new)
    for table, columns in _COLUMNS.items():
        _rename_columns(table, columns)
    for table, old, new, indexed, condition, unique in _INDEXES:
        _replace_index(table, old, new, indexed, condition, unique=unique)
    if op.get_bind().dialect.name == "postgresql":
        for table, old, new in _CONSTRAINTS:
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    _copy_items("items", "queue_items", _OUTCOMES)
    _rewrite_guarantees(_GUARANTEE_FIELDS)
    _rewrite_reasons(_CODES)


def downgrade() -> None:
    """Give everything its old name; the places of the reasons in the texts are not restored."""
    _rewrite_reasons(_reversed(_CODES))
    _rewrite_guarantees(_reversed(_GUARANTEE_FIELDS))
    _copy_items("queue_items", "items", _reversed(_OUTCOMES))
    if op.get_bind().dialect.name == "postgresql":
        for table, old, new in _CONSTRAINTS:
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {old}")
    for table, columns in _COLUMNS.items():
        _rename_columns(table, _reversed(columns))
    for table, old, new, indexed, condition, unique in _INDEXES:
        names = _reversed(_COLUMNS.get(table, {}))
        old_columns = [names.get(column, column) for column in indexed]
        old_condition = condition and condition.replace("next_attempt_at", "next_at")
        _replace_index(table, new, old, old_columns, old_condition, unique=unique)
    for old, new in _TABLES.items():
        op.rename_table(new, old)


def _reversed(names: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}


def _rename_columns(table: str, columns: Mapping[str, str]) -> None:
    # SQLite and PostgreSQL both do this in place, which Alembic's batch mode would not.
    for old, new in columns.items():
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")


def _replace_index(
    table: str, old: str, new: str, columns: Iterable[str], condition: str | None, *, unique: bool
) -> None:
    op.drop_index(old, table)
    where = sa.text(condition) if condition else None
    op.create_index(new, table, list(columns), unique=unique, sqlite_where=where, postgresql_where=where)


def _copy_items(source: str, target: str, outcomes: Mapping[str, str]) -> None:
    op.create_table(
        target,
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text, nullable=True),
        sa.Column("outcome", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{target}"),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=f"fk_{target}_decision_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=f"fk_{target}_site_id"),
        sa.UniqueConstraint("decision_id", name=f"uq_{target}_decision_id"),
    )
    columns = ", ".join(_ITEM_COLUMNS)
    op.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {source}")
    if op.get_bind().dialect.name == "postgresql":
        newest = f"SELECT coalesce(max(id), 0) + 1 FROM {target}"
        op.execute(f"SELECT setval(pg_get_serial_sequence('{target}', 'id'), ({newest}), false)")
    op.drop_table(source)
    for old, new in outcomes.items():
        op.execute(sa.text(f"UPDATE {target} SET outcome = :new WHERE outcome = :old").bindparams(old=old, new=new))
    still_open = sa.text("closed_at IS NULL")
    op.create_index(f"ix_{target}_open", target, ["id"], sqlite_where=still_open, postgresql_where=still_open)


def _rewrite_guarantees(fields: Mapping[str, str]) -> None:
    connection = op.get_bind()
    for row_id, *stored in connection.execute(sa.text("SELECT id, review, spam FROM calibrations")).all():
        review, spam = (text and _with_keys(text, fields) for text in stored)
        update = sa.text("UPDATE calibrations SET review = :review, spam = :spam WHERE id = :id")
        connection.execute(update, {"id": row_id, "review": review, "spam": spam})


def _with_keys(stored: str, fields: Mapping[str, str]) -> str:
    renamed = {fields.get(name, name): value for name, value in json.loads(stored).items()}
    return json.dumps(renamed, separators=(",", ":"))


def _rewrite_reasons(codes: Mapping[str, str]) -> None:
    connection = op.get_bind()
    update = sa.text("UPDATE decisions SET reasons = :reasons WHERE id = :id")
    for rows in _decision_batches(connection):
        changed = [{"id": row_id, "reasons": _with_codes(reasons, codes)} for row_id, reasons in rows]
        connection.execute(update, changed)


def _decision_batches(connection: sa.Connection) -> Iterator[list[Any]]:
    page = sa.text("SELECT id, reasons FROM decisions WHERE id > :after ORDER BY id LIMIT :limit")
    after = ""
    while rows := connection.execute(page, {"after": after, "limit": _BATCH_ROWS}).all():
        yield list(rows)
        after = rows[-1].id


def _with_codes(stored: str, codes: Mapping[str, str]) -> str:
    """Return `[[code, weight, detail?], …]` with other codes, the strongest first, without spans."""
    reasons = [[codes.get(code, code), *rest[:2]] for code, *rest in json.loads(stored)]
    reasons = [reason[:2] if reason[2:] == [""] else reason for reason in reasons]
    spam = [index for index, reason in enumerate(reasons) if reason[1] > 0][:5]
    ham = [index for index, reason in enumerate(reasons) if reason[1] < 0][:3]
    others = sorted(set(range(len(reasons))) - {*spam, *ham})
    return json.dumps([reasons[index] for index in (*spam, *ham, *others)], separators=(",", ":"))
