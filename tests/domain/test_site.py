"""Thresholds and calibrations of a site."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from moderation.domain.budget import UNCALIBRATED, Budget, Calibration, Guarantee, StoredCalibration
from moderation.domain.errors import InvalidInput
from moderation.domain.site import PRIVATE_MESSAGE_TYPES, AkismetReviewSettings, ReviewAction, Site
from moderation.domain.thresholds import Thresholds

SUGGESTED = Thresholds(0.6, 0.9, 0.99)
OWN = Thresholds(0.3, 0.5, 0.7)
DEFAULT_BUDGET = Budget()
CALIBRATION = Calibration(Guarantee(0.7, 0.05, 59, 0, 0.05, 0.95, "digest"), id=3)
SITE = Site(
    1,
    "https://blog.example",
    None,
    datetime(2026, 11, 1, tzinfo=UTC),
    stored_calibration=StoredCalibration("model", Budget(), CALIBRATION),
)


def in_force(
    site: Site, comment_type: str | None = "comment", *, model: str = "model", budget: Budget = DEFAULT_BUDGET
) -> tuple[Thresholds, Calibration | None]:
    return site.thresholds_for(comment_type, model, SUGGESTED, budget)


def test_a_calibration_holds_for_its_model_and_budget() -> None:
    """Under another model or budget the site is uncalibrated; the site's own budget goes before the default one."""
    other_budget = Budget(0.01)
    calibrated = (Thresholds(0.7, 0.99, 1.0), CALIBRATION)
    uncalibrated = (Thresholds(0.6, 0.99, 1.0), UNCALIBRATED)
    assert in_force(SITE) == calibrated
    assert in_force(SITE, model="other") == uncalibrated
    assert in_force(SITE, budget=other_budget) == uncalibrated
    assert in_force(replace(SITE, budget=DEFAULT_BUDGET), budget=other_budget) == calibrated
    assert in_force(replace(SITE, stored_calibration=None)) == uncalibrated


def test_own_thresholds_replace_the_calibration() -> None:
    """Thresholds of the type of comment go before those of the site, and neither has a calibration."""
    assert in_force(replace(SITE, thresholds=OWN)) == (OWN, None)
    typed = replace(SITE, thresholds=SUGGESTED, type_thresholds={"pingback": OWN, "": OWN})
    assert in_force(typed, "pingback") == (OWN, None)
    assert in_force(typed, None) == (OWN, None)
    assert in_force(typed, "comment") == (SUGGESTED, None)


def test_private_messages_have_milder_thresholds() -> None:
    """A message that would be spam goes to review, unless its type has its own thresholds."""
    assert {"contact-form", "message", "signup"} == PRIVATE_MESSAGE_TYPES
    milder = Thresholds(0.5, 0.7, 1.0)
    assert [in_force(replace(SITE, thresholds=OWN), kind)[0] for kind in sorted(PRIVATE_MESSAGE_TYPES)] == [milder] * 3
    assert in_force(SITE, "message") == (Thresholds(0.99, 1.0, 1.0), CALIBRATION)
    assert in_force(replace(SITE, type_thresholds={"message": OWN}), "message") == (OWN, None)


@pytest.mark.parametrize("seconds", [59, 30 * 24 * 3600 + 1])
def test_hold_seconds_are_limited(seconds: int) -> None:
    """A comment can be held for a minute to thirty days."""
    with pytest.raises(InvalidInput, match="60 to 2592000 seconds"):
        AkismetReviewSettings(hold_seconds=seconds)


def test_akismet_clients_hold_comments_for_a_day_by_default() -> None:
    """The limits themselves are valid, and a blog at a private address is not called by default."""
    default = AkismetReviewSettings()
    assert (default.action, default.hold_seconds, default.private_callback) == (ReviewAction.HOLD, 86_400, False)
    assert [AkismetReviewSettings(hold_seconds=limit).hold_seconds for limit in (60, 2_592_000)] == [60, 2_592_000]
