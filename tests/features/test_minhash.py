"""Similarity of texts, and the bands that find similar texts."""

import random

from hypothesis import given

from moderation.features.minhash import jaccard, lsh_bands, shingles
from moderation.features.normalize import normalized
from tests.strategies import hostile_texts

WORDS = [f"{one}{other}" for one in ("lake", "bread", "garden", "music") for other in ("", "s", "er", "ing", "less")]


def similar_texts(rng: random.Random, rate: float) -> tuple[str, str]:
    """Return two texts; the second keeps about `rate` of the words of the first."""
    words = rng.choices(WORDS, k=30)
    copy = [word if rng.random() < rate else "".join(rng.choices("abcdefghij", k=6)) for word in words]
    return " ".join(words), " ".join(copy)


def runs(text: str) -> set[str]:
    """Return the runs of five letters in the canonical text."""
    padded = f" {normalized(text[:2_000])} ".ljust(5)
    return {padded[start : start + 5] for start in range(len(padded) - 4)}


@given(hostile_texts, hostile_texts)
def test_similarity_is_the_jaccard_index(one: str, other: str) -> None:
    """The similarity is intersection by union of the shingles, for any two strings."""
    left, right = runs(one), runs(other)
    found = jaccard(shingles(one), shingles(other))
    assert found == jaccard(shingles(other), shingles(one)) == len(left & right) / len(left | right)
    assert jaccard(shingles(one), shingles(one)) == 1.0


@given(hostile_texts)
def test_bands_follow_from_the_text_and_fit_a_column(text: str) -> None:
    """The same text has the same 1 to 12 different bands, each a signed integer of 64 bits."""
    bands = lsh_bands(text)
    assert bands == lsh_bands(text) and 0 < len(bands) == len(set(bands)) <= 12
    assert all(-(2**63) <= band < 2**63 for band in bands)


def test_disguise_does_not_lower_the_similarity() -> None:
    """Letter case, markup, invisible characters and homoglyphs do not matter."""
    plain, disguised = "order cheap pills now", "<b>ORDER</b> ch\u200beap \u0440ills now"
    assert jaccard(shingles(plain), shingles(disguised)) == 1.0 and lsh_bands(plain) == lsh_bands(disguised)


def test_only_the_beginning_is_read() -> None:
    """A long text costs no more than its first 2,000 code points."""
    head = ("lakes and gardens " * 200)[:2_000]
    assert lsh_bands(head + "x" * 100) == lsh_bands(head) and jaccard(shingles(head + "x" * 100), shingles(head)) == 1.0
    assert jaccard(shingles(head[:-1] + "x"), shingles(head)) < 1.0


def test_similar_texts_share_bands() -> None:
    """Texts share a band with probability `jaccard ** 3`: near copies are found, others hardly ever."""
    rng = random.Random(4)
    for rate in (0.0, 0.5, 0.95):
        expected, shared, pairs = 0.0, 0.0, 300
        for _ in range(pairs):
            one, other = similar_texts(rng, rate)
            expected += jaccard(shingles(one), shingles(other)) ** 3 / pairs
            shared += len(set(lsh_bands(one)) & set(lsh_bands(other))) / 12 / pairs
        assert abs(shared - expected) < 0.03
