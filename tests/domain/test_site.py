"""Thresholds and calibrations of a site."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from moderation.domain.budget import (
    UNCALIBRATED,
    Budget,
    Calibration,
    Guarantee,
    Refutation,
    RolloutMode,
    RolloutStage,
    StoredCalibration,
)
from moderation.domain.comment_types import MENTION_TYPES, PING_TYPES, PRIVATE_TYPES, REACTION_TYPES
from moderation.domain.errors import InvalidInput
from moderation.domain.general_guarantee import GeneralGuarantee, GeneralGuarantees
from moderation.domain.protection import describe_protection
from moderation.domain.site import MIN_REVIEW, AkismetReviewSettings, ReviewAction, Site, SuggestedThresholds
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


GENERAL = GeneralGuarantees(
    GeneralGuarantee(0.6, 0.05, 0.8, 20, 17, 0.09, 300),
    GeneralGuarantee(0.9, 0.005, 0.8, 20, 17, 0.01, 300),
    GeneralGuarantee(0.99, 0.0005, 0.8, 20, 18, 0.001, 300),
)
FRESH = replace(SITE, stored_calibration=None)


def in_force(
    site: Site,
    comment_type: str | None = "comment",
    *,
    model: str = "model",
    budget: Budget = DEFAULT_BUDGET,
    general: GeneralGuarantees | None = None,
    skipped_model: str = "",
) -> tuple[Thresholds, Calibration | None]:
    suggested = SuggestedThresholds(model, SUGGESTED, general, skipped_model)
    return site.thresholds_for(comment_type, suggested, budget)


def test_without_its_reader_a_model_overrules_no_ham_of_the_site() -> None:
    """What a site's ham says about both together is not known about the model alone: only blatant spam is blocked."""
    spam = Guarantee(0.95, 0.005, 598, 0, 0.005, 0.95, "digest")
    proved = replace(SITE, stored_calibration=StoredCalibration("model", Budget(), replace(CALIBRATION, spam=spam)))
    refutation = Refutation(0.9, 20, 2, 0.018, 0.95)
    refuted = replace(SITE, stored_calibration=StoredCalibration("model", Budget(), refutation=refutation))
    careful = (Thresholds(0.6, 0.99, 1.0), UNCALIBRATED)
    for site in (proved, refuted):
        assert in_force(site, model="alone", skipped_model="model", general=GENERAL) == careful
    general = (SUGGESTED, replace(UNCALIBRATED, general=True))
    for site in (FRESH, SITE):
        assert in_force(site, model="alone", skipped_model="model", general=GENERAL) == general


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


def test_a_private_message_that_would_be_spam_goes_to_review() -> None:
    """Only what would be discarded is spam, unless the type has its own thresholds."""
    assert {"contact-form", "contact_form", "gravity_form", "message", "order", "signup"} == PRIVATE_TYPES
    kept = OWN.for_private_types()
    assert [in_force(replace(SITE, thresholds=OWN), kind)[0] for kind in sorted(PRIVATE_TYPES)] == [kept] * 6
    thresholds, calibration = in_force(SITE)
    assert in_force(SITE, "message") == (thresholds.for_private_types(MIN_REVIEW), calibration)
    assert in_force(replace(SITE, type_thresholds={"message": OWN}), "message") == (OWN, None)


def test_a_reaction_is_never_discarded() -> None:
    """It goes to review only if it is more likely spam, unless the site sets its own thresholds."""
    assert {"like", "repost", "bookmark", "favorite", "rsvp:yes"} <= REACTION_TYPES
    thresholds, calibration = in_force(SITE)
    assert thresholds.review == 0.7
    for kind in REACTION_TYPES:
        assert in_force(SITE, kind) == (replace(thresholds, discard=1.0), calibration)
    lenient = SUGGESTED.for_reactions(0.7)
    assert (lenient.review, lenient.spam >= SUGGESTED.spam, lenient.discard) == (0.7, True, 1.0)
    assert in_force(replace(SITE, thresholds=OWN), "like")[0] == replace(OWN, discard=1.0)
    assert in_force(replace(SITE, type_thresholds={"like": OWN}), "like") == (OWN, None)


@pytest.mark.parametrize(
    "kind", [None, "comment", "review", "forum-post", "reply", *sorted(PING_TYPES | MENTION_TYPES)]
)
def test_a_public_type_has_the_thresholds_of_a_comment(kind: str | None) -> None:
    """A review of a product stands on a page like a comment, and so does a trackback."""
    assert in_force(SITE, kind) == in_force(SITE)


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


def test_a_fresh_site_blocks_by_the_general_guarantee() -> None:
    """The thresholds of the model are in force, unless the operator asks for more than they promise."""
    assert in_force(FRESH, general=GENERAL) == (SUGGESTED, Calibration(general=True))
    assert Calibration(general=True).stage is RolloutStage.BLOCK
    observed = (Thresholds(0.6, 0.99, 1.0), UNCALIBRATED)
    for demanding in (Budget(lost=0.004), Budget(held=0.04), Budget(coverage=0.9)):
        assert in_force(FRESH, general=GENERAL, budget=demanding) == observed
        assert in_force(replace(FRESH, budget=demanding), general=GENERAL) == observed
    assert in_force(replace(FRESH, rollout=RolloutMode.CAUTIOUS), general=GENERAL) == observed
    assert in_force(FRESH, "message", general=GENERAL)[0] == SUGGESTED.for_private_types()


def test_own_guarantees_replace_the_general_one() -> None:
    """Each for its threshold; without the general guarantee the site is at `hold`. The coverage changes neither."""
    thresholds, calibration = in_force(SITE, general=GENERAL)
    assert thresholds == Thresholds(0.7, 0.9, 0.99)
    assert calibration and (calibration.review, calibration.general) == (CALIBRATION.review, True)
    assert in_force(SITE, general=GENERAL, budget=Budget(coverage=0.9))[1] == CALIBRATION
    proved = replace(CALIBRATION, spam=Guarantee(0.8, 0.005, 598, 0, 0.005, 0.95, "digest"))
    both = replace(SITE, stored_calibration=StoredCalibration("model", Budget(), proved))
    assert in_force(both, general=GENERAL) == (Thresholds(0.7, 0.8, 0.99), proved)


def test_a_refuted_guarantee_is_not_used() -> None:
    """The site returns to what its ham has proved, under this model and this budget only."""
    refutation = Refutation(0.9, 20, 2, 0.018, 0.95)
    refuted = StoredCalibration("model", Budget(), CALIBRATION, refutation=refutation)
    site = replace(SITE, stored_calibration=refuted)
    assert in_force(site, general=GENERAL) == (Thresholds(0.7, 0.99, 1.0), CALIBRATION)
    assert in_force(site, general=GENERAL, model="next") == (SUGGESTED, Calibration(general=True))
    assert "2 of at most 20 ham comments" in str(refutation)


def test_a_site_that_logs_keeps_the_thresholds_that_would_be() -> None:
    """The stage is `log`, also with the site's own thresholds."""
    logs = replace(FRESH, rollout=RolloutMode.LOG)
    assert in_force(logs, general=GENERAL) == (SUGGESTED, Calibration(log_only=True))
    assert in_force(replace(logs, thresholds=OWN), general=GENERAL) == (OWN, Calibration(log_only=True))
    assert Calibration(log_only=True).stage is RolloutStage.LOG


def test_a_sentence_says_what_protects_a_site() -> None:
    """What is bounded, and how sure that is: by sites, by the site's own ham, by both or not at all."""
    review, spam = CALIBRATION.review, Guarantee(0.8, 0.005, 598, 0, 0.005, 0.95, "digest")
    general = "On at least 80 % of new sites like the 20 it was measured on, at most 0.5 % of ham is lost"
    own_held = "ith 95 % confidence, at most 5 % of this site's ham is held"
    blatant = "only blatant spam is blocked, without a guarantee."
    lowered, raises = "spam has lowered the review threshold", "and each held ham comment raises it"
    assert [
        describe_protection(calibration, GENERAL)
        for calibration in (
            Calibration(general=True),
            Calibration(review, general=True),
            Calibration(review, spam),
            Calibration(review),
            UNCALIBRATED,
            Calibration(general=True, review_lowering=1.0),
            Calibration(review, review_lowering=1.0),
        )
    ] == [
        f"{general}, and at most 5 % held.",
        f"{general}; w{own_held}.",
        "With 95 % confidence, at most 0.5 % of this site's ham is lost, and at most 5 % held.",
        f"W{own_held}; {blatant}",
        f"No guarantee yet: {blatant}",
        f"{general}; missed {lowered} from 60 to 36 %, {raises}.",
        f"Missed {lowered} from 70 to 46 %, {raises}; {blatant}",
    ]
    assert "no guarantee" in describe_protection(None, GENERAL)
    assert "only logs" in describe_protection(Calibration(log_only=True), None)
    assert "no longer there" in describe_protection(Calibration(general=True), None)
