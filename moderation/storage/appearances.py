"""Where traits of comments appeared lately: one small row for each trait, which holds its newest appearances.

The key of a row is a keyed hash, so that no word, address or number can be read from the table. An appearance takes ten
bytes. A write adds one in front and cuts the last ones off, so that repetition does not make the table larger. One
statement does both: parallel writers lose nothing.
"""

from collections.abc import Sequence
from itertools import starmap
from struct import Struct
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    LargeBinary,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

from moderation.features.traits import MAX_TRAITS
from moderation.scoring.repetition import MAX_APPEARANCES, Appearance
from moderation.storage.prepared import PreparedRows, PreparedUpsert
from moderation.storage.tables import appearances

MAX_ROWS = 1_000_000
"""Rows without a label that a purge leaves, the newest ones: some 80 MB."""
N_SLICES = 256
"""Parts of the table that a purge reads one after the other. Keys are hashes, so the parts are equally large."""

_PACKED = Struct(">IHHH")
_TIME = Struct(">I")
_MAX_BYTES = MAX_APPEARANCES * _PACKED.size
_MAX_TRIMMED = 500
"""Rows that one write trims, so that no other write waits long for it."""
_SLICE_SIZE = 2**64 // N_SLICES
_UNLABELLED = and_(appearances.c.ham_labels == 0, appearances.c.spam_labels == 0)
_OLDEST = func.substr(appearances.c.history, func.length(appearances.c.history) - (_PACKED.size - 1), _TIME.size)
_KEYS = [f"key_{number}" for number in range(MAX_TRAITS)]
_FIND = PreparedRows(select(appearances).where(appearances.c.key.in_([bindparam(name) for name in _KEYS])))


def _add_in_front(stored: Any, added: Any) -> dict[str, Any]:
    longer = cast(added.history.op("||")(stored.history), LargeBinary)
    return {"history": func.substr(longer, literal_column("1"), literal_column(str(_MAX_BYTES)))}


def _add_labels(stored: Any, added: Any) -> dict[str, Any]:
    changed = {name: stored[name] + added[name] for name in ("ham_labels", "spam_labels")}
    zero: ColumnElement[int] = literal_column("0")
    return {name: case((total < zero, zero), else_=total) for name, total in changed.items()}


_ADD = PreparedUpsert(appearances, _add_in_front)
_COUNT_LABELS = PreparedUpsert(appearances, _add_labels)


def find(connection: Connection, keys: Sequence[int]) -> dict[int, tuple[tuple[Appearance, ...], int, int]]:
    """Return appearances, newest first, and numbers of ham and spam labels of the keys that are stored."""
    padded = [*keys, *[keys[0]] * (MAX_TRAITS - len(keys))]
    rows = _FIND.run(connection, dict(zip(_KEYS, padded, strict=True)))
    return {key: (_unpack(history), ham_labels, spam_labels) for key, history, ham_labels, spam_labels in rows}


def add(connection: Connection, keys: Sequence[int], appearance: Appearance) -> None:
    """Add an appearance to each of the keys."""
    history = _PACKED.pack(*appearance)
    # In the order of the keys, or two transactions of PostgreSQL could wait for each other's rows.
    _ADD.run(connection, [_row(key, history) for key in sorted(keys)])


def count_labels(connection: Connection, keys: Sequence[int], ham: int, spam: int) -> None:
    """Add to the numbers of ham and spam labels of each of the keys. No number falls below zero."""
    # So that each row exists: the limit applies to changed rows only.
    _COUNT_LABELS.run(connection, [_row(key, b"") for key in sorted(keys)])
    _COUNT_LABELS.run(connection, [_row(key, b"", ham, spam) for key in sorted(keys)])


def purge(connection: Connection, slice_number: int, minute: int, lifetime: int, max_rows: int = MAX_ROWS) -> bool:
    """Remove the appearances of a slice that are `lifetime` minutes away from `minute`, before or after by the clock.

    Rows without label are deleted with their last appearance, and beyond `max_rows` of the whole table, the newest
    ones aside. Returns whether there may be more to remove.
    """
    too_old, too_new = _TIME.pack(max(0, minute - lifetime)), _TIME.pack(minute + lifetime)
    in_slice = _in_slice(slice_number)
    connection.execute(delete(appearances).where(in_slice, _UNLABELLED, appearances.c.history < too_old))
    is_outdated = and_(appearances.c.history != b"", or_(too_old > _OLDEST, appearances.c.history > too_new))
    outdated = select(appearances.c.key, appearances.c.history).where(in_slice, is_outdated).limit(_MAX_TRIMMED)
    rows = connection.execute(outdated).all()
    for key, history in rows:
        kept = [seen for seen in _unpack(history) if abs(minute - seen.minute) <= lifetime]
        # A row that another transaction changes meanwhile is left for the next time.
        is_row = and_(appearances.c.key == key, appearances.c.history == history)
        connection.execute(update(appearances).where(is_row).values(history=b"".join(starmap(_PACKED.pack, kept))))
    connection.execute(delete(appearances).where(in_slice, _UNLABELLED, appearances.c.history == b""))
    connection.execute(_delete_surplus(in_slice, max_rows // N_SLICES))
    return len(rows) == _MAX_TRIMMED


def clear(connection: Connection) -> None:
    """Delete all rows, whose keys a new secret does not give any longer."""
    connection.execute(delete(appearances))


def _delete_surplus(in_slice: ColumnElement[bool], max_rows: int) -> Delete:
    unlabelled = select(appearances.c.key).where(in_slice, _UNLABELLED)
    # With a limit, as SQLite has no offset without one.
    surplus = unlabelled.order_by(appearances.c.history.desc()).offset(max_rows).limit(MAX_ROWS)
    return delete(appearances).where(appearances.c.key.in_(surplus))


def _in_slice(number: int) -> ColumnElement[bool]:
    start = -(2**63) + number * _SLICE_SIZE
    return appearances.c.key.between(start, start + _SLICE_SIZE - 1)


def _row(key: int, history: bytes, ham_labels: int = 0, spam_labels: int = 0) -> dict[str, object]:
    return {"key": key, "history": history, "ham_labels": ham_labels, "spam_labels": spam_labels}


def _unpack(history: bytes) -> tuple[Appearance, ...]:
    return tuple(starmap(Appearance, _PACKED.iter_unpack(history)))
