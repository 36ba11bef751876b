"""Contributions of words, and the cache of their weights."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features.extraction import extract_features
from moderation.features.ngrams import AUTHOR, NAMESPACES, WORDS, Field, hash_documents
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import Model
from moderation.scoring.word_weights import WordWeights
from tests.models import small_model
from tests.strategies import comments


@given(comments)
def test_contributions_are_those_of_the_row(comment: Comment) -> None:
    """Contributions add up to the hashed row times the weights, within the contribution limits."""
    model = small_model()
    for field in extract_features(ParsedComment(comment)).document:
        expected = float(hash_documents([[field]]).sums(model.weights).sum())
        contributions = model.word_weights.contributions(model.word_weights.look_up(field))
        assert sum(contributions.values()) == pytest.approx(
            np.clip(expected, *model.contribution_limits[field.namespace]), abs=1e-9
        )


def test_padding_is_limited() -> None:
    """Ham words without end contribute no more than the limit."""
    model = small_model()
    hammiest = min("thanks think wrong article agree code reader".split(), key=lambda word: _contribution(model, word))
    for fillers in ([hammiest], [f"{hammiest}{number}" for number in range(500)]):
        assert _contribution(model, " ".join(fillers)) >= model.contribution_limits[WORDS][0] - 1e-9
    assert _contribution(model, " ".join(fillers)) == pytest.approx(model.contribution_limits[WORDS][0])


def _contribution(model: Model, text: str) -> float:
    """Return the contribution of the words of a text."""
    row = model.word_weights.look_up(Field(text.split(), WORDS))
    return sum(model.word_weights.contributions(row).values())


def test_cached_words_have_the_same_contributions_in_every_thread() -> None:
    """Threads share the cache of a model."""
    field = Field("buy cheap shoes and buy more".split(), WORDS)
    word_weights = WordWeights(small_model().weights, small_model().contribution_limits)
    first = word_weights.look_up(field)
    with ThreadPoolExecutor(4) as threads:
        assert all(row == first for row in threads.map(word_weights.look_up, [field] * 50))


def test_the_cache_is_limited() -> None:
    """New words without end do not fill the memory; other fields have smaller caches."""
    word_weights = WordWeights(np.zeros(2**21, dtype=np.float16), np.zeros((len(NAMESPACES), 2)))
    for start in range(0, 20_000, 100):
        words = [f"word{number}" for number in range(start, start + 100)]
        word_weights.look_up(Field(words, WORDS))
        word_weights.look_up(Field(words, AUTHOR))
    caches = [word_weights._by_word[namespace] for namespace in (WORDS, AUTHOR)]
    assert [len(cache._older) for cache in caches] == [8_192, 1_024]
    assert all(0 < len(cache) <= len(cache._older) for cache in caches)
