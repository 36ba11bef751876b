"""Reads labelled comments from files."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.errors import CorpusRefused, InputRefused
from moderation.domain.judgement import LabelValue
from moderation.domain.site import normal_url

TOLERATED = 0.05
"""The share of bad rows above which a file is refused."""

_COLUMNS = {"id", "label", "site", *COMMENT_FIELDS}
_MOST_NAMED = 5
_LARGEST_CELL = 2**24


@dataclass(frozen=True, slots=True)
class Origin:
    """One file of a corpus: its `source` name, SHA-256, and how many comments of each label it gave."""

    source: str
    digest: str
    spam: int
    ham: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled comments; `spam`, `sources` (numbers into `origins`) and `sites` have one entry a comment.

    `sites` are numbers into `site_urls`, -1 where a file does not say which site got the comment.
    """

    comments: Sequence[Comment]
    ids: Sequence[str]
    spam: NDArray[np.bool_]
    sources: NDArray[np.int64]
    origins: Sequence[Origin]
    sites: NDArray[np.int64]
    site_urls: Sequence[str] = ()

    def where(self, mask: NDArray[np.bool_]) -> "Corpus":
        """The comments that `mask` (one entry a comment) holds; the origins and the sites' addresses stay."""
        at = np.flatnonzero(mask).tolist()
        return replace(
            self,
            comments=[self.comments[i] for i in at],
            ids=[self.ids[i] for i in at],
            spam=self.spam[at],
            sources=self.sources[at],
            sites=self.sites[at],
        )

    def site_url(self, place: int) -> str:
        """The address of the site that got the comment at that place, empty where that is not said."""
        return self.site_urls[self.sites[place]] if self.sites[place] >= 0 else ""

    def source_names(self) -> list[str]:
        """The source of each comment."""
        return [self.origins[source].source for source in self.sources]


class Row(NamedTuple):
    """A labelled comment of a file; `site` is the address of the site that got it, empty where that is not said."""

    id: str
    comment: Comment
    label: LabelValue
    site: str


def read_corpus(paths: Sequence[Path], report: Callable[[str], None]) -> Corpus:
    """Reads every file and tells `report` in sentences what was ignored or skipped.

    Raises `CorpusRefused` for a file that is unreadable, lacks a needed column, or has too many bad rows.
    """
    rows: list[Row] = []
    sources: list[int] = []
    origins: list[Origin] = []
    for number, path in enumerate(paths):
        found = _with_known_fields(list(read_file(path, report)))
        spam = sum(row.label is LabelValue.SPAM for row in found)
        rows += found
        sources += [number] * len(found)
        origins.append(Origin(source_name(path), _digest(path), spam, len(found) - spam))
    urls = list(dict.fromkeys(row.site for row in rows if row.site))
    numbers = {url: number for number, url in enumerate(urls)}
    return Corpus(
        [row.comment for row in rows],
        [row.id for row in rows],
        np.array([row.label is LabelValue.SPAM for row in rows], dtype=bool),
        np.array(sources, dtype=np.int64),
        origins,
        np.array([numbers.get(row.site, -1) for row in rows], dtype=np.int64),
        urls,
    )


def source_name(path: Path) -> str:
    """The file's name without its endings."""
    return path.name.split(".")[0]


def read_file(path: Path, report: Callable[[str], None]) -> Iterator[Row]:
    """The good rows; the bad ones are reported with their line numbers and skipped."""
    faults: list[str] = []
    good = 0
    for line, raw in read_rows(path, report, ("text", "label"), _COLUMNS):
        try:
            yield Row(str(raw.get("id") or f"{source_name(path)}-{line}"), _comment(raw), _label(raw), _site(raw))
            good += 1
        except ValueError as error:
            faults.append(f"line {line}: {error}")
    if faults:
        named = "; ".join(faults[:_MOST_NAMED]) + (
            f"; and {len(faults) - _MOST_NAMED} more" if faults[_MOST_NAMED:] else ""
        )
        if len(faults) > TOLERATED * (good + len(faults)):
            raise CorpusRefused(
                f"{path.name}: {len(faults)} of {good + len(faults)} rows are bad, more than {TOLERATED:.0%}. {named}."
            )
        report(f"{path.name}: skipped {len(faults)} bad rows. {named}.")
    if not good:
        raise CorpusRefused(
            f"{path.name} holds no labelled comment. It needs the columns text and label (spam or ham)."
        )


def read_rows(
    path: Path,
    report: Callable[[str], None],
    needed: Sequence[str] = ("text",),
    used: Collection[str] = ("id", *COMMENT_FIELDS),
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and columns of each row of a CSV or JSON Lines file, plain or gzip'd, without holding the file.

    Tells `report` of columns that are not `used`. Raises `CorpusRefused` where it cannot be read or lacks one `needed`.
    """
    try:
        with _open(path) as lines:
            first = lines.readline()
            read = _jsonl if first.lstrip("\ufeff ").startswith("{") else _csv
            rows = read(_again(first, lines))
            named = False
            for line, row in rows:
                if not named:
                    _check_columns(path, row, needed, used, report)
                    named = True
                yield line, row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusRefused(f"{path.name} cannot be read: {error}.") from None


def to_comment(raw: dict[str, Any]) -> Comment:
    """The comment of a row; raises `ValueError` with a sentence where a field is not text."""
    return _comment(raw)


def _open(path: Path) -> io.TextIOBase:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return io.TextIOWrapper(gzip.open(path) if zipped else path.open("rb"), encoding="utf-8", newline="")


def _again(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first.removeprefix("\ufeff")
    yield from rest


def _csv(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.DictReader(lines)
    for row in reader:
        yield reader.line_num, row


def _jsonl(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield number, row if isinstance(row, dict) else {"text": None, "label": None}


def _check_columns(
    path: Path,
    row: dict[str, Any],
    needed: Sequence[str],
    used: Collection[str],
    report: Callable[[str], None],
) -> None:
    missing = [name for name in needed if name not in row]
    if missing:
        raise CorpusRefused(f"{path.name} lacks the column {' and '.join(missing)}; it has {', '.join(map(str, row))}.")
    unknown = sorted(str(name) for name in row if name not in used)
    if unknown:
        report(f"{path.name}: ignored the columns {', '.join(unknown)}.")


def _comment(raw: dict[str, Any]) -> Comment:
    if None in raw:
        raise ValueError("has more cells than the header")
    values = {name: raw.get(name) for name in COMMENT_FIELDS}
    for name, value in values.items():
        if not (isinstance(value, str) or (value is None and name != "text")):
            raise ValueError(f"{name} is missing" if value is None else f"{name} is not text")
    return Comment(**{**values, "text": (values["text"] or "").removesuffix("\ufeff")})  # type: ignore[arg-type]


def _label(raw: dict[str, Any]) -> LabelValue:
    try:
        return LabelValue(str(raw.get("label") or "").strip().lower())
    except ValueError:
        raise ValueError("label is neither spam nor ham") from None


def _site(raw: dict[str, Any]) -> str:
    url = raw.get("site") or ""
    try:
        return url and normal_url(str(url))
    except InputRefused:
        raise ValueError("site is no address such as https://blog.example") from None


def _with_known_fields(rows: list[Row]) -> list[Row]:
    """A field that no comment of a site in the file fills was not collected there: it becomes unknown, not empty."""
    filled: dict[str, set[str]] = {row.site: {"text"} for row in rows}
    for row in rows:
        filled[row.site].update(name for name in COMMENT_FIELDS if getattr(row.comment, name))
    return [
        row._replace(comment=Comment(**{name: getattr(row.comment, name) for name in filled[row.site]})) for row in rows
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
