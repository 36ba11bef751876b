"""The rollout of a site as tests ask for it, under a budget that few comments satisfy."""

from moderation.actions.rollout import rollout_status
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.budget import Budget, RolloutStage
from moderation.domain.site import Site

EASY_BUDGET = Budget(lost=0.05, held=0.1)
"""The review threshold needs 29 ham comments, the spam threshold 59."""


def reload_site(services: Services, site: Site) -> Site:
    """Return the site as it is stored now."""
    return find_site(services, site.url)


def stage(services: Services, site: Site) -> RolloutStage | None:
    """Return the present stage, `None` where the site sets its own thresholds."""
    calibration = rollout_status(services, reload_site(services, site)).calibration
    return calibration.stage if calibration else None
