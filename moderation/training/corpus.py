"""Labelled comments from files: rows checked, label words mapped, fields that no row fills left out."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidCorpus, InvalidInput
from moderation.domain.invisible import show_invisible
from moderation.domain.urls import normalize_url
from moderation.training.relabelling import NOTHING_RELABELLED, LabelledComment, Relabelling, relabel
from moderation.training.rows import Row
from moderation.training.table_files import TableFile

MAX_BAD_ROW_RATE = 0.05
COMMENT_COLUMNS = frozenset({"id", "site", *COMMENT_FIELDS})

LabelWords = Mapping[str, LabelValue | None]
"""Label words of a file, in lower case. `None` leaves out the rows with this word."""

SPAM_AND_HAM: LabelWords = {value.value: value for value in LabelValue}

_SKIP = "skip"
_MAX_ERRORS_LISTED = 5
_MAX_LINES_UNREPORTED = 100
_LABELS_HINT = " Other label words need a map, such as --labels approved=ham,trash=spam,unapproved=skip."
_LABELLED_COLUMNS = COMMENT_COLUMNS | {"label", "weight"}
_MAX_WEIGHT = 1e6


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
            comments=[self.comments[index] for index in indexes],
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
    rows: list[LabelledComment] = []
    sources: list[int] = []
    source_files: list[SourceFile] = []
    for number, path in enumerate(paths):
        with TableFile.open(path, ("text", "label"), words) as table:
            labelled = _read_labelled_comments(table, report, words)
            corrections = relabelling.labels.get(table.source, {})
            file_rows = _without_unfilled_fields(relabel(table.name, labelled, corrections, report))
            digest = table.sha256()
        spam = sum(row.label is LabelValue.SPAM for row in file_rows)
        rows += file_rows
        sources += [number] * len(file_rows)
        source_files.append(SourceFile(table.source, digest, spam, len(file_rows) - spam))
    urls = list(dict.fromkeys(row.site for row in rows if row.site))
    numbers = {url: number for number, url in enumerate(urls)}
    return Corpus(
        [row.comment for row in rows],
        [row.id for row in rows],
        np.array([row.label is LabelValue.SPAM for row in rows], dtype=bool),
        np.array(sources, dtype=np.int64),
        source_files,
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
            _note_filled_fields(filled, _site_key(row), _parse_comment(row))
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
    return _keep_fields(_parse_comment(row), survey.filled.get(_site_key(row), COMMENT_FIELDS))


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


class _UnknownLabel(ValueError):
    """A label that no word of the map matches."""


def _read_labelled_comments(
    table: TableFile, report: Callable[[str], None], words: LabelWords
) -> Iterator[LabelledComment]:
    good, left_out, bad, hint = 0, 0, _BadRows(), ""
    for row in _rows(table, _LABELLED_COLUMNS, report):
        try:
            comment, label, site = _parse_comment(row), _parse_label(row, words), _parse_site(row)
            weight = _parse_weight(row)
        except ValueError as error:
            hint = _LABELS_HINT if isinstance(error, _UnknownLabel) else hint
            bad.add(row, error)
            continue
        if label is None:
            left_out += 1
        else:
            good += 1
            yield LabelledComment(row_id(table, row), comment, label, site, weight)
    _report_ignored_columns(table, _LABELLED_COLUMNS, report)
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


def _parse_comment(row: Row) -> Comment:
    if row.error:
        raise ValueError(row.error)
    values: dict[str, Any] = {name: row.values.get(name) for name in COMMENT_FIELDS}
    for name, value in values.items():
        if not (isinstance(value, str) or (value is None and name != "text")):
            raise ValueError(f"{name} is missing" if value is None else f"{name} is not text")
    values["text"] = values["text"].removesuffix("\ufeff")
    return Comment(**values)


def _parse_label(row: Row, words: LabelWords) -> LabelValue | None:
    value = row.values.get("label")
    word = "" if value is None else str(value).strip().lower()
    if word not in words:
        raise _UnknownLabel("label is missing" if not word else f"label is not one of {', '.join(words)}")
    return words[word]


def _parse_site(row: Row) -> str:
    url = row.values.get("site")
    try:
        return "" if url in (None, "") else normalize_url(str(url))
    except InvalidInput:
        raise ValueError("site is no address such as https://blog.example") from None


def _parse_weight(row: Row) -> float:
    value = row.values.get("weight")
    try:
        weight = 1.0 if value in (None, "") else float(str(value))
    except ValueError:
        weight = 0.0
    if not 0.0 < weight <= _MAX_WEIGHT:
        raise ValueError(f"weight is no number above 0 and up to {_MAX_WEIGHT:,.0f}")
    return weight


def _site_key(row: Row) -> str:
    """Return the site of a row. A malformed address stays as it is, because judging needs no site."""
    try:
        return _parse_site(row)
    except ValueError:
        return str(row.values["site"])


def _without_unfilled_fields(rows: Iterable[LabelledComment]) -> list[LabelledComment]:
    """Set a field to `None` in all comments of a site that never fills it: the site did not collect it."""
    rows = list(rows)
    filled: dict[str, set[str]] = {}
    for row in rows:
        _note_filled_fields(filled, row.site, row.comment)
    return [row._replace(comment=_keep_fields(row.comment, filled[row.site])) for row in rows]


def _note_filled_fields(filled: dict[str, set[str]], site: str, comment: Comment) -> None:
    filled.setdefault(site, {"text"}).update(name for name in COMMENT_FIELDS if getattr(comment, name))


def _keep_fields(comment: Comment, names: Collection[str]) -> Comment:
    return Comment(**{name: getattr(comment, name) for name in names})
