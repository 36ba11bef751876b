"""A check judges a comment and stores the decision before it is answered."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moderation.actions.check import CheckRequest, check_comment, check_comments, find_decision, preview_comment
from moderation.actions.judging import FALLBACK_THRESHOLDS
from moderation.actions.retries import MAX_RETRY_SECONDS
from moderation.actions.review import count_held
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_on_error, set_thresholds
from moderation.domain.budget import UNCALIBRATED, calibrated_thresholds
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.errors import NotFound, StorageUnavailable
from moderation.domain.site import OnError, Site
from moderation.domain.thresholds import Thresholds, Verdict, decide
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import score
from moderation.settings import Settings
from moderation.storage.columns import storable
from moderation.storage.engine import open_engine, write_transaction
from moderation.storage.writer import Writer
from tests.conftest import Clock
from tests.models import ODD_SITE, odd_labels, odd_result, small_card
from tests.queue_lists import held_items

COMMENT = Comment(
    text="Thank you, the second photograph is lovely.",
    author="Ines",
    url="https://ines.example",
    email="ines@ines.example",
    permalink="https://blog.example/lakes",
    context="Lakes",
    type="comment",
    lang="en",
    date="2026-01-02",
)
PUBLISH_ALL = Thresholds(1.0, 1.0, 1.0)

# The examples share one database on purpose: each adds to the rows of the others.
reuse_services = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def test_a_decision_comes_back_as_it_was_answered(services: Services, site: Site) -> None:
    """Score, reasons, thresholds, verdict and comment are stored exactly."""
    decision = check_comment(services, site, CheckRequest(COMMENT, spans=True)).decision
    assert find_decision(services, site, decision.id) == (decision, None)
    assert decision.score.reasons
    assert decision.decided_at == services.clock()


def test_the_live_model_judges(services: Services, site: Site) -> None:
    """The score is the live model's, and a new site holds comments above the model's review threshold."""
    model = services.live_model.current()
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    assert decision.score == score(model, ParsedComment(COMMENT))
    assert decision.thresholds.review == model.thresholds.review
    assert decision.verdict is decide(decision.score.probability, decision.thresholds)
    assert not decision.degraded


def test_a_new_site_blocks_only_the_blatant(services: Services, site: Site) -> None:
    """Without a guarantee, spam begins at the model's discard threshold and nothing is discarded."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    assert decision.thresholds == Thresholds(
        services.live_model.current().thresholds.review, services.live_model.current().thresholds.discard, 1.0
    )
    assert decision.calibration == UNCALIBRATED


def test_a_sites_own_thresholds_apply(services: Services, site: Site) -> None:
    """A site's own thresholds replace the model's."""
    thresholds = Thresholds(review=1e-12, spam=1e-12, discard=1.0)
    decision = check_comment(services, set_thresholds(services, site.url, thresholds), CheckRequest(COMMENT)).decision
    assert (decision.thresholds, decision.verdict) == (thresholds, Verdict.SPAM)
    assert decision.calibration is None


@pytest.mark.sqlite("it copies or locks the database file")
def test_a_power_cut_after_the_answer_loses_nothing(
    services: Services, hold_all_site: Site, settings: Settings, tmp_path: Path
) -> None:
    """Once the check returns, decision and queue item are in the database files."""
    decision = check_comment(services, hold_all_site, CheckRequest(COMMENT, spans=True)).decision
    shutil.copytree(settings.var, tmp_path / "after")
    after = replace(services, engine=open_engine(f"sqlite:///{tmp_path}/after/moderation.db", busy_timeout_seconds=10))
    assert find_decision(after, hold_all_site, decision.id)[0] == decision
    assert [item.decision for item in held_items(after)] == [decision]
    after.engine.dispose()


def test_only_a_review_opens_a_queue_item(services: Services, site: Site, hold_all_site: Site, clock: Clock) -> None:
    """No other verdict opens an item."""
    lenient = set_thresholds(services, site.url, PUBLISH_ALL)
    assert check_comment(services, lenient, CheckRequest(COMMENT)).decision.verdict is Verdict.PUBLISH
    clock.advance(MAX_RETRY_SECONDS + 1)
    harsh = set_thresholds(services, site.url, Thresholds(1e-12, 1e-12, 1e-12))
    assert check_comment(services, harsh, CheckRequest(COMMENT)).decision.verdict is Verdict.DISCARD
    assert count_held(services) == 0
    held = check_comment(services, hold_all_site, CheckRequest(COMMENT, spans=True)).decision
    assert [item.decision for item in held_items(services)] == [held]


def test_without_a_model_a_person_decides(services_without_model: Services, site: Site) -> None:
    """Without a model a site may have every comment go to review; the decision is degraded and says why."""
    site = set_on_error(services_without_model, site.url, OnError.REVIEW)
    decision = check_comment(services_without_model, site, CheckRequest(COMMENT)).decision
    assert (decision.verdict, decision.degraded) == (Verdict.REVIEW, True)
    assert decision.thresholds == calibrated_thresholds(UNCALIBRATED, FALLBACK_THRESHOLDS)
    assert (decision.score.probability, decision.score.model) == (0.5, "none")
    assert [reason.code for reason in decision.score.reasons] == ["NO_MODEL"]
    assert [item.decision for item in held_items(services_without_model)] == [decision]


def test_without_a_model_no_threshold_publishes(services_without_model: Services, site: Site) -> None:
    """Thresholds that publish nearly everything do not apply to a comment that was not scored."""
    set_on_error(services_without_model, site.url, OnError.REVIEW)
    lenient = set_thresholds(services_without_model, site.url, PUBLISH_ALL)
    decision = check_comment(services_without_model, lenient, CheckRequest(COMMENT)).decision
    assert (decision.thresholds, decision.verdict) == (PUBLISH_ALL, Verdict.REVIEW)


def test_a_preview_stores_nothing(services: Services, hold_all_site: Site) -> None:
    """A preview leaves no decision and no queue item."""
    decision = preview_comment(services, hold_all_site, COMMENT)
    with pytest.raises(NotFound):
        find_decision(services, hold_all_site, decision.id)
    assert count_held(services) == 0


def test_a_batch_is_many_checks(services: Services, hold_all_site: Site) -> None:
    """A batch returns decisions in order, each stored with its own comment and queue item."""
    batch = [replace(COMMENT, text=f"Comment number {number}.") for number in range(40)]
    decided = check_comments(services, hold_all_site, batch, spans=True)
    assert [decision.comment for decision in decided] == batch
    assert [find_decision(services, hold_all_site, decision.id)[0] for decision in decided] == decided
    assert [item.decision for item in held_items(services)] == decided[::-1]


def test_an_empty_batch_has_no_decisions(services: Services, site: Site) -> None:
    """An empty batch is no error."""
    assert check_comments(services, site, []) == []


def test_another_sites_decision_is_not_found(services: Services, site: Site, other_site: Site) -> None:
    """A decision of another site gives the same error as an unknown id."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    with pytest.raises(NotFound) as foreign:
        find_decision(services, other_site, decision.id)
    with pytest.raises(NotFound) as absent:
        find_decision(services, other_site, "f" * 32)
    assert str(foreign.value) == str(absent.value)


@pytest.mark.sqlite("it copies or locks the database file")
def test_a_locked_database_gives_no_answer(services: Services, site: Site, settings: Settings) -> None:
    """A decision that cannot be stored is not returned."""
    engine = open_engine(settings.database, busy_timeout_seconds=0.01)
    hurried = replace(services, engine=engine, writer=Writer(engine))
    with write_transaction(services.engine), pytest.raises(StorageUnavailable, match="locked"):
        check_comment(hurried, site, CheckRequest(COMMENT))
    hurried.engine.dispose()


def test_every_check_has_its_own_decision(services: Services, site: Site, clock: Clock) -> None:
    """The same comment sent later than a retry would be gets another decision."""
    first = check_comment(services, site, CheckRequest(COMMENT)).decision
    clock.advance(MAX_RETRY_SECONDS + 1)
    second = check_comment(services, site, CheckRequest(COMMENT)).decision
    assert first.id != second.id
    assert first.decided_at < second.decided_at


@reuse_services
@given(text=st.text(st.characters(), max_size=60), author=st.none() | st.text(st.characters(), max_size=10))
@example(text="\x00", author="\ud83d")
@example(text="", author="")
def test_any_text_is_stored(services: Services, hold_all_site: Site, text: str, author: str | None) -> None:
    """Any Python string is judged and stored; NUL and lone surrogates come back as U+FFFD."""
    decision = check_comment(services, hold_all_site, CheckRequest(Comment(text=text, author=author))).decision
    stored, _ = find_decision(services, hold_all_site, decision.id)
    assert stored.comment == Comment(text=storable(text), author=None if author is None else storable(author))
    assert replace(stored.score, reasons=()) == replace(decision.score, reasons=())
    assert [reason[:3] for reason in stored.score.reasons] == [reason[:3] for reason in decision.score.reasons]


@reuse_services
@given(st.sets(st.sampled_from(COMMENT_FIELDS[1:])))
def test_absent_differs_from_empty(services: Services, site: Site, emptied: set[str]) -> None:
    """`None` (not collected) and the empty string (left empty) come back as they were, where the site collects."""
    check_comment(services, site, CheckRequest(COMMENT))
    fields: dict[str, str] = dict.fromkeys(emptied, "")
    comment = Comment(text="Hello there", **fields)
    decision = check_comment(services, site, CheckRequest(comment)).decision
    assert find_decision(services, site, decision.id)[0].comment == comment


def test_a_site_is_judged_by_its_own_weights(services: Services, site: Site, tmp_path: Path) -> None:
    """Site weights change the score at their site only."""
    registry = ModelRegistry(tmp_path / "odd")
    registry.add(odd_result().arrays(), small_card("odd"))
    registry.promote("odd")
    odd_services = replace(services, registry=registry, live_model=LiveModel(registry))
    odd_site = add_site(services, ODD_SITE)[0]
    for comment, spam in list(odd_labels(45))[-6:]:
        at_odd_site, elsewhere = (
            check_comment(odd_services, where, CheckRequest(comment)).decision.score for where in (odd_site, site)
        )
        assert (at_odd_site.probability > 0.5) == spam != (elsewhere.probability > 0.5)
        assert at_odd_site.model == elsewhere.model == "odd"
