"""One sentence on what protects the ham of a site, and how sure that is."""

from functools import lru_cache

from moderation.domain.budget import Calibration, Guarantee, RolloutStage, format_percent
from moderation.domain.general_guarantee import GeneralGuarantee, GeneralGuarantees
from moderation.domain.thresholds import lower

_CACHE_SIZE = 1_000
_AnyGuarantee = Guarantee | GeneralGuarantee | None


@lru_cache(_CACHE_SIZE)
def describe_protection(calibration: Calibration | None, general: GeneralGuarantees | None) -> str:
    """Return the sentence for a calibration and the general guarantees of its model, `None` if it is gone."""
    if calibration is None:
        return "The site sets its own thresholds, which have no guarantee."
    if calibration.stage is RolloutStage.LOG:
        return "The site only logs: every comment is published, nothing is held or blocked."
    lost, held = _in_force(calibration, general)
    lowering = _describe_lowering(calibration, held)
    if calibration.stage is not RolloutStage.BLOCK:
        blocked = "only blatant spam is blocked, without a guarantee"
        return f"{lowering or _clause(held, 'held')}; {blocked}." if held else f"No guarantee yet: {blocked}."
    if lost is None:
        return "The general guarantee of its model is in force, but the model is no longer there to state it."
    if held is None or (type(lost) is type(held) and not lowering):
        also = f", and at most {_rate(held)} held" if held else ""
        return f"{_clause(lost, 'lost')}{also}."
    clause = lowering or _clause(held, "held")
    return f"{_clause(lost, 'lost')}; {clause[0].lower()}{clause[1:]}."


def _in_force(calibration: Calibration, general: GeneralGuarantees | None) -> tuple[_AnyGuarantee, _AnyGuarantee]:
    """Return the guarantees of lost and of held ham: the site's own ones come first."""
    if not calibration.general or general is None:
        return calibration.spam, calibration.review
    return calibration.spam or general.spam, calibration.review or general.review


def _describe_lowering(calibration: Calibration, held: _AnyGuarantee) -> str:
    """Return the review threshold in words, if it is below that of its guarantee; empty if it is not."""
    if held is None or not calibration.lowers_review or held.threshold >= 1.0:
        return ""
    now = lower(held.threshold, calibration.review_lowering)
    return (
        f"Missed spam has lowered the review threshold from {100 * held.threshold:.2g} to {100 * now:.2g} %, "
        "and each held ham comment raises it"
    )


def _clause(guarantee: Guarantee | GeneralGuarantee, verb: str) -> str:
    """Return how much ham is lost or held at most, and how sure that is, as the beginning of a sentence."""
    if isinstance(guarantee, Guarantee):
        sure = f"With {100 * guarantee.confidence:g} % confidence"
        return f"{sure}, at most {_rate(guarantee)} of this site's ham is {verb}"
    sure = f"On at least {100 * guarantee.coverage:g} % of new sites like the {guarantee.sites} it was measured on"
    return f"{sure}, at most {_rate(guarantee)} of ham is {verb}"


def _rate(guarantee: Guarantee | GeneralGuarantee) -> str:
    return format_percent(guarantee.bound if isinstance(guarantee, Guarantee) else guarantee.max_rate)
