"""A cache of limited size by word: most words of a comment occurred in earlier comments."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

Value = TypeVar("Value")


class WordCache(dict[str, Value], Generic[Value]):
    """A mapping of each word to `compute(word)`, which keeps the values of at most `max_words` recent words.

    It has two halves. When the newer one is full, it becomes the older one, and the former older one is dropped. A
    word of the older half that occurs again moves to the newer one. `functools.lru_cache` records each use instead,
    which takes more than twice the time of the look-up. Threads may share a cache: each step leaves it valid.
    """

    def __init__(self, compute: Callable[[str], Value], max_words: int) -> None:
        self._compute = compute
        self._half = max_words // 2
        self._older: dict[str, Value] = {}

    def __missing__(self, word: str) -> Value:
        """Return the value of a word that is not in the newer half, and store it there."""
        older = self._older
        value = older[word] if word in older else self._compute(word)
        self._store(word, value)
        return value

    def fill(self, words: Iterable[str], compute_all: Callable[[Sequence[str]], Iterable[Value]]) -> None:
        """Store the values of all words that have none yet, computed together."""
        missing = [word for word in dict.fromkeys(words) if word not in self and word not in self._older]
        for word, value in zip(missing, compute_all(missing), strict=True):
            self._store(word, value)

    def _store(self, word: str, value: Value) -> None:
        if len(self) >= self._half:
            self._older = self.copy()
            super().clear()
        self[word] = value

    def clear(self) -> None:
        """Remove all words."""
        self._older = {}
        super().clear()
