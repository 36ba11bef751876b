"""Scores: exact reasons, batches, site weights and phrases."""

import gc
import weakref
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.decision import Reason
from moderation.features.ngrams import N_COLUMNS
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import SIGNALS
from moderation.scoring.batches import BATCH_SIZE, probabilities
from moderation.scoring.model import Model, logistic, score
from moderation.scoring.reasons import SENTENCES, split_strongest, strongest
from moderation.training.design_matrix import build_matrix
from moderation.training.executors import ONE_PROCESSOR
from tests.models import ODD_SITE, odd_model, odd_result, small_model, small_result
from tests.strategies import comments

FIELDS = ("author", "url", "email", "permalink", "context")


@given(comments)
def test_reasons_and_bias_add_up_to_the_logit(comment: Comment) -> None:
    """Reasons are exact, with the weights of a site too."""
    for model in (small_model(), odd_model().for_site(ODD_SITE)):
        result = score(model, ParsedComment(comment))
        assert result.bias + sum(reason.weight for reason in result.reasons) == pytest.approx(result.logit, abs=1e-9)
        assert result.probability == pytest.approx(logistic(result.logit))


@given(comments, st.lists(st.floats(-20.0, 20.0), max_size=3))
def test_evidence_known_outside_the_comment_joins_the_reasons(comment: Comment, weights: list[float]) -> None:
    """Its weights move the logit by their sum, and reasons and bias still add up to it."""
    evidence = [Reason("NO_MODEL", weight, "stated outside") for weight in weights]
    without = score(small_model(), ParsedComment(comment))
    result = score(small_model(), ParsedComment(comment), evidence=evidence)
    assert result.logit == pytest.approx(without.logit + sum(weights))
    assert result.bias + sum(reason.weight for reason in result.reasons) == pytest.approx(result.logit, abs=1e-9)
    assert sorted(result.reasons) == sorted([*without.reasons, *evidence])


@given(comments)
def test_spans_lie_inside_their_field(comment: Comment) -> None:
    """A span is a range of code points of the field as sent."""
    for reason in score(small_model(), ParsedComment(comment), spans=True).reasons:
        assert reason.code in SENTENCES
        for span in reason.spans:
            assert 0 <= span.start <= span.end <= len(getattr(comment, span.field))


@given(comments)
def test_dropping_a_field_moves_the_logit_by_a_bounded_amount(comment: Comment) -> None:
    """No field can decide alone: the logit moves by no more than the contribution limits allow."""
    model = small_model()
    whole = score(model, ParsedComment(comment)).logit
    for field in FIELDS:
        without = score(model, ParsedComment(replace(comment, **cast(Any, {field: None})))).logit
        assert abs(whole - without) <= _bound(model)


def _bound(model: Model) -> float:
    """Return twice the most that words and the signals of fields can contribute."""
    spread = np.abs(model.signal_weights[-_FIELD_SIGNALS:]).sum() * 12
    return 2 * float(np.abs(model.contribution_limits).sum() + spread)


_FIELD_SIGNALS = sum(
    signal.code.split("_")[0] in ("LINK", "LINKS", "ANCHOR", "ON", "TITLE", "NAME", "NOTHING", "URL", "EMAIL")
    for signal in SIGNALS
)


@given(st.lists(comments, max_size=4))
def test_a_batch_has_the_probabilities_of_its_comments(batch: list[Comment]) -> None:
    """Scoring in batches without reasons gives the same numbers in the same order."""
    single = [score(small_model(), ParsedComment(comment)).probability for comment in batch]
    assert list(probabilities(small_model(), batch)) == pytest.approx(single)


def test_comments_of_several_batches_keep_their_order() -> None:
    """No comment is lost between batches."""
    many = [Comment(f"hello {number}") for number in range(2 * BATCH_SIZE + 1)]
    results = list(probabilities(small_model(), iter(many)))
    assert len(results) == len(many)
    assert results[-1] == pytest.approx(score(small_model(), ParsedComment(many[-1])).probability)


@given(comments)
def test_serving_scores_as_evaluation_does(comment: Comment) -> None:
    """The figures of a model card hold for the model that serves, but for the rounding of its weights."""
    matrix = build_matrix([comment], ONE_PROCESSOR)
    evaluated = (small_result().linear.logits(matrix) + matrix.rules)[0]
    assert score(small_model(), ParsedComment(comment)).logit == pytest.approx(evaluated, abs=0.05)


def test_a_site_without_weights_has_the_shared_model() -> None:
    """The shared model is not copied. A site with weights has another model with the same id, which is cached."""
    model = odd_model()
    assert model.for_site("https://stranger.example") is model
    site_model = model.for_site(ODD_SITE)
    assert site_model is model.for_site(ODD_SITE) and site_model is not model
    assert (site_model.id, site_model.thresholds) == (model.id, model.thresholds)


def test_a_replaced_model_is_freed() -> None:
    """The caches of a model make no reference cycle, so a server that swaps models does not grow."""
    model = Model.from_arrays("odd", odd_result().arrays(), odd_result().thresholds)
    references = [weakref.ref(model.word_weights), weakref.ref(model.for_site(ODD_SITE).word_weights)]
    gc.disable()
    try:
        del model
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_the_logistic_function_does_not_overflow() -> None:
    """Extreme logits give 0 and 1."""
    assert (logistic(-1e4), logistic(0.0), logistic(1e4)) == (0.0, 0.5, 1.0)


def test_a_repeated_word_is_one_reason_with_two_spans() -> None:
    """A reader sees each word once, with all its occurrences, if spans are requested."""
    assert not any(reason.spans for reason in score(small_model(), ParsedComment(Comment("shoes, shoes"))).reasons)
    result = score(small_model(), ParsedComment(Comment("shoes here, shoes there")), spans=True)
    (shoes,) = [reason for reason in result.reasons if reason.code == "WORDING" and reason.detail == "shoes"]
    assert [(span.start, span.end) for span in shoes.spans] == [(0, 5), (12, 17)]


def wordings(text: str, weight: float = 0.5) -> dict[str, list[str]]:
    """Return the phrases that reasons quote, with the texts of their spans, if every word has the same weight."""
    model = replace(small_model(), weights=np.full(N_COLUMNS, weight, dtype=np.float16))
    reasons = score(model, ParsedComment(Comment(text)), spans=True).reasons
    wording = [reason for reason in reasons if reason.code == "WORDING"]
    return {reason.detail: [text[span.start : span.end] for span in reason.spans] for reason in wording}


def test_adjacent_words_are_one_reason() -> None:
    """A phrase has up to four words; its span is that of the whole phrase as sent."""
    assert wordings("Buy <b>Cheap</b> shoes!") == {"buy cheap shoes": ["Buy <b>Cheap</b> shoes"]}
    assert wordings("one two three four five six") == {
        "one two three four": ["one two three four"],
        "five six": ["five six"],
    }
    assert wordings("I do think", -0.5) == {"i do think": ["I do think"]}


def test_words_that_are_not_always_adjacent_are_no_phrase() -> None:
    """Two words are one reason only if neither occurs without the other, with white space between."""
    assert wordings("buy cheap shoes, buy cheap boats") == {
        "buy cheap": ["buy cheap", "buy cheap"],
        "shoes": ["shoes"],
        "boats": ["boats"],
    }
    assert set(wordings("cheap. Shoes")) == {"cheap", "shoes"}


@given(comments)
def test_phrases_are_few_and_share_no_word(comment: Comment) -> None:
    """At most five phrases for spam and three for ham are quoted, and each word is in one of them."""
    wording = [reason for reason in score(small_model(), ParsedComment(comment)).reasons if reason.code == "WORDING"]
    assert sum(reason.weight > 0 for reason in wording) <= 5
    assert sum(reason.weight < 0 for reason in wording) <= 3
    words = [word for reason in wording if len(reason.detail) < 60 for word in reason.detail.split()]
    assert len(words) == len(set(words))


@given(st.lists(st.floats(-9, 9).map(lambda weight: Reason("CODE", weight))))
def test_the_strongest_come_first_and_none_is_lost(reasons: list[Reason]) -> None:
    """Five reasons for spam and three for ham come first, and all others follow."""
    first, others = split_strongest(reasons)
    spam, ham = ([r for r in first if r.weight > 0], [r for r in first if r.weight < 0])
    assert first == [*spam, *ham]
    assert len(spam) == min(5, sum(r.weight > 0 for r in reasons))
    assert len(ham) == min(3, sum(r.weight < 0 for r in reasons))
    assert sorted(r.weight for r in (*first, *others)) == sorted(r.weight for r in reasons)
    for side in (spam, ham, others):
        assert side == sorted(side, key=lambda r: -abs(r.weight))
    for reason in others:
        stronger = spam if reason.weight > 0 else ham
        assert reason.weight == 0 or abs(reason.weight) <= min(abs(r.weight) for r in stronger)


def test_the_strongest_reasons_are_of_both_sides() -> None:
    """A summary has reasons for spam and for ham."""
    comment = ParsedComment(Comment("great post, cheap shoes, I think you are wrong"))
    assert {reason.weight > 0 for reason in strongest(score(small_model(), comment).reasons)} == {True, False}


def test_obvious_ham_and_spam() -> None:
    """An angry reader is published, a shoe seller is not."""
    model = small_model()
    angry = Comment(
        "You are an idiot if you believe a word this senator says. Wake the hell up!", author="Frank", url=""
    )
    seller = Comment(
        "great post, cheap shoes", author="cheap shoes outlet", url="http://cheap-shoes-outlet.example/buy"
    )
    assert score(model, ParsedComment(angry)).probability < model.thresholds.review
    assert score(model, ParsedComment(seller)).probability >= model.thresholds.review
