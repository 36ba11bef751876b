"""Labelled comments from files: rows checked, label words mapped, fields that no row fills left out."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidCorpus
from moderation.domain.invisible import show_invisible
from moderation.training.comment_rows import (
    UnknownLabel,
    keep_fields,
    note_filled_fields,
    parse_comment,
    parse_label,
    parse_site,
    parse_weight,
    site_key,
)
from moderation.training.parts import select
from moderation.training.relabelling import NOTHING_RELABELLED, LabelledComment, Relabelling, relabel
from moderation.training.rows import Row
from moderation.training.table_files import TableFile

MAX_BAD_ROW_RATE = 0.05
REQUIRED_COLUMNS = ("text", "label")
COMMENT_COLUMNS = frozenset({"id", "site", *COMMENT_FIELDS})

LabelWords = Mapping[str, LabelValue | None]
"""Label words of a file, in lower case. `None` leaves out the rows with this word."""

SPAM_AND_HAM: LabelWords = {value.value: value for value in LabelValue}

_SKIP = "skip"
_MAX_ERRORS_LISTED = 5
_MAX_LINES_UNREPORTED = 100
_LABELS_HINT = " Other label words need a map, such as --labels approved=ham,trash=spam,unapproved=skip."
LABELLED_COLUMNS = COMMENT_COLUMNS | {"label", "weight"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a corpus: its `source` name, its SHA-256 and its numbers of spam and ham."""

    source: str
    digest: str
    spam: int
    ham: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled comments.

    `comments`, `ids`, `spam`, `sources` and `sites` have one entry per comment. `sources` are indexes into
    `source_files`, `sites` are indexes into `site_urls`; a comment without a site has the index -1. `weights` are the
    numbers of comments for which each one stands in training; `None` if each stands for itself.
    """

    comments: Sequence[Comment]
    ids: Sequence[str]
    spam: NDArray[np.bool_]
    sources: NDArray[np.int64]
    source_files: Sequence[SourceFile]
    sites: NDArray[np.int64]
    site_urls: Sequence[str] = ()
    weights: NDArray[np.float64] | None = None

    def where(self, mask: NDArray[np.bool_]) -> "Corpus":
        """Return the comments selected by `mask`, with all source files and site addresses."""
        indexes = np.flatnonzero(mask).tolist()
        return replace(
            self,
            comments=select(self.comments, indexes),
            ids=[self.ids[index] for index in indexes],
            spam=self.spam[indexes],
            sources=self.sources[indexes],
            sites=self.sites[indexes],
            weights=None if self.weights is None else self.weights[indexes],
        )

    def site_url(self, index: int) -> str:
        """Return the address of the site of a comment, empty if it has none."""
        return self.site_urls[self.sites[index]] if self.sites[index] >= 0 else ""

    def source_names(self) -> list[str]:
        """Return the source of each comment."""
        return [self.source_files[source].source for source in self.sources]


class Survey(NamedTuple):
    """The result of a first pass over a file: its number of rows, and the fields that each site fills somewhere."""

    rows: int
    filled: Mapping[str, Collection[str]]


def read_corpus(
    paths: Sequence[Path],
    report: Callable[[str], None],
    words: LabelWords = SPAM_AND_HAM,
    relabelling: Relabelling = NOTHING_RELABELLED,
) -> Corpus:
    """Return the labelled comments of all files, with the corrected labels of `relabelling`.

    Calls `report` with sentences on columns and rows that are skipped, and on corrected labels.
    Raises `InvalidCorpus` for an unreadable file, a missing column, too many bad rows or no good row.
    """
    files = []
    for path in paths:
        with TableFile.open(path, REQUIRED_COLUMNS, words) as table:
            rows = _without_unfilled_fields(labelled_comments(table, report, words, relabelling))
            files.append((source_file(table, rows), rows))
    return corpus_of([row.comment for _, rows in files for row in rows], files)


def labelled_comments(
    table: TableFile, report: Callable[[str], None], words: LabelWords, relabelling: Relabelling
) -> Iterator[LabelledComment]:
    """Yield the labelled comments of a file with their corrected labels. Raises and reports as `read_corpus` does."""
    labelled = _read_labelled_comments(table, report, words)
    return relabel(table.name, labelled, relabelling.labels.get(table.source, {}), report)


def source_file(table: TableFile, rows: Sequence[LabelledComment]) -> SourceFile:
    """Return the entry of a file in a corpus. `rows` are its labelled comments."""
    spam = sum(row.label is LabelValue.SPAM for row in rows)
    return SourceFile(table.source, table.sha256(), spam, len(rows) - spam)


def corpus_of(comments: Sequence[Comment], files: Sequence[tuple[SourceFile, Sequence[LabelledComment]]]) -> Corpus:
    """Return a corpus of `comments`, which are those of all files in order. The rows of the files give the rest."""
    rows = [row for _, file_rows in files for row in file_rows]
    urls = list(dict.fromkeys(row.site for row in rows if row.site))
    numbers = {url: number for number, url in enumerate(urls)}
    return Corpus(
        comments,
        [row.id for row in rows],
        np.array([row.label is LabelValue.SPAM for row in rows], dtype=bool),
        np.repeat(np.arange(len(files)), [len(file_rows) for _, file_rows in files]),
        [file for file, _ in files],
        np.array([numbers.get(row.site, -1) for row in rows], dtype=np.int64),
        urls,
        np.array([row.weight for row in rows]) if any(row.weight != 1.0 for row in rows) else None,
    )


def parse_label_words(text: str) -> LabelWords:
    """Return the map of `trash=spam,approved=ham,unapproved=skip`, with `spam` and `ham` added.

    Raises `ValueError` for anything else.
    """
    words = dict(SPAM_AND_HAM)
    for pair in text.split(","):
        word, _, meaning = (part.strip().lower() for part in pair.partition("="))
        if not word or meaning not in {*SPAM_AND_HAM, _SKIP}:
            raise ValueError(f"{pair!r} is not WORD=spam, WORD=ham or WORD=skip")
        words[word] = SPAM_AND_HAM.get(meaning)
    return words


def survey_comments(table: TableFile, report: Callable[[str], None]) -> Survey:
    """Read a file of comments once, before they are judged. Calls `report` with sentences on ignored columns and rows.

    Raises `InvalidCorpus` if no row holds a comment, or if unclosed quotes swallow too many rows.
    """
    filled: dict[str, set[str]] = {}
    good, bad, swallowed = 0, _BadRows(), _BadRows()
    for row in _rows(table, COMMENT_COLUMNS, report):
        try:
            note_filled_fields(filled, site_key(row), parse_comment(row))
            good += 1
        except ValueError as error:
            (swallowed if row.lines > 1 else bad).add(row, error)
    _report_ignored_columns(table, COMMENT_COLUMNS, report)
    swallowed.check(table.name, good + bad.lines, report)
    if not good:
        raise InvalidCorpus(f"{table.name} holds no comment. {bad.summary()}.")
    return Survey(good + bad.rows + swallowed.rows, filled)


def comment_of(row: Row, survey: Survey) -> Comment:
    """Return the comment of a row. A field that its site never fills is `None`, because it was not collected.

    Raises `ValueError` with a sentence if the row holds no comment.
    """
    # A file that grows while it is read may name a new site.
    return keep_fields(parse_comment(row), survey.filled.get(site_key(row), COMMENT_FIELDS))


def row_id(table: TableFile, row: Row) -> str:
    """Return the `id` of a row, or the name of its file and its line or row."""
    value = row.values.get("id")
    return f"{table.source}-{row.line}" if value in (None, "") else str(value)


class _BadRows:
    """Counts bad rows, and the lines they take up; keeps the first errors."""

    def __init__(self) -> None:
        self.rows = 0
        self.lines = 0
        self._errors: list[str] = []

    def add(self, row: Row, error: ValueError) -> None:
        self.rows += 1
        self.lines += row.lines
        if len(self._errors) < _MAX_ERRORS_LISTED:
            self._errors.append(f"{row.place}: {error}")

    def summary(self) -> str:
        others = self.rows - len(self._errors)
        return "; ".join(self._errors) + (f"; and {others} more" if others else "")

    def check(self, name: str, other_rows: int, report: Callable[[str], None], hint: str = "") -> None:
        """Report the bad rows. Raises `InvalidCorpus` if there are too many beside the `other_rows`."""
        if not self.rows:
            return
        total = other_rows + self.lines
        if self.lines > MAX_BAD_ROW_RATE * total:
            raise InvalidCorpus(
                f"{name}: {self.lines} of {total} rows are bad, more than {MAX_BAD_ROW_RATE:.0%}. "
                f"{self.summary()}.{hint}"
            )
        report(f"{name}: skipped {self.lines} of {total} rows. {self.summary()}.{hint}")


def _read_labelled_comments(
    table: TableFile, report: Callable[[str], None], words: LabelWords
) -> Iterator[LabelledComment]:
    good, left_out, bad, hint = 0, 0, _BadRows(), ""
    for row in _rows(table, LABELLED_COLUMNS, report):
        try:
            comment, label, site = parse_comment(row), parse_label(row, words), parse_site(row)
            weight = parse_weight(row)
        except ValueError as error:
            hint = _LABELS_HINT if isinstance(error, UnknownLabel) else hint
            bad.add(row, error)
            continue
        if label is None:
            left_out += 1
        else:
            good += 1
            yield LabelledComment(row_id(table, row), comment, label, site, weight, row.line)
    _report_ignored_columns(table, LABELLED_COLUMNS, report)
    if left_out:
        report(f"{table.name}: rows left out by their label word: {left_out}.")
    bad.check(table.name, good + left_out, report, hint)
    if not good:
        raise InvalidCorpus(f"{table.name} holds no labelled comment.")


def _rows(table: TableFile, columns: Collection[str], report: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows. Calls `report` with a sentence on the longest cell whose lines may be swallowed rows."""
    line, lines = 0, _MAX_LINES_UNREPORTED
    for row in table.rows(columns):
        if row.lines > lines and not row.error:
            line, lines = row.line, row.lines
        yield row
    if line:
        report(
            f"{table.name}: the row on line {line} may have swallowed {lines - 1} lines; see whether its quotes close."
        )


def _report_ignored_columns(table: TableFile, known: Collection[str], report: Callable[[str], None]) -> None:
    ignored = table.ignored_columns(known)
    if ignored:
        report(f"{table.name}: ignored the columns {show_invisible(', '.join(ignored))}.")


def _without_unfilled_fields(rows: Iterable[LabelledComment]) -> list[LabelledComment]:
    """Set a field to `None` in all comments of a site that never fills it: the site did not collect it."""
    rows = list(rows)
    filled: dict[str, set[str]] = {}
    for row in rows:
        note_filled_fields(filled, row.site, row.comment)
    return [row._replace(comment=keep_fields(row.comment, filled[row.site])) for row in rows]
