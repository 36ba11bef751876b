"""Verdicts, and the thresholds that turn a probability of spam into one."""

from dataclasses import dataclass
from enum import StrEnum
from math import exp

from moderation.domain.errors import InvalidInput


class Verdict(StrEnum):
    """Our answer to a comment, mildest first."""

    PUBLISH = "publish"
    REVIEW = "review"
    SPAM = "spam"
    DISCARD = "discard"


SEVERITY: dict[Verdict, int] = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds on the probability of spam, `0 < review <= spam <= discard <= 1`.

    A probability equal to a threshold reaches it. A threshold of 1 is never reached: it switches the verdict off.
    Raises `InvalidInput` if the thresholds are out of order.
    """

    review: float
    spam: float
    discard: float

    def for_private_types(self, min_review: float = 0.0) -> "Thresholds":
        """Return thresholds by which spam goes to review, discarded comments are spam, and none are discarded.

        Nothing below `min_review` goes to review.
        """
        review = max(self.review, min_review)
        return Thresholds(review, spam=max(review, self.discard), discard=1.0)

    def for_reactions(self, min_review: float = 0.0) -> "Thresholds":
        """Return thresholds by which discarded comments are spam, and nothing below `min_review` goes to review."""
        review = max(self.review, min_review)
        return Thresholds(review, spam=max(review, self.spam), discard=1.0)

    def __post_init__(self) -> None:
        if not 0.0 < self.review <= self.spam <= self.discard <= 1.0:
            raise InvalidInput(
                "Thresholds must satisfy 0 < review <= spam <= discard <= 1; "
                f"got review {self.review}, spam {self.spam}, discard {self.discard}."
            )


def decide(probability: float, thresholds: Thresholds) -> Verdict:
    """Return the verdict for a probability of spam. A higher probability never gets a milder verdict."""
    if probability >= thresholds.discard < 1.0:
        return Verdict.DISCARD
    if probability >= thresholds.spam < 1.0:
        return Verdict.SPAM
    if probability >= thresholds.review < 1.0:
        return Verdict.REVIEW
    return Verdict.PUBLISH


def lower(threshold: float, lowering: float) -> float:
    """Return a threshold on a probability, lowered by some logits. One of 1, which is never reached, stays."""
    if not lowering or threshold >= 1.0:
        return threshold
    odds = threshold / (1.0 - threshold) * exp(-lowering)
    return odds / (1.0 + odds)
