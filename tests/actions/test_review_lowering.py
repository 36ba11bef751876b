"""The review threshold of a site follows the labels on its published and held comments."""

from dataclasses import replace
from pathlib import Path

import pytest

from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.labelling import label_decision, withdraw_label
from moderation.actions.rollout import recalibrate, rollout_status, set_rollout
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.budget import Calibration, RolloutMode
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelOrigin, LabelValue
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict, lower
from moderation.registry.live_model import LiveModel
from tests.conftest import Clock
from tests.labelled_decisions import insert_labelled_decisions
from tests.models import guaranteed_registry

BLOCKS = Calibration(general=True)


@pytest.fixture
def services(services: Services, tmp_path: Path) -> Services:
    """Return services whose live model has general guarantees."""
    registry = guaranteed_registry(tmp_path / "guaranteed")
    return replace(services, registry=registry, live_model=LiveModel(registry))


def add(
    services: Services,
    site: Site,
    number: int,
    label: LabelValue | None = None,
    *,
    verdict: Verdict = Verdict.PUBLISH,
    calibration: Calibration | None = BLOCKS,
    origin: LabelOrigin = LabelOrigin.SINGLE,
    channel: str = "queue",
) -> list[str]:
    """Store decisions that the live model made in the stage `block`, later than earlier ones, and return their ids."""
    assert isinstance(services.clock, Clock)
    services.clock.advance(number)
    model = services.live_model.current().id
    return insert_labelled_decisions(
        services,
        site,
        [0.1] * number,
        label,
        model=model,
        origin=origin,
        channel=channel,
        verdict=verdict,
        calibration=calibration,
    )


def thresholds(services: Services, site: Site) -> Thresholds:
    """Return the thresholds in force after all that was due was chosen."""
    recalibrate(services, find_site(services, site.url))
    found = rollout_status(services, find_site(services, site.url)).thresholds
    assert found
    return found


@pytest.mark.parametrize("channel", ["queue", "akismet"])
def test_missed_spam_lowers_the_review_threshold(services: Services, site: Site, channel: str) -> None:
    """The next decision uses the lower threshold, stores it and says so. No label blocks more."""
    before = services.live_model.current().thresholds
    add(services, site, 50, LabelValue.SPAM, channel=channel)
    add(services, site, 40)
    now = thresholds(services, site)
    assert now == replace(before, review=lower(before.review, 0.6))
    assert not recalibrate(services, find_site(services, site.url))
    decision = check_comment(services, find_site(services, site.url), CheckRequest(Comment("Hi"), spans=True)).decision
    assert decision.thresholds == now
    stored, _ = find_decision(services, site, decision.id)
    assert stored == decision and stored.calibration and stored.calibration.review_lowering == 0.6
    assert "has lowered the review threshold" in rollout_status(services, find_site(services, site.url)).protection


def test_held_ham_and_waiting_comments_raise_it(services: Services, site: Site) -> None:
    """As long as nobody decides on the held comments, they count as ham."""
    before = services.live_model.current().thresholds
    add(services, site, 50, LabelValue.SPAM)
    add(services, site, 100)
    assert thresholds(services, site).review == lower(before.review, 1.5)
    add(services, site, 1, LabelValue.HAM, verdict=Verdict.REVIEW)
    add(services, site, 1, verdict=Verdict.REVIEW)
    add(services, site, 9, LabelValue.SPAM, verdict=Verdict.REVIEW)
    assert thresholds(services, site).review == lower(before.review, 0.3)
    add(services, site, 1, LabelValue.HAM, verdict=Verdict.SPAM)
    assert thresholds(services, site) == before


def test_an_undo_restores_the_thresholds(services: Services, site: Site) -> None:
    """To the last bit: they are a function of the decisions and of the labels in force."""
    missed = add(services, site, 3, LabelValue.SPAM)
    add(services, site, 90)
    before = thresholds(services, site)
    withdraw_label(services, site, missed[1], "mara", "queue")
    assert thresholds(services, site).review > before.review
    label_decision(services, site, missed[1], LabelValue.SPAM, "mara", "queue")
    assert thresholds(services, site) == before
    for decision_id in missed:
        withdraw_label(services, site, decision_id, "mara", "queue")
    assert thresholds(services, site) == services.live_model.current().thresholds


@pytest.mark.parametrize("origin", [each for each in LabelOrigin if each is not LabelOrigin.SINGLE])
def test_spam_of_a_stroke_is_none_that_was_missed(services: Services, site: Site, origin: LabelOrigin) -> None:
    """Labels in bulk and of files leave the threshold where it is."""
    add(services, site, 50, LabelValue.SPAM, origin=origin)
    add(services, site, 100, LabelValue.HAM, origin=origin)
    assert thresholds(services, site) == services.live_model.current().thresholds


@pytest.mark.parametrize("calibration", [None, Calibration(), Calibration(log_only=True)])
def test_only_decisions_under_a_guarantee_count(
    services: Services, site: Site, calibration: Calibration | None
) -> None:
    """A site that only logs publishes all its spam, which says nothing about the threshold."""
    add(services, site, 50, LabelValue.SPAM, calibration=calibration)
    add(services, site, 100, calibration=calibration)
    assert thresholds(services, site) == services.live_model.current().thresholds


def test_without_a_guarantee_nothing_is_lowered(services: Services, site: Site) -> None:
    """A cautious site has the threshold of the model until its ham gives it a guarantee."""
    add(services, site, 50, LabelValue.SPAM)
    add(services, site, 40)
    lowered = thresholds(services, site)
    set_rollout(services, site.url, RolloutMode.CAUTIOUS)
    model = services.live_model.current().thresholds
    assert lowered.review < model.review == thresholds(services, site).review
