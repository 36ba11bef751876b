"""The rollout of a site advances by its own labelled ham and by nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import nextafter

import pytest

from moderation.actions.check import CheckRequest, check_comment, find_decision, preview_comment
from moderation.actions.judging import judge
from moderation.actions.labelling import label_decision, withdraw_label
from moderation.actions.rollout import (
    recalibrate,
    rollout_status,
    rollout_statuses,
    set_budget,
    thresholds_for,
)
from moderation.actions.services import Services
from moderation.actions.sites import list_sites, set_thresholds, set_type_thresholds
from moderation.domain.budget import UNCALIBRATED, Budget, RolloutStage, sample_digest
from moderation.domain.comment import Comment
from moderation.domain.decision import Label, LabelOrigin, LabelValue
from moderation.domain.errors import ModelUnavailable, NotFound
from moderation.domain.site import MIN_REVIEW, Site
from moderation.domain.thresholds import Thresholds
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.storage import decisions, labels
from moderation.storage.engine import read_transaction, write_transaction
from moderation.storage.tables import calibrations
from tests.labelled_decisions import insert_labelled_decisions
from tests.models import small_arrays, small_card
from tests.queue_lists import held_items
from tests.rollout import EASY_BUDGET, reload_site, stage

THRESHOLDS = Thresholds(0.3, 0.6, 0.9)


@pytest.fixture
def services(services: Services) -> Services:
    """Return services with a budget that few comments satisfy."""
    return replace(services, budget=EASY_BUDGET)


def rows(services: Services) -> int:
    with read_transaction(services.engine) as connection:
        return len(connection.execute(calibrations.select()).all())


def spread(number: int) -> list[float]:
    """Return different probabilities, none near the top."""
    return [0.2 + 0.3 * place / number for place in range(number)]


def test_a_site_advances_by_its_ham(services: Services, site: Site) -> None:
    """Observe, hold, block; at each stage a sentence names the needs of the next one."""
    assert stage(services, site) is RolloutStage.OBSERVE
    assert "at 29 ham comments; there are 0." in rollout_status(services, site).next_stage
    insert_labelled_decisions(services, site, spread(28))
    assert not recalibrate(services, site) and stage(services, site) is RolloutStage.OBSERVE
    insert_labelled_decisions(services, site, [0.6])
    assert "It is chosen within minutes." in rollout_status(services, site).next_stage
    assert recalibrate(services, site) and stage(services, site) is RolloutStage.HOLD
    status = rollout_status(services, reload_site(services, site))
    assert status.next_stage == "The spam threshold gets a guarantee at 59 ham comments; there are 29."
    assert status.thresholds == Thresholds(
        nextafter(0.6, 1), max(0.61, services.live_model.current().thresholds.discard), 1.0
    )
    insert_labelled_decisions(services, site, spread(30))
    assert recalibrate(services, reload_site(services, site)) and stage(services, site) is RolloutStage.BLOCK
    assert "at 118 ham comments; there are 59." in rollout_status(services, reload_site(services, site)).next_stage


def test_the_thresholds_in_force_judge(services: Services, site: Site) -> None:
    """The calibrated thresholds apply to the next comment through every channel and in a preview."""
    insert_labelled_decisions(services, site, [*spread(58), 0.55])
    recalibrate(services, site)
    advanced = reload_site(services, site)
    decision = check_comment(services, advanced, CheckRequest(Comment("Hello there"))).decision
    assert decision.calibration and decision.calibration.stage is RolloutStage.BLOCK
    assert decision.thresholds.review < decision.thresholds.spam == pytest.approx(0.55)
    assert preview_comment(services, advanced, Comment("Hello there")).thresholds == decision.thresholds
    assert (
        judge(
            services.live_model.get(), advanced, ParsedComment(Comment("Hello")), default_budget=services.budget
        ).thresholds
        == decision.thresholds
    )
    assert thresholds_for(services, advanced, None) == (decision.thresholds, decision.calibration)
    message = check_comment(services, advanced, CheckRequest(Comment("Hello there", type="message"))).decision
    kept = decision.thresholds.for_private_types(MIN_REVIEW)
    assert message.thresholds == kept and message.calibration == decision.calibration


def test_a_decision_keeps_its_guarantees(services: Services, site: Site) -> None:
    """A stored decision has the guarantees that it was made by, even if the site has others since."""
    assert (
        find_decision(services, site, check_comment(services, site, CheckRequest(Comment("Hello"))).decision.id)[
            0
        ].calibration
        == UNCALIBRATED
    )
    ids = insert_labelled_decisions(services, site, spread(59))
    recalibrate(services, site)
    comment = Comment("Hello there")
    decision = check_comment(services, reload_site(services, site), CheckRequest(comment, spans=True)).decision
    assert decision.calibration and decision.calibration.spam
    assert (decision.calibration.spam.n, decision.calibration.spam.errors) == (59, 0)
    assert decision.calibration.spam.digest == sample_digest(list(zip(ids, spread(59), strict=True)))
    set_budget(services, site.url, Budget(0.3, 0.4))
    assert find_decision(services, site, decision.id)[0] == decision


def test_held_items_keep_their_guarantees(services: Services, site: Site) -> None:
    """The queue shows the thresholds by which a comment was held."""
    insert_labelled_decisions(services, site, [1e-9] * 29)
    recalibrate(services, site)
    decision = check_comment(
        services, reload_site(services, site), CheckRequest(Comment("Is that so?"), spans=True)
    ).decision
    assert decision.calibration and decision.calibration.stage is RolloutStage.HOLD
    assert [item.decision for item in held_items(services)] == [decision]


@pytest.mark.parametrize("kind", ["spam", "nothing", "another model's", "withdrawn", "superseded"])
def test_only_ham_judged_by_the_live_model_counts(services: Services, site: Site, kind: str) -> None:
    """No label is no approval, and comments of other models or superseded decisions prove nothing."""
    value = {"spam": LabelValue.SPAM, "nothing": None}.get(kind, LabelValue.HAM)
    ids = insert_labelled_decisions(
        services, site, spread(29), value, model="other" if kind == "another model's" else "small"
    )
    if kind == "withdrawn":
        withdraw_label(services, site, ids[0], "mara", "queue")
    if kind == "superseded":
        with write_transaction(services.engine) as connection:
            connection.exec_driver_sql("UPDATE decisions SET superseded = TRUE")
    assert not recalibrate(services, site) and stage(services, site) is RolloutStage.OBSERVE


def test_a_site_advances_by_its_own_comments_only(services: Services, site: Site, other_site: Site) -> None:
    """Each site has its own audience."""
    insert_labelled_decisions(services, other_site, spread(29))
    assert [recalibrate(services, each_site) for each_site in list_sites(services)] == [False, True]
    assert [stage(services, each_site) for each_site in (site, other_site)] == [RolloutStage.OBSERVE, RolloutStage.HOLD]


def test_a_threshold_is_chosen_from_the_first_comments(services: Services, site: Site) -> None:
    """The oldest 29 are the sample, however many follow, so that it can be recomputed."""
    ids = insert_labelled_decisions(services, site, spread(57))
    recalibrate(services, site)
    guarantee = rollout_status(services, reload_site(services, site)).calibration
    assert guarantee and guarantee.review
    assert guarantee.review.digest == sample_digest(list(zip(ids, spread(57), strict=True))[:29])


def test_thresholds_are_chosen_only_at_scheduled_sizes(services: Services, site: Site) -> None:
    """A threshold stays until its sample has doubled, then it is chosen again."""
    insert_labelled_decisions(services, site, [0.5] * 29)
    recalibrate(services, site)
    before = reload_site(services, site).stored_calibration
    insert_labelled_decisions(services, site, [0.9] * 28)
    assert not recalibrate(services, site) and reload_site(services, site).stored_calibration == before
    insert_labelled_decisions(services, site, [0.9])
    assert recalibrate(services, site)
    after = reload_site(services, site).stored_calibration
    assert after and after.calibration.review and after.calibration.review.threshold > 0.9


def test_the_spam_threshold_never_falls(services: Services, site: Site) -> None:
    """A later sample lacks the blocked comments and must not lower the threshold; it may raise it."""
    insert_labelled_decisions(services, site, [0.8] + [0.1] * 58)
    recalibrate(services, site)
    first = reload_site(services, site).stored_calibration
    insert_labelled_decisions(services, site, [0.1] * 59)
    assert recalibrate(services, site)
    second = reload_site(services, site).stored_calibration
    assert first and second and first.calibration.spam == second.calibration.spam
    assert (first.spam_sample_size, second.spam_sample_size) == (59, 118)
    assert not recalibrate(services, site)
    insert_labelled_decisions(services, site, [0.95] * 118)
    recalibrate(services, site)
    third = reload_site(services, site).stored_calibration
    assert (
        third and third.calibration.spam and third.calibration.spam.threshold > 0.95 and third.calibration.spam.n == 236
    )


def test_simultaneous_recalibrations_store_one_row(services: Services, site: Site) -> None:
    """Several workers recalibrate at once, and one row is written."""
    insert_labelled_decisions(services, site, spread(59))
    with ThreadPoolExecutor(4) as workers:
        changed = list(workers.map(lambda _: recalibrate(services, site), range(8)))
    assert sum(changed) == 1 == rows(services)
    assert not recalibrate(services, site) and rows(services) == 1


def test_a_new_model_starts_at_observe(services: Services, site: Site, registry: ModelRegistry) -> None:
    """A new model has proved nothing; under the earlier model its calibration is in force again."""
    insert_labelled_decisions(services, site, spread(59))
    recalibrate(services, site)
    two_models = ModelRegistry(registry.folder.parent / "two_models")
    if not two_models.ids():
        two_models.add(small_arrays(), small_card())
        two_models.add(small_arrays(), small_card("next"))
    two_models.promote("next")
    later = replace(services, registry=two_models, live_model=LiveModel(two_models))
    assert stage(later, site) is RolloutStage.OBSERVE
    assert (
        check_comment(later, reload_site(later, site), CheckRequest(Comment("Hello"))).decision.calibration
        == UNCALIBRATED
    )
    insert_labelled_decisions(later, site, spread(29), model="next")
    recalibrate(later, site)
    assert stage(later, site) is RolloutStage.HOLD and stage(services, site) is RolloutStage.OBSERVE
    assert recalibrate(services, site) and stage(services, site) is RolloutStage.BLOCK


def test_a_changed_budget_recalibrates(services: Services, site: Site) -> None:
    """At once and under the new terms; the calibration under the earlier budget stays available."""
    insert_labelled_decisions(services, site, spread(59))
    recalibrate(services, site)
    strict = set_budget(services, site.url, Budget())
    assert strict.budget == Budget() and stage(services, site) is RolloutStage.HOLD
    assert "at 598 ham comments; there are 59." in rollout_status(services, strict).next_stage
    back = set_budget(services, site.url, None)
    assert back.budget is None and stage(services, site) is RolloutStage.BLOCK
    with pytest.raises(NotFound):
        set_budget(services, "https://nobody.example", None)


def test_own_thresholds_leave_the_rollout(services: Services, site: Site) -> None:
    """Own thresholds come first and have no guarantee; without them the calibration is in force again."""
    insert_labelled_decisions(services, site, spread(59))
    recalibrate(services, site)
    own = set_thresholds(services, site.url, THRESHOLDS)
    assert not recalibrate(services, own)
    status = rollout_status(services, own)
    assert (status.calibration, status.thresholds, status.ham_count) == (None, THRESHOLDS, 0)
    assert "no guarantee" in status.next_stage
    decision = check_comment(services, own, CheckRequest(Comment("Hello there"), spans=True)).decision
    assert decision.calibration is None and find_decision(services, site, decision.id)[0] == decision
    typed = set_type_thresholds(services, site.url, "review", THRESHOLDS)
    assert (
        check_comment(
            services, set_thresholds(services, typed.url, None), CheckRequest(Comment("Hello", type="review"))
        ).decision.calibration
        is None
    )
    assert stage(services, site) is RolloutStage.BLOCK


def test_a_changed_label_does_not_revoke_a_threshold(services: Services, site: Site) -> None:
    """A changed label affects only the next sample."""
    ids = insert_labelled_decisions(services, site, spread(29))
    recalibrate(services, site)
    label_decision(services, site, ids[0], LabelValue.SPAM, "mara", "queue")
    assert not recalibrate(services, site) and stage(services, site) is RolloutStage.HOLD
    assert rollout_status(services, reload_site(services, site)).ham_count == 28


def test_without_a_model_no_site_advances(services_without_model: Services, site: Site, hold_all_site: Site) -> None:
    """There is nothing to calibrate, and the status says so."""
    assert not recalibrate(services_without_model, site)
    fresh, own = rollout_statuses(services_without_model)
    assert fresh.calibration == UNCALIBRATED and fresh.thresholds is None
    assert own.calibration is None and own.thresholds == hold_all_site.thresholds


def test_the_thresholds_of_a_site_are_those_that_judge(services_without_model: Services, site: Site) -> None:
    """Own thresholds need no model; a comment type without own thresholds depends on one."""
    services = services_without_model
    set_type_thresholds(services, site.url, "review", THRESHOLDS)
    assert thresholds_for(services, reload_site(services, site), "review") == (THRESHOLDS, None)
    with pytest.raises(ModelUnavailable):
        thresholds_for(services, reload_site(services, site), None)
    own = set_thresholds(services, site.url, THRESHOLDS)
    assert thresholds_for(services, own, "message") == (THRESHOLDS.for_private_types(), None)


@pytest.mark.parametrize("origin", [origin for origin in LabelOrigin if origin is not LabelOrigin.SINGLE])
def test_a_bulk_ham_buys_no_guarantee(services: Services, site: Site, origin: LabelOrigin) -> None:
    """Any number of labels that are no single decisions proves no threshold."""
    insert_labelled_decisions(services, site, spread(200), origin=origin)
    assert not recalibrate(services, site)
    status = rollout_status(services, site)
    assert (status.ham_count, stage(services, site)) == (0, RolloutStage.OBSERVE)


def test_a_blogs_stroke_buys_no_guarantee(services: Services, site: Site) -> None:
    """A blog that sends one call after the other for a stroke over its comments proves no more than its first one."""
    for decision_id in insert_labelled_decisions(services, site, spread(40), value=None):
        label_decision(services, site, decision_id, LabelValue.HAM, "api", "api")
    assert not recalibrate(services, site) and rollout_status(services, site).ham_count == 1


def test_a_stroke_takes_no_ham_out_of_the_sample(services: Services, site: Site) -> None:
    """A stroke of "ham" over the ham with the highest scores leaves these in the sample: the threshold is the same."""
    high = insert_labelled_decisions(services, site, [0.8] * 5)
    with write_transaction(services.engine) as connection:
        for decision_id in high:
            comment_id = decisions.find_comment_id(connection, site.id, decision_id)
            assert comment_id is not None
            again = Label(LabelValue.HAM, "mallory", "cli", services.clock(), LabelOrigin.BULK)
            labels.append(connection, site.id, comment_id, again)
    insert_labelled_decisions(services, site, spread(24))
    assert recalibrate(services, site) and stage(services, site) is RolloutStage.HOLD
    thresholds, _ = thresholds_for(services, reload_site(services, site), None)
    assert thresholds.review == nextafter(0.8, 1)
