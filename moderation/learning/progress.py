"""How far a long piece of work has come."""

from collections.abc import Callable, Iterable
from typing import TypeVar

_Piece = TypeVar("_Piece")
Progress = Callable[[float], None]
"""Is told the share that is done, within 0 and 1."""


def follow(work: Iterable[_Piece], total: int, progress: Progress | None) -> list[_Piece]:
    """All that `work` yields; `progress` hears after each of its `total` pieces."""
    done: list[_Piece] = []
    for piece in work:
        done.append(piece)
        if progress is not None:
            progress(len(done) / total)
    return done


def by_tenths(report: Callable[[str], None], what: str) -> Progress:
    """Says `what` and how much of it is done, in sentences, each tenth once."""
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        tenths = int(share * 10 + 1e-9)
        if tenths > told:
            told = tenths
            report(f"{what}: {tenths * 10} %.")

    return tell
