"""The formats of exports by name, and an opened export with its progress."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from moderation.domain.history import PastComment
from moderation.exports import commento, disqus, isso, remark42, table, wordpress
from moderation.training.corpus import SPAM_AND_HAM, LabelWords
from moderation.training.table_files import TableFile, errors_named

FORMATS: Mapping[str, str] = {
    "wordpress": "WordPress: its export (WXR), or wp_comments as CSV or SQL dump",
    "disqus": "Disqus: XML",
    "isso": "Isso: its SQLite database",
    "remark42": "Remark42: its backup",
    "commento": "Commento: JSON",
    "csv": "any table: CSV, JSON Lines, a JSON array or Parquet",
}

SELF_CONTAINED = frozenset(FORMATS) - {"csv"}
"""Formats in which a program exports all that it has. A table may be any selection."""


@dataclass(frozen=True, slots=True)
class Export:
    """An opened export. `position` returns how much of `size` has been read; both are 0 where that is not known."""

    name: str
    comments: Iterator[PastComment]
    size: int
    position: Callable[[], int]


@contextmanager
def open_export(
    kind: str,
    path: Path,
    site_url: str,
    columns: Mapping[str, str] | None = None,
    words: LabelWords = SPAM_AND_HAM,
) -> Iterator[Export]:
    """Open an export in one of `FORMATS`, of the site with this address; `-` is stdin, but for Isso.

    `columns` and `words` are those of `table.read`. Reading the comments raises `InvalidInput` for another file.
    """
    if kind == "isso":
        yield Export(path.name, isso.read(path, site_url), 0, int)
        return
    required = wordpress.REQUIRED_COLUMNS if kind == "wordpress" else ()
    with TableFile.open(path, required) as file:
        yield Export(file.name, _read(kind, file, columns or {}, words), file.size(), file.position)


def _read(kind: str, file: TableFile, columns: Mapping[str, str], words: LabelWords) -> Iterator[PastComment]:
    with errors_named(file.name):
        if kind == "wordpress":
            yield from wordpress.read(file)
        elif kind == "csv":
            yield from table.read(file, columns, words)
        else:
            yield from {"disqus": disqus.read, "remark42": remark42.read, "commento": commento.read}[kind](file)
