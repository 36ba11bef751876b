"""What words weigh, and what is remembered of them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features.evidence import gather_evidence
from moderation.features.ngrams import SPELLINGS, WORDS, Segment, hash_page
from moderation.scoring.wordbook import REMEMBERED, Wordbook
from tests.models import small_model
from tests.strategies import comments


@given(comments)
def test_the_shares_are_those_of_the_row(comment: Comment) -> None:
    """Serving adds up what training learnt from: the hashed row times the weights."""
    model, page = small_model(), gather_evidence(comment).page
    columns, values = hash_page(page)
    expected = float((model.weights[columns].astype(float) * values).sum()) if columns else 0.0
    shares = [share for segment in page for share in model.wordbook.shares(segment).values()]
    assert sum(shares) == pytest.approx(expected, abs=1e-9)


def test_looking_again_finds_the_same_in_every_thread() -> None:
    """What is remembered is what was worked out."""
    segment = Segment("buy cheap shoes and buy more".split(), WORDS, SPELLINGS)
    wordbook = Wordbook(small_model().weights)
    first = wordbook.shares(segment)
    with ThreadPoolExecutor(4) as threads:
        assert all(found == first for found in threads.map(wordbook.shares, [segment] * 50))


def test_no_more_words_are_remembered_than_said() -> None:
    """Whoever sends new words without end fills no memory."""
    wordbook = Wordbook(np.zeros(2**21, dtype=np.float16))
    wordbook.shares(Segment([f"word{number}" for number in range(REMEMBERED + 100)], WORDS, None))
    (look,) = wordbook._looks.values()
    assert look.cache_info().currsize == REMEMBERED  # type: ignore[attr-defined]
