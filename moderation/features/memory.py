"""Remembers what was made of words."""

from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Memory(dict[str, Made], Generic[Made]):
    """What `make` makes of each word that was asked for; with `most` words it is full, and begins anew.

    Where most words are known it is quicker than `functools.lru_cache`, which notes every use. Threads may share it.
    """

    def __init__(self, make: Callable[[str], Made], most: int) -> None:
        self._make = make
        self._most = most

    def __missing__(self, word: str) -> Made:
        made = self._make(word)
        if len(self) >= self._most:
            self.clear()
        self[word] = made
        return made
