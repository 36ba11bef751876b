"""The rollout of sites: what protects their ham, which thresholds it has proved, and what comes next."""

import math
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Connection

from moderation.actions.judging import sample_ham, suggested_thresholds
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.audit import AuditedHam
from moderation.domain.betting import lower_bound
from moderation.domain.binomial import min_sample_size, scheduled_sample_size
from moderation.domain.budget import (
    Budget,
    Calibration,
    Guarantee,
    Refutation,
    RolloutMode,
    RolloutStage,
    StoredCalibration,
    guarantee_at,
    refute,
    select_threshold,
)
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.protection import describe_protection
from moderation.domain.review_lowering import MAX_COMMENTS, review_lowering
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.scoring.model import Model
from moderation.storage import audits, calibrations, history, sites
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_site


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """The rollout of a site, and how it goes on.

    `calibration` is `None` where the site sets its own thresholds, `thresholds` where it has none and no model is
    available. `general` are those of the live model, where they are in force. `ham_count` is the size of the sample
    for the next threshold. `protection` and `next_stage` are sentences for people.
    """

    site: Site
    budget: Budget
    calibration: Calibration | None
    thresholds: Thresholds | None
    general: GeneralGuarantees | None
    ham_count: int
    protection: str
    next_stage: str


def rollout_status(services: Services, site: Site) -> RolloutStatus:
    """Return the rollout status of a site."""
    with read_transaction(services.engine) as connection:
        return _rollout_status(services, connection, site)


def rollout_statuses(services: Services, after: int = 0, limit: int | None = None) -> list[RolloutStatus]:
    """Return the rollout status of every site of the scope by URL, or of `limit` after the first `after`."""
    with read_transaction(services.engine) as connection:
        in_scope = (site for site in sites.active(connection) if site.id in services.scope)
        page = islice(in_scope, after, None if limit is None else after + limit)
        return [_rollout_status(services, connection, site) for site in page]


def thresholds_for(services: Services, site: Site, comment_type: str | None) -> tuple[Thresholds, Calibration | None]:
    """Return the thresholds that `judge` uses for a comment type, and the calibration that they come from.

    The calibration is `None` where the thresholds are the site's own. Raises `ModelUnavailable` where they depend on a
    model and none is available.
    """
    if site.thresholds is None and comment_type not in site.type_thresholds:
        services.live_model.current()
    return _thresholds_in_force(services, site, comment_type)


def set_budget(services: Services, url: str, budget: Budget | None) -> Site:
    """Set the site's own budget, or return it to the default with `None`, and recalibrate. Returns the changed site.

    Calibrations under the earlier budget are no longer in force. Raises `NotFound`.
    """
    site = find_site(services, url)
    services.writer.run(lambda connection: sites.set_budget(connection, site.id, budget))
    recalibrate(services, replace(site, budget=budget))
    return find_site(services, url)


def set_rollout(services: Services, url: str, mode: RolloutMode) -> Site:
    """Set how the site advances to the stage `block`, from the next comment on. Returns the changed site.

    Raises `NotFound`.
    """
    site = find_site(services, url)
    services.writer.run(lambda connection: sites.set_rollout(connection, site.id, mode))
    return replace(site, rollout=mode)


def recalibrate(services: Services, site: Site) -> bool:
    """Choose the thresholds that are due for the live model and store them. Returns whether anything changed.

    Several processes may do this at once: a calibration that one has stored is not stored again. Raises
    `StorageUnavailable`.
    """
    model = services.live_model.get()
    if model is None or site.thresholds is not None:
        return False
    budget = site.budget or services.budget
    with read_transaction(services.engine, slow=True) as connection:
        newest = calibrations.newest_id(connection, site.id)
        before = calibrations.find_newest(connection, site.id, model.id, budget) or StoredCalibration(model.id, budget)
        # Spam that people found in the history changes the sample, which its size does not show.
        history_spam = history.count_spam(connection, site.id, model.id)
        current = before if before.history_spam == history_spam else _unchosen(before, history_spam)
        tested = _refuted(connection, site, current, model.thresholds.spam) if model.general_guarantees else current
        audited = _refuted_by_audit(services, connection, site, tested)
        after = _lowered(connection, site, _recalibrated(connection, site, model, audited))
    # If the model or budget was changed and changed back, the matching row is older than the newest one.
    if after == before and after.calibration.id in (None, newest):
        return False

    def store(connection: Connection) -> bool:
        lock_site(connection, site.id)
        if calibrations.newest_id(connection, site.id) != newest:
            return False
        calibrations.add(connection, site.id, after, services.clock())
        return True

    return services.writer.run(store)


def recalibrate_anew(services: Services, connection: Connection, site: Site) -> RolloutStatus:
    """Choose all thresholds again after the site's history has changed, store them and return the rollout status.

    The earlier choice does not bind: an export is tested once, and a corrected label is no second test. Without a
    model, or where the site sets its own thresholds, nothing is chosen. The caller has locked the site.
    """
    model = services.live_model.get()
    if model is not None and site.thresholds is None:
        budget = site.budget or services.budget
        before = calibrations.find_newest(connection, site.id, model.id, budget)
        history_spam = history.count_spam(connection, site.id, model.id)
        current = _unchosen(before or StoredCalibration(model.id, budget), history_spam)
        chosen = _recalibrated(connection, site, model, current)
        after = _lowered(connection, site, chosen)
        if before is None or after != replace(before, calibration=replace(before.calibration, id=None)):
            calibration_id = calibrations.add(connection, site.id, after, services.clock())
            before = replace(after, calibration=replace(after.calibration, id=calibration_id))
        site = replace(site, stored_calibration=before)
    return _rollout_status(services, connection, site)


def _unchosen(stored: StoredCalibration, history_spam: int) -> StoredCalibration:
    """Return the calibration without its thresholds, which are to be chosen again from a history with so much spam."""
    return StoredCalibration(stored.model, stored.budget, refutation=stored.refutation, history_spam=history_spam)


def _refuted(connection: Connection, site: Site, stored: StoredCalibration, threshold: float) -> StoredCalibration:
    """Return the calibration with the ham that refutes the model's spam threshold, if there is enough of it.

    The site's own guarantee makes this pointless. A refutation is kept: the site would else block again while blocked
    comments, which people hardly see, are its only evidence.
    """
    budget = stored.budget
    if stored.refutation or stored.calibration.spam or threshold >= 1.0:
        return stored
    lost = calibrations.count_lost(connection, site.id, stored.model, threshold)
    # With more ham than this, the rate is within the budget, and so is its lower bound.
    enough = math.ceil(lost / budget.lost)
    ham = calibrations.count_published_or_ham(connection, site.id, stored.model, enough) if lost else 0
    return replace(stored, refutation=refute(threshold, budget.lost, ham, lost, budget.confidence))


def audited_ham(services: Services, site: Site) -> AuditedHam | None:
    """Return the ham of the audit under the guarantee, or the own thresholds, by which a site blocks now.

    `None` while it does not block, or without a model.
    """
    model = services.live_model.get()
    _, calibration = _thresholds_in_force(services, site, None)
    if model is None:
        return None
    with read_transaction(services.engine, slow=True) as connection:
        return _count_audited_ham(connection, site, model.id, calibration)


def _count_audited_ham(
    connection: Connection, site: Site, model: str, calibration: Calibration | None
) -> AuditedHam | None:
    if calibration is not None and calibration.stage is not RolloutStage.BLOCK:
        return None
    stored = site.stored_calibration if calibration else None
    known = stored.refutation if stored and stored.model == model else None
    after = calibrations.refuted_by(connection, site.id, known) if known and known.audited else None
    return audits.count_ham(connection, site.id, model, calibration.stage if calibration else None, after)


def _refuted_by_audit(
    services: Services, connection: Connection, site: Site, stored: StoredCalibration
) -> StoredCalibration:
    """Return the calibration without the guarantee by which the site blocks, if the audit shows that it is violated.

    The next guarantee of the spam threshold needs twice the last sample. Only comments decided under it can violate it.
    """
    budget, with_stored = stored.budget, replace(site, stored_calibration=stored)
    thresholds, calibration = _thresholds_in_force(services, with_stored, None)
    ham = _count_audited_ham(connection, with_stored, stored.model, calibration) if calibration else None
    if ham is None or not ham.violates(budget):
        return stored
    bound = lower_bound(ham.errors, ham.n, budget.confidence)
    ham_count = calibrations.count_ham(connection, site.id, stored.model)
    return replace(
        stored,
        calibration=replace(stored.calibration, spam=None),
        spam_sample_size=scheduled_sample_size(ham_count, budget.lost, budget.confidence),
        refutation=Refutation(thresholds.spam, ham.n, ham.errors, bound, budget.confidence, audited=True),
    )


def _recalibrated(connection: Connection, site: Site, model: Model, stored: StoredCalibration) -> StoredCalibration:
    """Return the calibration after the thresholds that are due were chosen."""
    budget, calibration = stored.budget, stored.calibration
    ham_count = calibrations.count_ham(connection, site.id, stored.model)
    review_size = scheduled_sample_size(ham_count, budget.held, budget.confidence)
    spam_size = scheduled_sample_size(ham_count, budget.lost, budget.confidence)
    if review_size <= stored.review_sample_size and spam_size <= stored.spam_sample_size:
        return stored
    sample = sample_ham(connection, site.id, model, max(review_size, spam_size))
    if len(sample) >= review_size > stored.review_sample_size:
        review = select_threshold(sample[:review_size], budget.held, budget.confidence)
        calibration = replace(calibration, review=review)
        stored = replace(stored, calibration=calibration, review_sample_size=review_size)
    if len(sample) >= spam_size > stored.spam_sample_size:
        spam = select_threshold(sample[:spam_size], budget.lost, budget.confidence)
        blocked = calibrations.lowest_blocking_threshold(connection, site.id, stored.model, spam_size)
        if blocked is not None and blocked > spam.threshold:
            probabilities = [probability for _, probability in sample[:spam_size]]
            spam = guarantee_at(blocked, probabilities, budget.confidence, spam.digest, budget.lost)
        calibration = replace(calibration, spam=_keep_higher(calibration.spam, spam))
        stored = replace(stored, calibration=calibration, spam_sample_size=spam_size)
    return stored


def _lowered(connection: Connection, site: Site, stored: StoredCalibration) -> StoredCalibration:
    """Return the calibration with the lowering of the review threshold that the site's newest comments give now."""
    outcomes = calibrations.newest_outcomes(connection, site.id, stored.model, MAX_COMMENTS)
    lowering = review_lowering(outcomes, stored.budget.held)
    return replace(stored, calibration=replace(stored.calibration, review_lowering=lowering))


def _keep_higher(before: Guarantee | None, after: Guarantee) -> Guarantee:
    # People do not see blocked comments, so a later sample lacks them and would lower the threshold.
    return before if before is not None and before.threshold >= after.threshold else after


def _thresholds_in_force(
    services: Services, site: Site, comment_type: str | None
) -> tuple[Thresholds, Calibration | None]:
    return site.thresholds_for(comment_type, suggested_thresholds(services.live_model.get()), services.budget)


def _rollout_status(services: Services, connection: Connection, site: Site) -> RolloutStatus:
    model = services.live_model.get()
    thresholds, calibration = _thresholds_in_force(services, site, None)
    general = model.general_guarantees if model and calibration and calibration.general else None
    ham_count = calibrations.count_ham(connection, site.id, model.id) if model and calibration else 0
    return RolloutStatus(
        site=site,
        budget=site.budget or services.budget,
        calibration=calibration,
        thresholds=thresholds if model or site.thresholds else None,
        general=general,
        ham_count=ham_count,
        protection=_describe_protection(site, calibration, general),
        next_stage=_describe_next_stage(services, site, calibration, ham_count),
    )


def _describe_protection(site: Site, calibration: Calibration | None, general: GeneralGuarantees | None) -> str:
    sentence = describe_protection(calibration, general)
    refutation = audit_refutation(site, calibration)
    return f"{sentence} {refutation}." if refutation else sentence


def audit_refutation(site: Site, calibration: Calibration | None) -> Refutation | None:
    """Return the refutation by the audit because of which a site does not block, `None` if there is none."""
    stored = site.stored_calibration
    refutation = stored.refutation if stored else None
    if stored is None or refutation is None or calibration is None or calibration.id != stored.calibration.id:
        return None
    return refutation if refutation.audited and calibration.stage in (RolloutStage.OBSERVE, RolloutStage.HOLD) else None


def _describe_next_stage(services: Services, site: Site, calibration: Calibration | None, ham_count: int) -> str:
    budget, stored = site.budget or services.budget, site.stored_calibration
    if site.thresholds is not None:
        return "The site sets its own thresholds, which have no guarantee."
    if calibration is None or (calibration.review and calibration.spam and stored):
        next_size = 2 * stored.spam_sample_size if stored else 0
        return (
            f"Both thresholds have a guarantee. The next is chosen at {next_size} ham comments; there are {ham_count}."
        )
    name, max_rate = ("spam", budget.lost) if calibration.review else ("review", budget.held)
    needed = min_sample_size(max_rate, budget.confidence)
    if calibration.review and audit_refutation(site, calibration) and stored:
        needed = max(needed, 2 * stored.spam_sample_size)
    kind = "its own guarantee" if calibration.general else "a guarantee"
    sentence = f"The {name} threshold gets {kind} at {needed} ham comments; there are {ham_count}."
    return sentence if ham_count < needed else f"{sentence} It is chosen within minutes."
