"""The files of `data/composed`, read and checked: trades, people, cities, topics, and the templates of comments.

Each is a table with tabs between its cells and a header. A template has placeholders such as `{city}` and alternatives
such as `[good|useful]`, which contain no further alternatives. A backslash and the letter n are a line break.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidCorpus

PLACEHOLDERS = frozenset(
    "phrase offer host site link city name given family name2 given2 name3 given3 blog blog_link topic statement"
    " question phone mail handle number price".split()
)
"""Every placeholder of a template."""

UNKNOWN = "?"
"""An author or an address that the site did not send. An empty cell is one that the author left empty."""

ALTERNATIVES = re.compile(r"\[([^\[\]]*)\]")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

_COLUMNS = {
    "trades": ("language", "trade", "reputable", "phrase", "offer", "host"),
    "people": ("language", "given", "family"),
    "cities": ("language", "native", "ascii"),
    "topics": ("language", "topic", "statement", "question"),
    "forms": ("language", "label", "form", "trades", "author", "url", "text"),
}
_MAY_BE_EMPTY = frozenset({"trades", "author", "url"})
_LEAST_ROWS = {"people": 3}
"""Files of which a comment takes several rows at once."""
_HOST = re.compile(r"[a-z0-9-]+")


class Trade(NamedTuple):
    """A trade in one language.

    `phrase` is the name of a business or a keyword phrase, `offer` its service within a sentence, `host` the words of
    its domain. Ham mentions reputable trades alone.
    """

    language: str
    trade: str
    reputable: bool
    phrase: str
    offer: str
    host: str


class Person(NamedTuple):
    """A given name and a family name of one language."""

    language: str
    given: str
    family: str


class City(NamedTuple):
    """A city as its language writes it, and as a domain does."""

    language: str
    native: str
    ascii: str


class Topic(NamedTuple):
    """A subject of a page, with a statement and a question about it."""

    language: str
    topic: str
    statement: str
    question: str


class Template(NamedTuple):
    """A comment with placeholders and alternatives.

    `form` is the kind of comment. `trades` are the trades that it suits; empty if it suits all.
    """

    language: str
    label: LabelValue
    form: str
    trades: frozenset[str]
    author: str
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class ComposedFiles:
    """All rows of the files, and the SHA-256 of their content."""

    trades: Sequence[Trade]
    people: Sequence[Person]
    cities: Sequence[City]
    topics: Sequence[Topic]
    forms: Sequence[Template]
    digest: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the five files of a folder.

        Raises `InvalidCorpus` with file, line and remedy. The errors are missing columns, empty cells, unknown
        placeholders or trades, brackets without counterpart, and languages without rows.
        """
        sha256 = hashlib.sha256()
        tables = {name: _read_table(folder / f"{name}.tsv", columns, sha256) for name, columns in _COLUMNS.items()}
        files = cls(
            [_trade(line) for line in tables["trades"]],
            [Person(**line.cells) for line in tables["people"]],
            [City(**line.cells) for line in tables["cities"]],
            [Topic(**line.cells) for line in tables["topics"]],
            [_template(line) for line in tables["forms"]],
            sha256.hexdigest(),
        )
        _check_languages(tables)
        _check_trades(tables["trades"], tables["forms"])
        return files


class _Line(NamedTuple):
    """A row of a file by its columns, and its place."""

    file: str
    number: int
    cells: dict[str, str]

    def error(self, sentence: str) -> InvalidCorpus:
        return InvalidCorpus(f"{self.file}, line {self.number}: {sentence}")


def _read_table(path: Path, columns: Sequence[str], sha256: "hashlib._Hash") -> list[_Line]:
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCorpus(f"{path.name} cannot be read: {error}.") from None
    sha256.update(content)
    header = lines[0].split("\t") if lines else []
    missing = [column for column in columns if column not in header]
    if missing:
        raise InvalidCorpus(f"{path.name}, line 1: lacks the column {' and '.join(missing)}. Name it in the header.")
    rows = [_line(path.name, number, header, line) for number, line in enumerate(lines[1:], 2)]
    return [row._replace(cells={column: row.cells[column] for column in columns}) for row in rows]


def _line(file: str, number: int, header: Sequence[str], text: str) -> _Line:
    cells = text.split("\t")
    line = _Line(file, number, dict(zip(header, cells, strict=False)))
    if len(cells) != len(header):
        raise line.error(f"has {len(cells)} cells, the header {len(header)}. Separate cells by one tab each.")
    empty = [name for name, cell in line.cells.items() if not cell.strip() and name not in _MAY_BE_EMPTY]
    if empty:
        raise line.error(f"{' and '.join(empty)} must not be empty.")
    return line


def _trade(line: _Line) -> Trade:
    cells = line.cells
    for column in ("phrase", "offer", "host"):
        _check_template(line, column, {"city"})
    if cells["reputable"] not in ("yes", "no"):
        raise line.error("reputable must be yes or no.")
    if not _HOST.fullmatch(cells["host"].replace("{city}", "")):
        raise line.error("host must be of small ASCII letters, digits and hyphens, without a domain's ending.")
    return Trade(**{**cells, "reputable": cells["reputable"] == "yes"})  # type: ignore[arg-type]


def _template(line: _Line) -> Template:
    cells = line.cells
    if cells["label"] not in {value.value for value in LabelValue}:
        raise line.error("label must be spam or ham.")
    for column in ("author", "url", "text"):
        _check_template(line, column, PLACEHOLDERS)
    text = cells["text"].replace("\\n", "\n")
    return Template(
        cells["language"],
        LabelValue(cells["label"]),
        cells["form"],
        frozenset(cells["trades"].split()),
        cells["author"],
        cells["url"],
        text,
    )


def _check_template(line: _Line, column: str, placeholders: Collection[str]) -> None:
    """Raise `InvalidCorpus` for an unknown placeholder or a bracket without its counterpart."""
    text = line.cells[column]
    for name in PLACEHOLDER.findall(text):
        if name not in placeholders:
            known = ", ".join(sorted(placeholders))
            raise line.error(f"{column} has the unknown placeholder {{{name}}}. Use one of: {known}.")
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        raise line.error(f"{column} has a brace without its counterpart. Write a placeholder as {{city}}.")
    if re.search(r"[\[\]]", ALTERNATIVES.sub("", text)):
        raise line.error(
            f"{column} has a bracket without its counterpart. Write alternatives as [one|two], not nested."
        )


def _check_languages(tables: Mapping[str, Sequence[_Line]]) -> None:
    """Raise `InvalidCorpus` if templates are in a language of which another file has too few rows."""
    for name, lines in tables.items():
        rows = Counter(line.cells["language"] for line in lines)
        least = _LEAST_ROWS.get(name, 1)
        for line in tables["forms"]:
            language = line.cells["language"]
            if rows[language] < least:
                raise line.error(
                    f"{name}.tsv has {rows[language]} rows in the language {language}, and needs {least}. "
                    "Add some, or remove the template."
                )


def _check_trades(trades: Sequence[_Line], forms: Sequence[_Line]) -> None:
    """Raise `InvalidCorpus` if a template names a trade that its language lacks."""
    known = {(line.cells["language"], line.cells["trade"]) for line in trades}
    for line in forms:
        for trade in line.cells["trades"].split():
            if (line.cells["language"], trade) not in known:
                raise line.error(f"trades.tsv lacks the trade {trade} in {line.cells['language']}. Add it there.")
