"""Spans of stored reasons: only the model that decided may compute them."""

from dataclasses import replace
from pathlib import Path

import pytest

from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.judging import judge, with_spans
from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Reason
from moderation.domain.site import Site
from moderation.domain.thresholds import decide
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.storage import decisions
from moderation.storage.engine import read_transaction
from tests.models import small_arrays, small_card, small_model_registry

SHOES = Comment("Buy cheap shoes at http://shoes.example")


@pytest.fixture
def decision(services: Services, site: Site) -> Decision:
    """A decision of the small model."""
    return check_comment(services, site, CheckRequest(SHOES)).decision


def reasons_of(services: Services, site: Site, decision: Decision) -> tuple[Reason, ...]:
    return find_decision(services, site, decision.id)[0].score.reasons


def with_registry(services: Services, registry: ModelRegistry) -> Services:
    return replace(services, registry=registry, live_model=LiveModel(registry))


def test_the_model_that_decided_locates_the_reasons(services: Services, site: Site, decision: Decision) -> None:
    """Codes, weights and details are those that were stored."""
    located = reasons_of(services, site, decision)
    assert any(reason.spans for reason in located)
    assert [reason._replace(spans=()) for reason in located] == list(decision.score.reasons)


def test_evidence_from_outside_the_comment_is_judged_and_stays_as_it_was_stored(
    services: Services, site: Site, decision: Decision
) -> None:
    """The verdict follows it, and it has no part in the comment to be marked."""
    evidence = Reason("NO_MODEL", 30.0, "stated outside")
    judgement = judge(
        services.live_model.current(),
        site,
        ParsedComment(SHOES),
        default_budget=services.budget,
        evidence=[evidence],
    )
    assert judgement.verdict is decide(judgement.score.probability, judgement.thresholds)
    assert judgement.score.logit == pytest.approx(decision.score.logit + evidence.weight)
    located = with_spans(services, replace(decision, score=judgement.score), site.url).score
    assert evidence in located.reasons and any(reason.spans for reason in located.reasons)
    assert located.logit == judgement.score.logit


def test_a_retired_model_still_locates_its_reasons(
    services: Services, site: Site, decision: Decision, tmp_path: Path
) -> None:
    """Another model is live, and the one that decided is in the registry."""
    registry = small_model_registry(tmp_path / "models")
    registry.add(small_arrays(), small_card("newer"))
    registry.promote("newer")
    assert reasons_of(with_registry(services, registry), site, decision) == reasons_of(services, site, decision)


def test_without_the_model_that_decided_reasons_have_no_spans(
    services: Services, site: Site, decision: Decision, tmp_path: Path
) -> None:
    """The stored reasons are shown as they are, never those of another model."""
    registry = ModelRegistry(tmp_path / "models")
    registry.add(small_arrays(), small_card("newer"))
    registry.promote("newer")
    assert reasons_of(with_registry(services, registry), site, decision) == decision.score.reasons


def test_with_another_features_version_reasons_have_no_spans(
    services: Services, site: Site, decision: Decision, tmp_path: Path
) -> None:
    """A model of another version of the features cannot be loaded."""
    registry = ModelRegistry(tmp_path / "models")
    registry.add({**small_arrays(), "features_version": 1}, small_card())
    assert reasons_of(with_registry(services, registry), site, decision) == decision.score.reasons


def test_a_reason_with_another_weight_has_no_spans(
    services: Services, site: Site, decision: Decision, tmp_path: Path
) -> None:
    """A model of the same name with other weights does not explain the decision."""
    arrays = small_arrays()
    registry = ModelRegistry(tmp_path / "models")
    registry.add({**arrays, "weights": arrays["weights"] * 2}, small_card())
    registry.promote("small")
    reasons = reasons_of(with_registry(services, registry), site, decision)
    assert reasons == decision.score.reasons


def test_spans_are_not_stored(services: Services, site: Site) -> None:
    """They follow from the text and the model."""
    decision = check_comment(services, site, CheckRequest(SHOES, spans=True)).decision
    assert any(reason.spans for reason in decision.score.reasons)
    with read_transaction(services.engine) as connection:
        row = decisions.find(connection, site.id, decision.id)
    assert row is not None and not any(reason.spans for reason in row[0].score.reasons)
