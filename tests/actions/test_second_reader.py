"""A comment in doubt is read before it is answered, and without the reader it is judged by the model alone."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.judging import judge, sample_ham, with_spans
from moderation.actions.labelling import label_decision
from moderation.actions.overview import summarize_model
from moderation.actions.readiness import readiness
from moderation.actions.services import Services
from moderation.domain.budget import Budget
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import READER_FILE, reader_values
from moderation.scoring.model import Model, logistic, score
from moderation.scoring.second_reader import READER_SKIPPED, SECOND_READER, ReaderSkipped, ReaderState, SecondReader
from moderation.storage import calibrations, decisions, lessons
from moderation.storage.engine import read_transaction
from tests.labelled_decisions import insert_labelled_decisions
from tests.models import small_arrays, small_model
from tests.reader.tiny import EVERYWHERE, tiny_values
from tests.registry.test_reader import WITH_READER, card_with_reader

COMMENT = Comment("Thanks, this helped me a lot.", author="Ann")


def model_that_reads(read: Callable[[ParsedComment], float]) -> Model:
    reader = SecondReader(EVERYWHERE, read, read, deque())
    return small_model().with_reader("read", reader, WITH_READER, None)


def skip(_: ParsedComment) -> float:
    raise ReaderSkipped("It is busy.")


@pytest.fixture
def read_services(services: Services, tmp_path: Path) -> Services:
    """Return services whose live model has a tiny reader that is asked about each comment."""
    registry = ModelRegistry(tmp_path / "read")
    registry.add(small_arrays(), card_with_reader(), reader_values(tiny_values(), EVERYWHERE))
    registry.promote("read")
    return replace(services, registry=registry, live_model=LiveModel(registry))


def test_a_skipped_comment_has_the_thresholds_of_the_model_alone() -> None:
    """Those of both together prove nothing for a score without the reader."""
    parsed = ParsedComment(COMMENT)
    asked = judge(model_that_reads(lambda _: 1.0), None, parsed, default_budget=Budget())
    skipped = judge(model_that_reads(skip), None, parsed, default_budget=Budget())
    assert (asked.score.model, asked.thresholds) == ("read", WITH_READER)
    assert (skipped.score.model, skipped.thresholds) == ("small", small_model().thresholds)
    assert not skipped.degraded


def test_skipped_ham_counts_for_the_thresholds_with_what_the_reader_says(services: Services, site: Site) -> None:
    """Without it, the sample would lack ham in doubt; with the score of the model alone, it would mix two scales."""
    busy = SecondReader(EVERYWHERE, lambda _: 1.0, skip, deque())
    model = replace(model_that_reads(lambda _: 1.0), second_reader=busy)
    insert_labelled_decisions(services, site, [0.2], model="read")
    insert_labelled_decisions(services, site, [0.5], model="small", skipped_model="read")
    insert_labelled_decisions(services, site, [0.7], model="small")
    with read_transaction(services.engine) as connection:
        assert calibrations.count_ham(connection, site.id, "read") == 2
        read = [probability for _, probability in sample_ham(connection, site.id, model, 9)]
        broken = replace(model, second_reader=SecondReader(EVERYWHERE, skip, skip, deque()))
        unread = [probability for _, probability in sample_ham(connection, site.id, broken, 9)]
    assert read == [0.2, logistic(EVERYWHERE.weight + EVERYWHERE.offset)]
    assert unread == [0.2, 1.0]


def test_a_decision_names_the_model_whose_reader_was_skipped(services: Services, site: Site) -> None:
    """It comes back from the database, and is empty for each other decision."""
    skipped = score(model_that_reads(skip), ParsedComment(COMMENT))
    assert (skipped.model, skipped.skipped_model) == ("small", "read")
    assert not score(model_that_reads(lambda _: 1.0), ParsedComment(COMMENT)).skipped_model
    (decision_id,) = insert_labelled_decisions(services, site, [0.5], skipped_model="read")
    with read_transaction(services.engine) as connection:
        found = decisions.find(connection, site.id, decision_id)
    assert found and found[0].score.skipped_model == "read"


def test_the_reader_may_change_a_verdict_either_way() -> None:
    """By no more than its limits."""
    parsed, alone = ParsedComment(COMMENT), score(small_model(), ParsedComment(COMMENT)).probability
    at = Thresholds(alone, 0.9999, 1.0)
    model = model_that_reads(lambda _: -1.0)
    assert judge(replace(model, thresholds=at), None, parsed, default_budget=Budget()).verdict is Verdict.PUBLISH
    model = model_that_reads(lambda _: 1.0)
    assert judge(replace(model, thresholds=at), None, parsed, default_budget=Budget()).verdict is Verdict.REVIEW


def test_a_decision_keeps_the_readers_word(read_services: Services, site: Site) -> None:
    """It is stored with its weight, and shown again without reading."""
    decision = check_comment(read_services, site, CheckRequest(COMMENT)).decision
    assert decision.score.model == "read"
    assert ReaderState.of(decision.score.reasons) is ReaderState.ASKED
    (weight,) = [reason.weight for reason in decision.score.reasons if reason.code == SECOND_READER]
    assert len(read_services.live_model.take_reading_times()) == 1
    shown = with_spans(read_services, decision, site.url)
    assert (SECOND_READER, weight) in [(reason.code, reason.weight) for reason in shown.score.reasons]
    assert read_services.live_model.take_reading_times() == []


def test_a_label_teaches_beside_the_reader(read_services: Services, site: Site) -> None:
    """The lesson has what the reader changed, so that the site learns what both together got wrong."""
    decision = check_comment(read_services, site, CheckRequest(COMMENT)).decision
    (weight,) = [reason.weight for reason in decision.score.reasons if reason.code == SECOND_READER]
    label_decision(read_services, site, decision.id, LabelValue.SPAM, "mara", "queue")
    with read_transaction(read_services.engine) as connection:
        (change,) = lessons.changes_after(connection, site.id, 0)
    assert change.lesson
    assert change.lesson.reader_change == weight != 0.0


def test_the_site_learns_against_the_reader(read_services: Services, site: Site) -> None:
    """Ham that the reader dislikes is published after some labels, though the linear model never held it."""
    texts = [f"Thanks for post number {word}, it helped me." for word in "one two three four five six seven".split()]
    before = check_comment(read_services, site, CheckRequest(Comment(texts[-1]))).decision.score
    for text in texts[:-1]:
        decision = check_comment(read_services, site, CheckRequest(Comment(text))).decision
        label_decision(read_services, site, decision.id, LabelValue.HAM, "mara", "queue")
    after = check_comment(read_services, site, CheckRequest(Comment(texts[-1] + " Really."))).decision.score
    assert after.logit < before.logit


def test_a_missing_reader_is_named(read_services: Services, site: Site) -> None:
    """The service is ready, judges by the model alone, and its pages have the figures of that model."""
    (read_services.registry.folder / "read" / READER_FILE).unlink()
    services = replace(read_services, live_model=LiveModel(read_services.registry))
    (check,) = [check for check in readiness(services) if check.name == "model"]
    assert check.ready
    assert check.detail
    assert READER_FILE in check.detail
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    assert decision.score.model == "small"
    assert {SECOND_READER, READER_SKIPPED}.isdisjoint(reason.code for reason in decision.score.reasons)
    summary = summarize_model(services)
    assert summary
    assert (summary.id, summary.reader) == ("small", check.detail)
