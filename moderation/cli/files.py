"""Where a table goes: to stdout, or whole or not at all to a file."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def output(path: Path | None) -> Iterator[TextIO]:
    """A text stream in UTF-8 without translation of line ends; `None` is stdout.

    A regular file appears, or is replaced, when the block ends; a block that raises leaves it as it was.
    """
    if path is None:
        with _stdout() as stream:
            yield stream
    elif path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield stream
    else:
        with _replacing(path) as stream:
            yield stream


@contextmanager
def _stdout() -> Iterator[TextIO]:
    sys.stdout.flush()
    stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        yield stream
        stream.flush()
    finally:
        stream.detach()


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    # In the same folder: a rename must not cross file systems.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("x", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield stream
        draft.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        draft.unlink(missing_ok=True)
