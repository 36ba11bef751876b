"""Where a site stands on the ladder, as the queue shows it."""

from dataclasses import dataclass

from moderation.actions.standing import Ladder
from moderation.domain.budget import Certificate, percent


@dataclass(frozen=True, slots=True)
class Rung:
    """One site in plain words: its step, what is certified of it, what the next step needs, how much spam it gets."""

    site: str
    step: str
    lost: str
    held: str
    next_step: str
    spam_share: str


def rung_of(ladder: Ladder) -> Rung:
    """The rung of a site."""
    standing = ladder.standing
    return Rung(
        site=ladder.site.url,
        step=standing.step.value if standing else "its own lines",
        lost=_certified(standing.spam if standing else None),
        held=_certified(standing.review if standing else None),
        next_step=ladder.next_step,
        spam_share="too few comments" if ladder.spam_share is None else f"about {ladder.spam_share:.0%}",
    )


def _certified(certificate: Certificate | None) -> str:
    if certificate is None:
        return "no certificate"
    return f"at most {percent(certificate.bound)}, {100 * certificate.confidence:g} % sure"
