"""The laws of a score."""

import gc
import weakref
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.judgement import Reason
from moderation.features.ngrams import COLUMNS
from moderation.features.signals import SIGNALS
from moderation.learning.matrix import build_matrix
from moderation.scoring.model import TOGETHER, Model, logistic, probabilities, score
from moderation.scoring.reasons import MOST_AGAINST, MOST_FOR, SENTENCES, parted, strongest
from tests.models import ODD_SITE, odd_model, odd_trained, small_model, small_trained
from tests.strategies import comments

FIELDS = ("author", "url", "email", "permalink", "context")


@given(comments)
def test_reasons_and_bias_add_up_to_the_logit(comment: Comment) -> None:
    """A reason is exact, with the weights of a site too: nothing of the logit is left unexplained."""
    for model in (small_model(), odd_model().at(ODD_SITE)):
        result = score(model, comment)
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
    """Twice what words and the signals of fields can add."""
    spread = np.abs(model.signal_weights[-_FIELD_SIGNALS:]).sum() * 12
    return 2 * float(np.abs(model.reach).sum() + spread)


_FIELD_SIGNALS = sum(
    signal.code.split("_")[0] in ("LINK", "LINKS", "ANCHOR", "ON", "TITLE", "NAME", "EMPTY", "URL", "EMAIL")
    for signal in SIGNALS
)


@given(st.lists(comments, max_size=4))
def test_probabilities_are_those_of_the_scores(several: list[Comment]) -> None:
    """Scoring many together, without reasons, gives the same numbers in the same order."""
    alone = [score(small_model(), comment).probability for comment in several]
    assert list(probabilities(small_model(), several)) == pytest.approx(alone)


def test_however_many_comments_each_has_its_chance() -> None:
    """They are read some hundreds at a time; none is lost between."""
    many = [Comment(f"hello {number}") for number in range(2 * TOGETHER + 1)]
    chances = list(probabilities(small_model(), iter(many)))
    assert len(chances) == len(many)
    assert chances[-1] == pytest.approx(score(small_model(), many[-1]).probability)


@given(comments)
def test_serving_says_what_evaluation_says(comment: Comment) -> None:
    """The figures of a card are about the model that serves, but for the rounding of its weights."""
    evaluated = small_trained().linear.logits(build_matrix([comment], jobs=1))[0]
    assert score(small_model(), comment).logit == pytest.approx(evaluated, abs=0.05)


def test_a_site_without_weights_of_its_own_has_those_of_all() -> None:
    """The same model, which is not copied; at a site that has some it is another one under the same name."""
    model = odd_model()
    assert model.at("https://stranger.example") is model
    at_home = model.at(ODD_SITE)
    assert at_home is model.at(ODD_SITE) and at_home is not model
    assert (at_home.id, at_home.lines) == (model.id, model.lines)


def test_a_model_goes_with_the_last_who_holds_it() -> None:
    """What is kept for its sites does not keep it: a server that swaps models, or has many sites, does not grow."""
    model = Model.from_arrays("odd", odd_trained().arrays(), odd_trained().lines)
    kept = [weakref.ref(model.wordbook), weakref.ref(model.at(ODD_SITE).wordbook)]
    gc.disable()
    try:
        del model
        assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()


def test_the_logistic_function_does_not_overflow() -> None:
    """Logits beyond any float's exponent give 0 and 1."""
    assert (logistic(-1e4), logistic(0.0), logistic(1e4)) == (0.0, 0.5, 1.0)


def test_a_word_said_twice_is_one_reason_with_two_places() -> None:
    """A reader sees each word once, wherever it stands."""
    result = score(small_model(), Comment("shoes here, shoes there"))
    (shoes,) = [reason for reason in result.reasons if reason.code == "WORDING" and reason.detail == "shoes"]
    assert [(span.start, span.end) for span in shoes.spans] == [(0, 5), (12, 17)]


def wordings(text: str, weight: float = 0.5) -> dict[str, list[str]]:
    """The phrases that a model names to which every word weighs, and what of the text each points at."""
    model = replace(small_model(), weights=np.full(COLUMNS, weight, dtype=np.float16))
    found = [reason for reason in score(model, Comment(text)).reasons if reason.code == "WORDING"]
    return {reason.detail: [text[span.start : span.end] for span in reason.spans] for reason in found}


def test_words_that_stand_together_are_one_reason() -> None:
    """A phrase is read as one, up to four words; its span is that of the whole phrase, as it was typed."""
    assert wordings("Buy <b>Cheap</b> shoes!") == {"buy cheap shoes": ["Buy <b>Cheap</b> shoes"]}
    assert wordings("one two three four five six") == {
        "one two three four": ["one two three four"],
        "five six": ["five six"],
    }
    assert wordings("I do think", -0.5) == {"i do think": ["I do think"]}


def test_words_that_stand_together_only_now_and_then_are_not_a_phrase() -> None:
    """Two words are one reason only if neither ever stands without the other, and no mark parts them."""
    assert wordings("buy cheap shoes, buy cheap boats") == {
        "buy cheap": ["buy cheap", "buy cheap"],
        "shoes": ["shoes"],
        "boats": ["boats"],
    }
    assert set(wordings("cheap. Shoes")) == {"cheap", "shoes"}


@given(comments)
def test_wordings_are_few_and_each_word_is_in_one(comment: Comment) -> None:
    """At most five phrases for spam and three against, and none shares a word with another."""
    named = [reason for reason in score(small_model(), comment).reasons if reason.code == "WORDING"]
    assert sum(reason.weight > 0 for reason in named) <= MOST_FOR
    assert sum(reason.weight < 0 for reason in named) <= MOST_AGAINST
    words = [word for reason in named if len(reason.detail) < 60 for word in reason.detail.split()]
    assert len(words) == len(set(words))


@given(st.lists(st.floats(-9, 9).map(lambda weight: Reason("CODE", weight))))
def test_the_strongest_come_first_and_none_is_lost(reasons: list[Reason]) -> None:
    """Five for spam, three against it, and then every other one: nothing counts that is not shown."""
    first, others = parted(reasons)
    pro, contra = ([r for r in first if r.weight > 0], [r for r in first if r.weight < 0])
    assert first == [*pro, *contra]
    assert len(pro) == min(MOST_FOR, sum(r.weight > 0 for r in reasons))
    assert len(contra) == min(MOST_AGAINST, sum(r.weight < 0 for r in reasons))
    assert sorted(r.weight for r in (*first, *others)) == sorted(r.weight for r in reasons)
    for side in (pro, contra, others):
        assert side == sorted(side, key=lambda r: -abs(r.weight))
    for one in others:
        assert one.weight == 0 or abs(one.weight) <= min(abs(r.weight) for r in (pro if one.weight > 0 else contra))


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
