"""Long comments: what precedes or follows an advertisement does not hide it, and reasons stay exact."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.decision import Reason, Score
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.batches import probabilities
from moderation.scoring.model import score
from moderation.training.corpus import read_corpus
from moderation.training.design_matrix import build_matrix
from moderation.training.executors import ONE_PROCESSOR
from tests.models import ODD_SITE, STARTER, ignore, odd_model, small_model, small_result


@cache
def filler() -> str:
    """Return the ham of the starter corpus that the model is surest of, as an attacker would wish."""
    comments = [Comment(comment.text) for comment in read_corpus([STARTER], ignore).comments]
    scores = dict(zip(comments, probabilities(small_model(), comments), strict=True))
    return "\n\n".join(comment.text for comment in sorted(scores, key=scores.__getitem__)[:60])


OFFER = (
    "Great post! Cheap shoes for sale in our shop, with free shipping and a discount of 70 % for new customers today. "
    "Buy cheap designer shoes, handbags and replica watches online, and order as many as you want, at low prices. "
    'Click here and visit our shop now: <a href="http://cheap-shoes-outlet.example/buy">cheap shoes outlet</a>'
)
GOOD = "I think you are wrong about the bridge: my father worked there, and the river never came that high.\n\n"
PADDING: dict[str, Callable[[str], str]] = {
    "before": lambda good: f"{good}\n\n{OFFER}",
    "after": lambda good: f"{OFFER}\n\n{good}",
    "both sides": lambda good: f"{good}\n\n{OFFER}\n\n{good}",
    "within a line": lambda good: f"{good} {OFFER} {good}".replace("\n", " "),
    "among short paragraphs": lambda good: "\n\n".join([*good.split(". ")[::2], OFFER, *good.split(". ")[1::2]]),
}


def scored(text: str) -> Score:
    return score(small_model(), ParsedComment(Comment(text)), spans=True)


def passage_of(result: Score) -> Reason:
    (reason,) = [reason for reason in result.reasons if reason.code == "PASSAGE"]
    return reason


@pytest.mark.parametrize("kind", PADDING)
def test_padding_hides_no_offer(kind: str) -> None:
    """The passage with the offer is scored, and the reasons quote it at its place in the comment as sent."""
    text = PADDING[kind](filler())
    result = scored(text)
    assert result.probability > 0.5 > scored(filler()).probability
    (span,) = passage_of(result).spans
    assert "cheap shoes outlet" in text[span.start : span.end]
    words = [reason for reason in result.reasons if reason.code == "WORDING" and reason.weight > 0]
    assert words
    for reason in words:
        assert [text[span.start : span.end].lower() for span in reason.spans] == [reason.detail] * len(reason.spans)
    (target,) = [reason for reason in result.reasons if reason.code == "LINK_TARGET"]
    assert OFFER[OFFER.index("<a") :] in [text[span.start : span.end] for span in target.spans]


def test_an_ordinary_comment_is_scored_whole() -> None:
    """No reason speaks of a passage."""
    for text in (OFFER, GOOD * 3):
        assert not [reason for reason in scored(text).reasons if reason.code == "PASSAGE"]


@given(st.lists(st.sampled_from([OFFER, GOOD, "I see. ", "\n\n", "word " * 50, "+1 555 123 4567 "]), max_size=40))
@settings(max_examples=10)
def test_the_score_of_a_long_comment_is_exact(parts: list[str]) -> None:
    """Reasons and bias add up to the logit. A batch and the evaluation give the same score."""
    comment = Comment("".join(parts), author="Ann", url="")
    for model in (small_model(), odd_model().for_site(ODD_SITE)):
        result = score(model, ParsedComment(comment))
        assert result.bias + sum(reason.weight for reason in result.reasons) == pytest.approx(result.logit, abs=1e-9)
        assert list(probabilities(model, [comment])) == pytest.approx([result.probability])
    evaluated = small_result().linear.logits(build_matrix([Comment("other"), comment], ONE_PROCESSOR))[1]
    assert score(small_model(), ParsedComment(comment)).logit == pytest.approx(evaluated, abs=0.05)


def test_rows_are_taken_with_their_passages() -> None:
    """A part of a matrix scores as the same comments do in the whole."""
    comments = [Comment(text) for text in (GOOD, *(pad(filler()) for pad in PADDING.values()), OFFER, filler())]
    matrix, model = build_matrix(comments, ONE_PROCESSOR), small_result().linear
    assert matrix.passages is not None
    rows = np.array([7, 3, 0, 5])
    assert model.logits(matrix.take(rows)) == pytest.approx(model.logits(matrix)[rows])
