"""Where a site draws its lines, and what follows from them."""

from dataclasses import dataclass
from enum import StrEnum

from moderation.domain.errors import InputRefused


class Verdict(StrEnum):
    """Our answer, mildest first."""

    PUBLISH = "publish"
    REVIEW = "review"
    SPAM = "spam"
    DISCARD = "discard"


SEVERITY: dict[Verdict, int] = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Policy:
    """Three lines on the probability of spam, `0 < review <= spam <= discard <= 1`.

    A comment on a line belongs to the harsher side; a line at 1 is never reached, however sure a model is.
    Raises `InputRefused` when the lines are out of order.
    """

    review: float
    spam: float
    discard: float

    def milder(self) -> "Policy":
        """One step milder: what would be spam is reviewed, what would be discarded is spam, nothing is discarded."""
        return Policy(review=self.spam, spam=self.discard, discard=1.0)

    def __post_init__(self) -> None:
        if not 0.0 < self.review <= self.spam <= self.discard <= 1.0:
            raise InputRefused(
                "The lines must satisfy 0 < review <= spam <= discard <= 1; "
                f"got review {self.review}, spam {self.spam}, discard {self.discard}."
            )


def decide(probability: float, policy: Policy) -> Verdict:
    """The verdict for a probability of spam: a higher one is never judged more kindly."""
    if probability >= policy.discard < 1.0:
        return Verdict.DISCARD
    if probability >= policy.spam < 1.0:
        return Verdict.SPAM
    if probability >= policy.review < 1.0:
        return Verdict.REVIEW
    return Verdict.PUBLISH
