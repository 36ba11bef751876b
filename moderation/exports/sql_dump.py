"""Rows of one table in an SQL dump by mysqldump, mariadb-dump or phpMyAdmin, read as a stream of lines.

These programs escape line breaks in values, so each statement begins a line. Its rows may follow on that
line or on the next ones.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from moderation.domain.errors import InvalidInput

_MAX_ROW_CHARS = 2**26
_SQL = re.compile(r"--|/\*|#|(?:create|drop|insert|set|start|begin|lock|use)\b", re.IGNORECASE)
_CREATE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(?:`\w+`\.)?[`\"]?(\w+)[`\"]?\s*\(", re.IGNORECASE)
_COLUMN = re.compile(r"\s*[`\"](\w+)[`\"] ")
_INSERT = re.compile(
    r"(?:INSERT|REPLACE)(?: IGNORE)? INTO (?:`\w+`\.)?[`\"]?(\w+)[`\"]?\s*(?:\(([^()]*)\)\s*)?VALUES\s*",
    re.IGNORECASE,
)
_VALUE = r"(?:_binary |_utf8mb4 ?)?(?:'(?:[^'\\]++|\\.|'')*+'|0x[0-9A-Fa-f]*|NULL|[-+.\w]+)"
_ROW = re.compile(rf"\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*+)\s*\)\s*([,;])?", re.DOTALL)
_SINGLE = re.compile(_VALUE, re.DOTALL)
_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "0": "\0", "Z": "\x1a"}


def looks_like_sql(beginning: str) -> bool:
    """Return whether the first line of a file begins as those of dumps do."""
    return bool(_SQL.match(beginning))


def insert_rows(
    lines: Iterator[str], name: str, suffix: str, required: Sequence[str]
) -> Iterator[Mapping[str, str | None]]:
    """Yield the rows of the table whose name ends with `suffix` and that has the `required` columns.

    `name` is that of the file in errors. Raises `InvalidInput` if no such table has rows, if several have, or for a
    value that cannot be read.
    """
    columns: dict[str, Sequence[str]] = {}
    found = ""
    for line in lines:
        created, inserted = _CREATE.match(line), _INSERT.match(line)
        if created and created[1].endswith(suffix):
            columns[created[1]] = _created_columns(lines)
        if not (inserted and inserted[1].endswith(suffix)):
            continue
        table = inserted[1]
        named = re.findall(r"\w+", inserted[2]) if inserted[2] else columns.get(table, ())
        if not set(required) <= set(named):
            continue
        if found and table != found:
            raise InvalidInput(f"{name} has the comments of several blogs ({found}, {table}): dump one table.")
        found = table
        rows = _rows(line[inserted.end() :], lines, name, len(named))
        yield from (dict(zip(named, row, strict=True)) for row in rows)
    if not found:
        raise InvalidInput(
            f"{name} has no rows of a table of comments, such as wp_comments. "
            "A dump needs CREATE TABLE, or the names of the columns in INSERT."
        )


def _created_columns(lines: Iterator[str]) -> list[str]:
    names: list[str] = []
    for line in lines:
        column = _COLUMN.match(line)
        if column is None:
            break
        names.append(column[1])
    return names


def _rows(text: str, lines: Iterator[str], name: str, width: int) -> Iterator[list[str | None]]:
    """Yield the rows of a statement that begins with `text` and goes on with the next lines."""
    position = 0
    while True:
        row = _ROW.match(text, position)
        if row is None or (row[2] is None and not text[row.end() :].strip()):
            text, position = text[position:], 0
            more = _lines_of(lines, len(text))
            if not more or len(text) > _MAX_ROW_CHARS:
                raise InvalidInput(f"{name} is damaged: a row of an INSERT statement cannot be read. Dump it again.")
            text += more
            continue
        values = [_parse(value) for value in _SINGLE.findall(row[1])]
        if len(values) != width:
            raise InvalidInput(f"{name} is damaged: a row has {len(values)} values instead of {width}. Dump it again.")
        yield values
        position = row.end()
        if row[2] != ",":
            return


def _lines_of(lines: Iterator[str], length: int) -> str:
    """Return the next lines, as many characters as were read in vain, so that a broken row is not read too often."""
    taken: list[str] = []
    while (line := next(lines, None)) is not None:
        taken.append(line)
        length -= len(line)
        if length <= 0:
            break
    return "".join(taken)


def _parse(value: str) -> str | None:
    if value.upper() == "NULL":
        return None
    _, quote, quoted = value.partition("'")
    if not quote:
        is_hex = value.startswith("0x")
        return bytes.fromhex(value[2:]).decode("utf-8", "replace") if is_hex else value
    return _ESCAPE.sub(lambda match: "'" if match[1] is None else _ESCAPED.get(match[1], match[1]), quoted[:-1])
