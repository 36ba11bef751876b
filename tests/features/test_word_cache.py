"""The cache of words."""

from collections import Counter
from collections.abc import Sequence

from moderation.features.word_cache import WordCache


def counting_cache(max_words: int) -> tuple[WordCache[str], Counter[str]]:
    """Return a cache of words in capitals, and how often it has computed each."""
    computed: Counter[str] = Counter()

    def compute(word: str) -> str:
        computed[word] += 1
        return word.upper()

    return WordCache(compute, max_words), computed


def test_a_word_that_keeps_occurring_stays_cached() -> None:
    """It moves to the newer half, and words that occurred once are dropped."""
    cache, computed = counting_cache(max_words=20)
    for number in range(100):
        assert (cache["often"], cache[f"once {number}"]) == ("OFTEN", f"ONCE {number}")
        assert len(cache) + len(cache._older) <= 20
    assert cache["once 0"] == "ONCE 0"
    assert (computed["often"], computed["once 0"]) == (1, 2)


def test_a_cleared_cache_has_no_word() -> None:
    """Both halves are emptied."""
    cache, computed = counting_cache(max_words=2)
    words = ["older", "newer"]
    assert [cache[word] for word in words] == ["OLDER", "NEWER"]
    cache.clear()
    assert not cache
    assert [cache[word] for word in words] == ["OLDER", "NEWER"]
    assert computed == {"older": 2, "newer": 2}


def test_words_are_computed_together_unless_they_are_cached() -> None:
    """Each new word is computed once, and the limit holds."""
    cache, computed = counting_cache(max_words=4)
    together: list[str] = []

    def compute_all(words: Sequence[str]) -> list[str]:
        together.extend(words)
        return [word.upper() for word in words]

    cache.fill([], compute_all)
    assert cache["a"] == "A"
    cache.fill(["a", "b", "b", "c"], compute_all)
    assert together == ["b", "c"]
    assert [cache[word] for word in "abc"] == ["A", "B", "C"]
    assert computed == {"a": 1}
    cache.fill("defghijk", compute_all)
    assert len(cache) + len(cache._older) <= 4
