"""How commands speak: results to stdout, everything else to stderr."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_HIDDEN_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


def say(sentence: str) -> None:
    """A line about what is going on."""
    click.echo(sentence, err=True)


def print_json(value: Any) -> None:
    """A value for scripts; ASCII, so that nothing in it can steer a terminal."""
    click.echo(json.dumps(value, indent=2))


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under a header, in columns as wide as they need to be."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def visible(text: str) -> str:
    """Hostile text on one line, each control, invisible or bidirectional character as its code point: `[U+202E]`."""
    return "".join(f"[U+{ord(letter):04X}]" if _is_hidden(letter) else letter for letter in text)


def _is_hidden(letter: str) -> bool:
    return letter in _HIDDEN_LETTERS or unicodedata.category(letter) in _HIDDEN_CATEGORIES
