"""A reader changes a logit in doubt by one exact reason, and is skipped without harm."""

from collections import deque
from collections.abc import Callable
from math import inf

import pytest

from moderation.domain.comment import Comment
from moderation.domain.thresholds import Thresholds
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.batches import parsed_probabilities
from moderation.scoring.model import Model, score
from moderation.scoring.second_reader import READER_SKIPPED, SECOND_READER, Doubt, ReaderSkipped, SecondReader
from tests.models import small_model

TEXTS = ("Thanks, this helped me.", "Buy cheap shoes at http://shoes.example.com now", "ok", "word " * 400)
BATCH = [ParsedComment(Comment(text, author="Ann")) for text in TEXTS]
EVERYWHERE = Doubt(0.5, 0.25, 3.0, 5.0, -inf, inf)
THRESHOLDS = Thresholds(0.25, 0.75, 0.9)


def with_reader(read: Callable[[ParsedComment], float], doubt: Doubt = EVERYWHERE) -> Model:
    return small_model().with_reader("read", SecondReader(doubt, read, read, deque()), THRESHOLDS, None)


def skip(_: ParsedComment) -> float:
    raise ReaderSkipped("It is busy.")


@pytest.mark.parametrize(("read", "change"), [(2.0, 1.25), (0.0, 0.25), (100.0, 5.0), (-100.0, -3.0)])
def test_the_change_is_one_reason_within_its_limits(read: float, change: float) -> None:
    """Contributions and bias add up to the logit exactly."""
    for parsed in BATCH:
        result = score(with_reader(lambda _: read), parsed)
        (reason,) = [reason for reason in result.reasons if reason.code == SECOND_READER]
        assert reason.weight == change
        assert result.logit == pytest.approx(score(small_model(), parsed).logit + change)
        assert result.bias + sum(reason.weight for reason in result.reasons) == pytest.approx(result.logit)
        assert result.model == "read"


def test_it_is_asked_only_in_doubt() -> None:
    """Outside of the band, the score is that of the model alone, and the reader does not run."""
    asked: list[str] = []

    def read(parsed: ParsedComment) -> float:
        asked.append(parsed.comment.text)
        return 1.0

    logits = [score(small_model(), parsed).logit for parsed in BATCH]
    lowest, highest = sorted(logits)[1], sorted(logits)[2]
    results = [score(with_reader(read, Doubt(1.0, 0.0, 3.0, 5.0, lowest, highest)), parsed) for parsed in BATCH]
    assert asked == [TEXTS[logits.index(lowest)]]
    assert [result.logit - logit for result, logit in zip(results, logits, strict=True)] == pytest.approx(
        [float(logit == lowest) for logit in logits]
    )


def test_without_the_reader_the_model_alone_decides() -> None:
    """The score has its id, and a reason without weight says why."""
    result = score(with_reader(skip), BATCH[0])
    assert result.model == "small"
    assert result.logit == score(small_model(), BATCH[0]).logit
    assert [reason.detail for reason in result.reasons if reason.code == READER_SKIPPED] == ["It is busy."]


def test_a_comment_of_a_batch_that_is_not_read_keeps_its_score() -> None:
    """The others have the reader's word."""

    def read(parsed: ParsedComment) -> float:
        return skip(parsed) if parsed is BATCH[0] else 1.0

    found, alone = parsed_probabilities(with_reader(read), BATCH), parsed_probabilities(small_model(), BATCH)
    assert [one > other for one, other in zip(found, alone, strict=True)] == [False, True, True, True]


def test_a_batch_is_scored_like_single_comments() -> None:
    """Files and requests have the same probabilities."""
    model = with_reader(lambda parsed: len(parsed.comment.text) / 10)
    assert parsed_probabilities(model, BATCH) == pytest.approx([score(model, each).probability for each in BATCH])
