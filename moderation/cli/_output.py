"""Output of the commands: tables, JSON, progress, and files that are replaced whole or not at all."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, TextIO

import click

from moderation.domain.errors import MAX_MESSAGE_LENGTH
from moderation.domain.invisible import quoted, show_invisible
from moderation.training.table_writers import utf8_text

_PROGRESS_STEPS = 200
_PROGRESS_SECONDS = 0.2


def echo_status(sentence: str) -> None:
    """Print a sentence on stderr, cut and with its invisible characters shown: it may quote hostile text."""
    click.echo(quoted(sentence, MAX_MESSAGE_LENGTH, keep="\n"), err=True)


def print_json(value: Any) -> None:
    """Print plain values and responses of the API as JSON in ASCII, so that hostile text cannot steer a terminal."""
    click.echo(json.dumps(value, indent=2, default=methodcaller("model_dump", mode="json")))


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a header, each column as wide as its widest cell, with invisible characters shown."""
    table = [tuple(header), *(tuple(map(show_invisible, row)) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress_counter(label: str, length: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr, if that is a terminal. Each call of the yielded function adds one step."""
    with click.progressbar(
        length=length,
        label=label,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        show_pos=True,
        update_min_steps=max(1, length // _PROGRESS_STEPS),
    ) as progress:
        yield lambda: progress.update(1)


@contextmanager
def progress_line(describe: Callable[[str, int, int], str]) -> Iterator[Callable[[str, int, int], None]]:
    """Show progress on one line of stderr, if that is a terminal.

    `describe` turns a step, the number done and the number of all into words; it is called a few times a second.
    """
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    shown_at = 0.0

    def show(step: str, done: int, total: int) -> None:
        nonlocal shown_at
        if monotonic() - shown_at >= _PROGRESS_SECONDS:
            shown_at = monotonic()
            click.echo(f"\r\x1b[K{describe(step, done, total)}", err=True, nl=False)

    try:
        yield show
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Open a text stream in UTF-8 that does not translate line ends, as `open_binary_output` does."""
    with open_binary_output(path) as binary, utf8_text(binary) as stream:
        yield stream


@contextmanager
def open_binary_output(path: Path | None) -> Iterator[BinaryIO]:
    """Open a stream of bytes; `None` and `-` are stdout.

    A regular file appears, or is replaced, when the block ends; a block that raises leaves it unchanged.
    """
    if path is None or str(path) == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
    else:
        with _open_replacing(path) as stream:
            yield stream


@contextmanager
def _open_replacing(path: Path) -> Iterator[BinaryIO]:
    # In the same folder, because a rename cannot cross file systems.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as stream:
            yield stream
        draft.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        draft.unlink(missing_ok=True)
