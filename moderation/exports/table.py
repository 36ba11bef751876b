"""Any table: CSV, JSON Lines, a JSON array or Parquet, with a map of its columns and of its label words."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.decision import LabelValue
from moderation.domain.history import PastComment, PastStatus, unreadable
from moderation.exports.reading import beginning, json_items, parse_time, text_at
from moderation.training.corpus import LabelWords
from moderation.training.rows import Row
from moderation.training.table_files import TableFile

COLUMNS = ("id", "parent", "label", *COMMENT_FIELDS)
"""The columns that are read, under their own names or those of the map."""

_STATUSES = {LabelValue.HAM: PastStatus.PUBLISHED, LabelValue.SPAM: PastStatus.SPAM, None: PastStatus.DELETED}


def read(file: TableFile, columns: Mapping[str, str], words: LabelWords) -> Iterator[PastComment]:
    """Yield the comments of a table.

    `columns` gives the table's name of each of `COLUMNS` that has another one there; in JSON it may be a path with
    dots. `words` are label words. In a table without labels, every comment is published.
    """
    names = {column: columns.get(column, column) for column in COLUMNS}
    has_labels = "label" in columns
    for row in _rows(file, names.values()):
        has_labels = has_labels or names["label"] in row.values
        yield unreadable(f"{row.place} {row.error}") if row.error else _past_comment(row, names, words, has_labels)


def _rows(file: TableFile, columns: Collection[str]) -> Iterator[Row]:
    if beginning(file).startswith("["):
        return (Row(number, values) for number, values in enumerate(json_items(file, "item"), 1))
    return file.rows(columns)


def _past_comment(row: Row, names: Mapping[str, str], words: LabelWords, has_labels: bool) -> PastComment:
    values: Mapping[str, Any] = row.values
    label = text_at(values, names["label"]).strip().lower()
    if has_labels and label not in words:
        return unreadable(f"row {row.line}: label is not one of {', '.join(words)}" if label else "label is missing")
    fields = {name: text_at(values, names[name]) for name in COMMENT_FIELDS}
    if not fields["text"]:
        return unreadable(f"row {row.line}: {names['text']} is missing or no text")
    parent = text_at(values, names["parent"])
    status = _STATUSES[words[label]] if has_labels else PastStatus.PUBLISHED
    if parent in {"0", "root"}:
        parent = ""
    if not fields["type"]:
        fields["type"] = "reply" if parent else "comment"
    return PastComment(Comment(**fields), status, text_at(values, names["id"]), parent, parse_time(fields["date"]))
