"""Every comment is scored without an error or a hang, and its reasons add up."""

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment, SubmissionSignals
from moderation.features.minhash import jaccard, lsh_bands, shingles
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.batches import probabilities
from moderation.scoring.model import score
from tests.fuzz.time_limit import without_hang
from tests.models import small_model
from tests.strategies import comments, hostile_texts, repetitive_comments

_submissions = st.builds(
    SubmissionSignals,
    honeypot_filled=st.none() | st.booleans(),
    script_ran=st.none() | st.booleans(),
    seconds_to_submit=st.none() | st.floats(0, allow_nan=False),
    keystrokes=st.none() | st.integers(0),
    page_age_days=st.none() | st.floats(0, allow_nan=False),
    page_tags=st.lists(hostile_texts, max_size=3).map(tuple),
)


def _assert_scored(comment: Comment, submission: SubmissionSignals) -> None:
    result = without_hang(lambda: score(small_model(), ParsedComment(comment), submission, spans=True))
    assert 0.0 <= result.probability <= 1.0 and isfinite(result.logit)
    assert result.bias + sum(reason.weight for reason in result.reasons) == pytest.approx(result.logit, abs=1e-9)
    for reason in result.reasons:
        assert all(0 <= span.start <= span.end <= len(getattr(comment, span.field)) for span in reason.spans)


@given(comments, _submissions)
def test_any_comment_is_scored(comment: Comment, submission: SubmissionSignals) -> None:
    """Short fields of ordinary and hostile characters."""
    _assert_scored(comment, submission)


@given(repetitive_comments, _submissions)
def test_any_repetition_is_scored(comment: Comment, submission: SubmissionSignals) -> None:
    """Fields of up to 64,000 code points, in which a pattern that backtracks would search for seconds."""
    _assert_scored(comment, submission)


@given(st.lists(comments, max_size=4))
def test_any_batch_is_scored(batch: list[Comment]) -> None:
    """A comment has the same probability in a batch as alone. Similarity to itself is 1."""
    together = without_hang(lambda: list(probabilities(small_model(), batch)))
    alone = [score(small_model(), ParsedComment(comment)).probability for comment in batch]
    assert together == pytest.approx(alone, abs=1e-6)
    for comment in batch:
        assert lsh_bands(comment.text) and jaccard(shingles(comment.text), shingles(comment.text)) == 1.0
