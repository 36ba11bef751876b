"""A corpus whose texts are left where workers read them: this process reads the files too, but keeps labels alone.

A part is a thousand rows of a file. Its texts can be read again from the file, as after the loss of a worker.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidCorpus, InvalidInput
from moderation.training.comment_rows import keep_fields, note_filled_fields, parse_comment, site_key
from moderation.training.corpus import (
    LABELLED_COLUMNS,
    REQUIRED_COLUMNS,
    Corpus,
    LabelWords,
    SourceFile,
    corpus_of,
    labelled_comments,
    source_file,
)
from moderation.training.executors import Executor, report_tenths
from moderation.training.parts import PlacedComments
from moderation.training.relabelling import LabelledComment, Relabelling
from moderation.training.table_files import TableFile

_ROWS_PER_PART = 1_000
_UNREAD = Comment("")


@dataclass(frozen=True, slots=True)
class FilePart:
    """Rows of a file on a disk that this process and all workers share.

    Attributes
    ----------
    path : Path
        The file, absolute.
    size : int
        Its number of bytes, by which another file in its place is recognised.
    label_words : tuple of str
        The words of its column `label`.
    lines : ndarray of shape (n_rows,)
        The line or row where each of the rows begins, ascending.
    filled : mapping of str to collection of str
        The fields that each of their sites fills somewhere in the file.
    """

    path: Path
    size: int
    label_words: tuple[str, ...]
    lines: NDArray[np.int64]
    filled: Mapping[str, Collection[str]]


def read_placed_corpus(
    paths: Sequence[Path],
    report: Callable[[str], None],
    words: LabelWords,
    relabelling: Relabelling,
    executor: Executor,
) -> Corpus:
    """Return the labelled comments of all files as `read_corpus` does, their texts placed by the executor.

    Raises `InvalidInput` for stdin and pipes, which workers cannot read.
    """
    for path in paths:
        if not path.is_file():
            raise InvalidInput(f"The workers cannot read {path.name}: with --cluster, a corpus must be a file.")
    files: list[tuple[SourceFile, list[LabelledComment]]] = []
    parts: list[FilePart] = []
    for path in paths:
        filled: dict[str, set[str]] = {}
        with TableFile.open(path, REQUIRED_COLUMNS, words) as table:
            rows = []
            for row in labelled_comments(table, report, words, relabelling):
                note_filled_fields(filled, row.site, row.comment)
                rows.append(row._replace(comment=_UNREAD))
            files.append((source_file(table, rows), rows))
            parts += _divide(path.resolve(), table.size(), tuple(words), rows, filled)
    placed = executor.place(read_part, [(part,) for part in parts], report_tenths(report, "Texts"))
    ends = np.cumsum([len(part.lines) for part in parts])
    return corpus_of(PlacedComments(placed, ends, np.arange(sum(len(rows) for _, rows in files))), files)


def read_part(part: FilePart) -> list[Comment]:
    """Return the comments of a part. Raises `InvalidCorpus` if the file is missing, or another one."""
    wanted = set(part.lines.tolist())
    comments = []
    if part.path.is_file():
        with TableFile.open(part.path, REQUIRED_COLUMNS, part.label_words) as table:
            same = table.size() == part.size
            for row in table.rows(LABELLED_COLUMNS, int(part.lines[0])) if same else ():
                if row.line in wanted and not row.error:
                    comments.append(keep_fields(parse_comment(row), part.filled[site_key(row)]))
                if row.line >= part.lines[-1]:
                    break
    if len(comments) != len(part.lines):
        raise InvalidCorpus(
            f"A worker cannot read {part.path.name} as it is here: "
            "all machines need the same files at the same place, unchanged until the end."
        )
    return comments


def _divide(
    path: Path,
    size: int,
    label_words: tuple[str, ...],
    rows: Sequence[LabelledComment],
    filled: Mapping[str, Collection[str]],
) -> Iterator[FilePart]:
    for start in range(0, len(rows), _ROWS_PER_PART):
        chosen = rows[start : start + _ROWS_PER_PART]
        sites = {row.site for row in chosen}
        lines = np.array([row.line for row in chosen], dtype=np.int64)
        yield FilePart(path, size, label_words, lines, {site: filled[site] for site in sites})
