"""How commands speak: results to stdout, everything else to stderr."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

from moderation.domain.hidden import is_hidden


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
    return "".join(f"[U+{ord(letter):04X}]" if is_hidden(letter) else letter for letter in text)
