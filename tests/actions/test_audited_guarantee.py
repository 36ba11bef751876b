"""A guarantee that the audit shows to be violated takes the site from `block` to `hold`, and says so."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.rollout import recalibrate, rollout_status
from moderation.actions.services import Services
from moderation.domain.audit import AuditDraw
from moderation.domain.budget import RolloutStage
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelValue, Score
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.registry.live_model import LiveModel
from moderation.storage import comments, decisions, labels
from moderation.storage.engine import write_transaction
from tests.labelled_decisions import insert_labelled_decisions
from tests.models import guaranteed_registry
from tests.rollout import EASY_BUDGET, reload_site, stage

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
_IDS = count(1)


@pytest.fixture
def guaranteed(services: Services, tmp_path: Path) -> Services:
    """The services with a model that has general guarantees."""
    registry = guaranteed_registry(tmp_path / "guaranteed")
    return replace(services, registry=registry, live_model=LiveModel(registry), budget=EASY_BUDGET)


@pytest.fixture
def services(services: Services) -> Services:
    """The services with a budget that few comments satisfy."""
    return replace(services, budget=EASY_BUDGET)


def audit(services: Services, site: Site, verdict: Verdict, number: int, value: LabelValue = HAM) -> None:
    """Store comments that the site's present stage judged, the audit drew and a person labelled."""
    status = rollout_status(services, reload_site(services, site))
    model, thresholds = services.live_model.current().id, status.thresholds or Thresholds(0.5, 0.9, 1.0)
    score = Score(0.4, 0.0, 0.0, (), model)
    draw = AuditDraw(services.secret, 1.0)
    with write_transaction(services.engine) as connection:
        for _ in range(number):
            at = services.clock() - timedelta(seconds=1)
            (comment_id,) = comments.add(connection, site.id, [(b"key", Comment("Hello"))], at)
            decision = Decision(
                f"{next(_IDS):032x}", site.id, Comment(""), score, thresholds, verdict, False, at, status.calibration
            )
            decisions.add(connection, [(decision, comment_id)], "api", draw)
            labels.append(connection, site.id, comment_id, Label(value, "mara", "queue", at))


def block_by_own_ham(services: Services, site: Site, ham: int = 59) -> None:
    insert_labelled_decisions(services, site, [0.1 + 0.3 * place / ham for place in range(ham)])
    recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.BLOCK


def test_a_violated_guarantee_ends_blocking(services: Services, site: Site) -> None:
    """By itself, at the next recalibration, and the rollout says why."""
    block_by_own_ham(services, site)
    audit(services, site, Verdict.PUBLISH, 4)
    audit(services, site, Verdict.SPAM, 6)
    assert recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.HOLD
    status = rollout_status(services, reload_site(services, site))
    assert "6 of 10 ham comments of the random audit were blocked" in status.protection
    assert "118 ham comments" in status.next_stage
    model = services.live_model.current().thresholds
    decision = check_comment(services, reload_site(services, site), CheckRequest(Comment("Hello"))).decision
    assert decision.thresholds.spam == max(decision.thresholds.review, model.discard)
    assert not recalibrate(services, reload_site(services, site))


def test_few_losses_and_audited_spam_end_nothing(services: Services, site: Site) -> None:
    """One loss may be chance, and a blocked spam comment is none."""
    block_by_own_ham(services, site)
    audit(services, site, Verdict.PUBLISH, 20)
    audit(services, site, Verdict.SPAM, 1)
    audit(services, site, Verdict.SPAM, 30, SPAM)
    recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.BLOCK


def test_more_ham_gives_another_guarantee(services: Services, site: Site) -> None:
    """Which later comments can violate again, and earlier ones cannot."""
    block_by_own_ham(services, site)
    audit(services, site, Verdict.SPAM, 6)
    recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.HOLD
    block_by_own_ham(services, site, 120)
    assert not recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.BLOCK
    audit(services, site, Verdict.SPAM, 6)
    assert recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.HOLD


def test_a_general_guarantee_can_be_violated(guaranteed: Services, site: Site) -> None:
    """The site falls to `observe`, as its own ham has proved nothing yet."""
    assert stage(guaranteed, site) is RolloutStage.BLOCK
    audit(guaranteed, site, Verdict.PUBLISH, 2)
    audit(guaranteed, site, Verdict.DISCARD, 6)
    assert recalibrate(guaranteed, reload_site(guaranteed, site))
    assert stage(guaranteed, site) is RolloutStage.OBSERVE
    assert (
        "6 of 8 ham comments of the random audit"
        in rollout_status(guaranteed, reload_site(guaranteed, site)).protection
    )
