"""What words weigh, and what is remembered of them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features.evidence import gather_evidence
from moderation.features.ngrams import BLOCKS, WORDS, Segment
from moderation.features.rows import hash_pages
from moderation.scoring.model import Model
from moderation.scoring.wordbook import REMEMBERED, Wordbook
from tests.models import small_model
from tests.strategies import comments


@given(comments)
def test_the_shares_are_those_of_the_row(comment: Comment) -> None:
    """Serving adds up what training learnt from: the hashed row times the weights, within the model's reach."""
    model = small_model()
    for segment in gather_evidence(comment).page:
        expected = float(hash_pages([[segment]]).sums(model.weights).sum())
        shares = model.wordbook.shares(segment)
        assert sum(shares.values()) == pytest.approx(np.clip(expected, *model.reach[segment.block]), abs=1e-9)


def test_no_padding_outweighs_everything_else() -> None:
    """Words with the same letters, chosen by the weights themselves, say no more than the model's reach."""
    model = small_model()
    hammiest = min("thanks think wrong article agree code reader".split(), key=lambda word: _alone(model, word))
    for fillers in ([hammiest], [f"{hammiest}{number}" for number in range(500)]):
        assert _alone(model, " ".join(fillers)) >= model.reach[WORDS][0] - 1e-9
    assert _alone(model, " ".join(fillers)) == pytest.approx(model.reach[WORDS][0])


def _alone(model: Model, text: str) -> float:
    """What the words of a text add to the logit."""
    return sum(model.wordbook.shares(Segment(text.split(), WORDS)).values())


def test_looking_again_finds_the_same_in_every_thread() -> None:
    """What is remembered is what was worked out."""
    segment = Segment("buy cheap shoes and buy more".split(), WORDS)
    wordbook = Wordbook(small_model().weights, small_model().reach)
    first = wordbook.shares(segment)
    with ThreadPoolExecutor(4) as threads:
        assert all(found == first for found in threads.map(wordbook.shares, [segment] * 50))


def test_no_more_words_are_remembered_than_said() -> None:
    """Whoever sends new words without end fills no memory."""
    wordbook = Wordbook(np.zeros(2**21, dtype=np.float16), np.zeros((len(BLOCKS), 2)))
    for start in range(0, 2 * REMEMBERED, 100):
        wordbook.shares(Segment([f"word{number}" for number in range(start, start + 100)], WORDS))
        assert 0 < len(wordbook._words[WORDS]) <= REMEMBERED
