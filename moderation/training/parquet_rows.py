"""Rows of a Parquet file, decoded by a process with a limit on its memory: `parquet_decoder.py`."""

import json
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import orjson

from moderation.domain.errors import InvalidCorpus, InvalidInput
from moderation.training.rows import MAX_CELL_CHARS, Row

MAX_MEMORY_MB = 512
"""Memory of the decoding process beside that of its libraries, some 120 MB."""

_PIPE_BYTES = 2**20
_DECODER = Path(__file__).with_name("parquet_decoder.py")


def require_pyarrow(subject: str) -> None:
    """Raise `InvalidInput` with the command that installs pyarrow, if it is missing. `subject` begins the sentence."""
    if find_spec("pyarrow") is None:
        raise InvalidInput(f"{subject} needs pyarrow, which is not installed: pip install 'moderation[parquet]'.")


def parquet_rows(
    binary: BinaryIO,
    name: str,
    columns: Collection[str] | None,
    check_columns: Callable[[Sequence[str]], None],
    start: int = 0,
) -> Iterator[Row]:
    """Yield the rows of a file from `start` on, with their values in the `columns`; `None` for all of plain values.

    `check_columns` raises an error if a required column is missing. Raises `InvalidCorpus` with the `name`, the row
    group and the remedy for a file that is damaged or needs too much memory.
    """
    require_pyarrow(f"Reading the Parquet file {name}")
    number = 0
    with _decoding(binary, columns) as process:
        # A process that crashes may leave a part of a line behind.
        whole_lines = (line for line in process.stdout or () if line.endswith(b"\n"))
        for number, line in enumerate(whole_lines):
            if 0 < number < start:
                continue
            match orjson.loads(line):
                case [sentence]:
                    raise InvalidCorpus(f"{name} {sentence}")
                case {"columns": names} if number == 0:
                    check_columns(names)
                case dict(values):
                    yield Row(number, values, unit="row")
                case sentence:
                    yield Row(number, {}, sentence, unit="row")
        _check_end(process, name, number)


@contextmanager
def _decoding(binary: BinaryIO, columns: Collection[str] | None) -> Iterator["subprocess.Popen[bytes]"]:
    options = json.dumps(None if columns is None else sorted(columns)), str(MAX_CELL_CHARS), str(MAX_MEMORY_MB)
    # -P: a module in the program's folder must not take the place of a library.
    command = (sys.executable, "-P", str(_DECODER), *options)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=binary, stdout=pipe, stderr=pipe, bufsize=_PIPE_BYTES) as process:
        try:
            yield process
        finally:
            process.kill()


def _check_end(process: "subprocess.Popen[bytes]", name: str, number: int) -> None:
    """Raise `InvalidCorpus` if the process ended by a fault behind a row."""
    _, errors = process.communicate()
    if process.returncode:
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        cause = lines[-1].strip() if lines else f"signal {-process.returncode}"
        if "bad_alloc" in cause:
            raise InvalidCorpus(
                f"{name} needs more than {MAX_MEMORY_MB} MB of memory behind row {number}. "
                "Write it again with larger row groups and smaller pages."
            )
        raise InvalidCorpus(
            f"{name} cannot be read: its decoder ended behind row {number} with {cause}. Write it again."
        )
