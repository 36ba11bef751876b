"""A site blocks from its first comment by the general guarantee of the model, unless it asks for more or loses more."""

from dataclasses import replace
from pathlib import Path

import pytest

from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.judging import fallback_verdict, general_guarantees
from moderation.actions.rollout import recalibrate, rollout_status, set_budget, set_rollout
from moderation.actions.services import Services
from moderation.actions.sites import find_site, set_thresholds
from moderation.domain.budget import Budget, Calibration, RolloutMode, RolloutStage
from moderation.domain.comment import Comment
from moderation.domain.errors import NotFound
from moderation.domain.site import OnError, Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.registry.live_model import LiveModel
from moderation.storage.calibrations import count_published_or_ham
from moderation.storage.engine import read_transaction, write_transaction
from tests.labelled_decisions import insert_labelled_decisions
from tests.models import guaranteed_registry
from tests.queue_lists import held_items

EASY_BUDGET = Budget(lost=0.05, held=0.1)
"""The review threshold needs 29 ham comments, the spam threshold 59."""


@pytest.fixture
def services(services: Services, tmp_path: Path) -> Services:
    """Return services whose live model has general guarantees, with a budget that few comments satisfy."""
    registry = guaranteed_registry(tmp_path / "guaranteed")
    return replace(services, registry=registry, live_model=LiveModel(registry), budget=EASY_BUDGET)


def reload_site(services: Services, site: Site) -> Site:
    return find_site(services, site.url)


def stage(services: Services, site: Site) -> RolloutStage | None:
    calibration = rollout_status(services, reload_site(services, site)).calibration
    return calibration.stage if calibration else None


def spread(number: int) -> list[float]:
    """Return different probabilities, none near the top."""
    return [0.2 + 0.3 * place / number for place in range(number)]


def test_a_fresh_site_blocks_by_the_general_guarantee(services: Services, site: Site) -> None:
    """From the first comment on, and the decision keeps it; its own ham gives the next guarantees."""
    suggested = services.live_model.current().thresholds
    status = rollout_status(services, site)
    assert (status.thresholds, status.calibration) == (suggested, Calibration(general=True))
    assert "On at least 80 % of new sites like the 20" in status.protection
    assert "its own guarantee at 29 ham comments" in status.next_stage
    decision = check_comment(services, site, CheckRequest(Comment("Hello"), spans=True)).decision
    assert decision.thresholds == suggested and decision.calibration == Calibration(general=True)
    assert find_decision(services, site, decision.id)[0] == decision
    assert general_guarantees(services, decision.score.model) == status.general
    insert_labelled_decisions(services, site, spread(29))
    assert recalibrate(services, site)
    after = rollout_status(services, reload_site(services, site))
    assert after.thresholds and after.thresholds.review < 0.6 and after.thresholds.spam == suggested.spam
    assert "of this site's ham is held" in after.protection and "new sites" in after.protection


def test_more_certainty_than_the_general_guarantee_gives(services: Services, site: Site) -> None:
    """A larger coverage or `--cautious` starts a site at `observe`; `--default` lets it block again."""
    assert set_budget(services, site.url, replace(EASY_BUDGET, coverage=0.9)).budget != EASY_BUDGET
    assert stage(services, site) is RolloutStage.OBSERVE
    set_budget(services, site.url, None)
    assert stage(services, site) is RolloutStage.BLOCK
    set_rollout(services, site.url, RolloutMode.CAUTIOUS)
    assert stage(services, site) is RolloutStage.OBSERVE
    set_rollout(services, site.url, RolloutMode.DEFAULT)
    assert stage(services, site) is RolloutStage.BLOCK
    with pytest.raises(NotFound):
        set_rollout(services, "https://nobody.example", RolloutMode.LOG)


def test_a_site_that_only_logs_publishes_everything(services: Services, site: Site) -> None:
    """The thresholds of the decision say what would have been, also after it was stored."""
    own = set_thresholds(services, site.url, Thresholds(1e-9, 1e-9, 1e-9))
    assert check_comment(services, own, CheckRequest(Comment("Hello"))).decision.verdict is Verdict.DISCARD
    logs = set_rollout(services, site.url, RolloutMode.LOG)
    decision = check_comment(services, logs, CheckRequest(Comment("Hello there"), spans=True)).decision
    assert decision.verdict is Verdict.PUBLISH and decision.thresholds == Thresholds(1e-9, 1e-9, 1e-9)
    assert find_decision(services, site, decision.id)[0] == decision and held_items(services) == []
    assert decision.calibration and decision.calibration.stage is RolloutStage.LOG
    unjudged = replace(logs, on_error=OnError.REVIEW)
    assert fallback_verdict(unjudged) is Verdict.PUBLISH and fallback_verdict(site) is Verdict.REVIEW


def test_a_site_that_loses_too_much_falls_back(services: Services, site: Site) -> None:
    """One lost comment of one proves nothing, four of four do; the refutation stays."""
    lost = [0.9999999] * 4
    insert_labelled_decisions(services, site, lost[:1])
    recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.BLOCK
    insert_labelled_decisions(services, site, lost[1:])
    assert recalibrate(services, reload_site(services, site))
    assert stage(services, site) is RolloutStage.OBSERVE
    stored = reload_site(services, site).stored_calibration
    assert stored and stored.refutation and (stored.refutation.errors, stored.refutation.n) == (4, 4)
    assert not recalibrate(services, reload_site(services, site))


def test_published_comments_count_against_a_refutation(services: Services, site: Site) -> None:
    """Few people label published ham, so the labelled comments alone would exaggerate the loss."""
    for number in range(80):
        check_comment(services, site, CheckRequest(Comment(f"Thank you, soup {number}")))
    insert_labelled_decisions(services, site, [0.9999999] * 4)
    with read_transaction(services.engine) as connection:
        known = count_published_or_ham(connection, site.id, "small", 1000)
        assert 40 < known <= 84 and count_published_or_ham(connection, site.id, "small", 10) == 10
    recalibrate(services, site)
    assert stage(services, site) is RolloutStage.BLOCK


def test_ham_judged_while_blocking_does_not_lower_the_spam_threshold(services: Services, site: Site) -> None:
    """People hardly see blocked comments. Without them a sample proves nothing below the threshold that blocked."""
    suggested = services.live_model.current().thresholds
    insert_labelled_decisions(services, site, spread(59))
    with write_transaction(services.engine) as connection:
        connection.exec_driver_sql(f"UPDATE decisions SET stage = 'block', spam_threshold = {suggested.spam!r}")
    recalibrate(services, site)
    status = rollout_status(services, reload_site(services, site))
    assert status.thresholds and status.thresholds.spam == suggested.spam
    assert status.calibration and status.calibration.spam and status.calibration.spam.errors == 0
