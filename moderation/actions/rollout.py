"""The rollout of sites: what protects their ham, which thresholds it has proved, and what comes next."""

import math
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Connection

from moderation.actions.judging import suggested_thresholds
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.binomial import min_sample_size, scheduled_sample_size
from moderation.domain.budget import (
    Budget,
    Calibration,
    Guarantee,
    RolloutMode,
    StoredCalibration,
    guarantee_at,
    refute,
    select_threshold,
)
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.protection import describe_protection
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.storage import calibrations, sites
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
    """Return the rollout status of every site in the order of their URLs, or of `limit` after the first `after`."""
    with read_transaction(services.engine) as connection:
        page = islice(sites.active(connection), after, None if limit is None else after + limit)
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
        tested = _refuted(connection, site, before, model.thresholds.spam) if model.general_guarantees else before
        after = _recalibrated(connection, site, tested)
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
        refutation = before.refutation if before else None
        after = _recalibrated(connection, site, StoredCalibration(model.id, budget, refutation=refutation))
        if before is None or after != replace(before, calibration=replace(before.calibration, id=None)):
            calibration_id = calibrations.add(connection, site.id, after, services.clock())
            before = replace(after, calibration=replace(after.calibration, id=calibration_id))
        site = replace(site, stored_calibration=before)
    return _rollout_status(services, connection, site)


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


def _recalibrated(connection: Connection, site: Site, stored: StoredCalibration) -> StoredCalibration:
    """Return the calibration after the thresholds that are due were chosen."""
    budget, calibration = stored.budget, stored.calibration
    ham_count = calibrations.count_ham(connection, site.id, stored.model)
    review_size = scheduled_sample_size(ham_count, budget.held, budget.confidence)
    spam_size = scheduled_sample_size(ham_count, budget.lost, budget.confidence)
    if review_size <= stored.review_sample_size and spam_size <= stored.spam_sample_size:
        return stored
    sample = calibrations.oldest_ham(connection, site.id, stored.model, max(review_size, spam_size))
    if len(sample) >= review_size > stored.review_sample_size:
        review = select_threshold(sample[:review_size], budget.held, budget.confidence)
        calibration = replace(calibration, review=review)
        stored = replace(stored, calibration=calibration, review_sample_size=review_size)
    if len(sample) >= spam_size > stored.spam_sample_size:
        spam = select_threshold(sample[:spam_size], budget.lost, budget.confidence)
        blocked = calibrations.lowest_blocking_threshold(connection, site.id, stored.model, spam_size)
        if blocked is not None and blocked > spam.threshold:
            ham = [probability for _, probability in sample[:spam_size]]
            spam = guarantee_at(blocked, ham, budget.confidence, spam.digest, budget.lost)
        calibration = replace(calibration, spam=_keep_higher(calibration.spam, spam))
        stored = replace(stored, calibration=calibration, spam_sample_size=spam_size)
    return stored


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
        protection=describe_protection(calibration, general),
        next_stage=_describe_next_stage(services, site, calibration, ham_count),
    )


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
    kind = "its own guarantee" if calibration.general else "a guarantee"
    sentence = f"The {name} threshold gets {kind} at {needed} ham comments; there are {ham_count}."
    return sentence if ham_count < needed else f"{sentence} It is chosen within minutes."
