"""The laws of a score."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features.ngrams import BLOCKS, OFFSETS
from moderation.features.signals import SIGNALS
from moderation.scoring.model import Model, logistic, probabilities, score
from moderation.scoring.reasons import SENTENCES, strongest
from tests.models import small_model
from tests.strategies import comments

FIELDS = ("author", "url", "email", "permalink", "context")


@given(comments)
def test_reasons_and_bias_add_up_to_the_logit(comment: Comment) -> None:
    """A reason is exact: nothing of the logit is left unexplained."""
    result = score(small_model(), comment)
    assert result.bias + sum(reason.weight for reason in result.reasons) == pytest.approx(result.logit, abs=1e-9)
    assert result.probability == pytest.approx(logistic(result.logit))


@given(comments)
def test_spans_lie_inside_their_field(comment: Comment) -> None:
    """A span is code points of the field as it was sent."""
    for reason in score(small_model(), comment).reasons:
        assert reason.code in SENTENCES
        for span in reason.spans:
            assert 0 <= span.start <= span.end <= len(getattr(comment, span.field))


@given(comments)
def test_dropping_a_field_moves_the_logit_by_a_bounded_amount(comment: Comment) -> None:
    """No field can decide alone: without it the logit moves by no more than the model's weights for it allow."""
    model = small_model()
    whole = score(model, comment).logit
    for field in FIELDS:
        without = score(model, replace(comment, **cast(Any, {field: None}))).logit
        assert abs(whole - without) <= _bound(model)


def _bound(model: Model) -> float:
    """Twice what all field blocks and signals can add: a block at most its weight times the length of its weights."""
    blocks = sum(
        block.weight * float(np.linalg.norm(model.weights[OFFSETS[n] : OFFSETS[n + 1]].astype(np.float64)))
        for n, block in enumerate(BLOCKS)
        if n >= 2
    )
    spread = np.abs(model.signal_weights[-_FIELD_SIGNALS:]).sum() * 12
    return 2 * (blocks + float(spread))


_FIELD_SIGNALS = sum(
    signal.code.split("_")[0] in ("LINK", "LINKS", "ANCHOR", "ON", "TITLE", "NAME", "EMPTY", "URL", "EMAIL")
    for signal in SIGNALS
)


def test_probabilities_are_those_of_the_scores() -> None:
    """Scoring many without reasons gives the same numbers."""
    batch = [Comment("hello there"), Comment("cheap shoes http://shoes.example"), Comment("")]
    assert list(probabilities(small_model(), batch)) == pytest.approx(
        [score(small_model(), c).probability for c in batch]
    )


def test_the_logistic_function_does_not_overflow() -> None:
    """Logits beyond any float's exponent give 0 and 1."""
    assert (logistic(-1e4), logistic(0.0), logistic(1e4)) == (0.0, 0.5, 1.0)


def test_a_word_said_twice_is_one_reason_with_two_places() -> None:
    """A reader sees each word once, wherever it stands."""
    result = score(small_model(), Comment("shoes here, shoes there"))
    (shoes,) = [reason for reason in result.reasons if reason.code == "WORDING" and reason.detail == "shoes"]
    assert [(span.start, span.end) for span in shoes.spans] == [(0, 5), (12, 17)]


def test_the_strongest_reasons_speak_for_both_sides() -> None:
    """A summary names what speaks for spam and what against it."""
    found = strongest(score(small_model(), Comment("great post, cheap shoes, I think you are wrong")).reasons)
    assert {reason.weight > 0 for reason in found} == {True, False}


def test_the_obvious_are_told_apart() -> None:
    """The model blog's case: an angry reader is published, the shoe seller under him is not."""
    model = small_model()
    angry = Comment(
        "You are an idiot if you believe a word this senator says. Wake the hell up!", author="Frank", url=""
    )
    seller = Comment(
        "great post, cheap shoes", author="cheap shoes outlet", url="http://cheap-shoes-outlet.example/buy"
    )
    assert score(model, angry).probability < model.lines.review
    assert score(model, seller).probability >= model.lines.review
