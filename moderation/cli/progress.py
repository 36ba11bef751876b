"""Shows that something long goes on, to people only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def counting(what: str) -> Iterator[Callable[[], None]]:
    """Within the block, each call counts one more of `what` on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda: progress.advance(task)


def _nothing() -> None:
    """Nobody is looking."""
