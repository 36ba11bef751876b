"""The random audit: which decisions are drawn for it, and what their labels say about all comments.

Each automatic decision is drawn with a known probability, so a label on a drawn comment stands for one divided by this
probability comments. Bounds on a weighted rate are those of Clopper and Pearson with the effective sample size of Kish.
Source: Korn and Graubard, *Confidence intervals for proportions with small expected number of positive counts estimated
from survey data*, Survey Methodology 24, 1998.
"""

import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from moderation.domain.betting import lower_bound, refutes, upper_bound
from moderation.domain.binomial import clopper_pearson_lower, clopper_pearson_upper
from moderation.domain.budget import Budget

_BOUNDS = 6
"""Bounds behind two estimates: a lower and an upper one for published, held and blocked comments each."""
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class AuditDraw:
    """The draw of decisions, each with the probability `share`.

    It is keyed by the secret: a sender who knows the id of a decision cannot tell whether a person looks at it.
    """

    secret: bytes = field(repr=False)
    share: float

    def probability(self, decision_id: str) -> float | None:
        """Return the probability with which this decision was drawn; `None` if it was not drawn."""
        digest = hmac.digest(self.secret, f"audit {decision_id}".encode(), "sha256")
        return self.share if int.from_bytes(digest[:8], "big") < self.share * 2.0**64 else None


NO_AUDIT = AuditDraw(b"", 0.0)


class Estimate(NamedTuple):
    """An estimated number or rate with its interval; `value` is `None` without a label to estimate it from."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stratum:
    """The comments of a site with one kind of verdict, and the labels on the drawn ones.

    `ham` and `spam` count the labelled ones by the probability with which each was to be seen.
    """

    decided: int
    ham: Mapping[float, int] = field(default_factory=dict)
    spam: Mapping[float, int] = field(default_factory=dict)

    @property
    def labelled(self) -> int:
        """The number of labelled comments."""
        return sum(self.ham.values()) + sum(self.spam.values())

    def ham_count(self, confidence: float) -> Estimate:
        """Return the estimated number of ham among the comments. Each bound holds with this confidence."""
        share = self._ham_share(confidence)
        value = None if share.value is None else share.value * self.decided
        return Estimate(value, share.low * self.decided, share.high * self.decided)

    def _ham_share(self, confidence: float) -> Estimate:
        if not self.decided:
            return Estimate(0.0, 0.0, 0.0)
        if not self.labelled:
            return Estimate(None, 0.0, 1.0)
        ham, spam = (sum(count / p for p, count in each.items()) for each in (self.ham, self.spam))
        share = ham / (ham + spam)
        if self.labelled >= self.decided:
            return Estimate(share, share, share)
        squares = sum(count / p**2 for each in (self.ham, self.spam) for p, count in each.items())
        # The bounds need whole numbers, so each is rounded to its safe side.
        size = max(1, math.floor((ham + spam) ** 2 / squares + _TOLERANCE))
        fewest, most = math.floor(share * size + _TOLERANCE), math.ceil(share * size - _TOLERANCE)
        return Estimate(
            share, clopper_pearson_lower(fewest, size, confidence), clopper_pearson_upper(most, size, confidence)
        )


class AuditEstimates(NamedTuple):
    """The estimated proportions of ham that was lost, and of spam that was caught: held or blocked."""

    lost: Estimate
    caught: Estimate


class AuditedHam(NamedTuple):
    """The published and blocked ham that the audit drew while one guarantee was in force; `errors` were blocked."""

    n: int
    errors: int

    def violates(self, budget: Budget) -> bool:
        """Return whether more is lost than the budget allows, by a bound that holds at all times together.

        The audit draws no held ham. At most the rate `held` of all ham is missing in it, so the rate of the rest may be
        as high as `lost / (1 - held)`.
        """
        return refutes(self.errors, self.n, budget.lost / (1.0 - budget.held), budget.confidence)

    def loss(self, confidence: float) -> Estimate:
        """Return the rate of blocked ham. Its interval holds at all times together with this confidence."""
        each = 1.0 - (1.0 - confidence) / 2
        value = self.errors / self.n if self.n else None
        return Estimate(value, lower_bound(self.errors, self.n, each), upper_bound(self.errors, self.n, each))


def estimate(published: Stratum, held: Stratum, blocked: Stratum, confidence: float) -> AuditEstimates:
    """Return the estimates of loss and catch. Both intervals hold together with this confidence.

    Parameters
    ----------
    published, held, blocked : Stratum
        All comments of a time. Held comments are seen with probability 1.
    confidence : float
        Confidence that both intervals have the true rates; it is divided over the bounds by Bonferroni's inequality.

    Returns
    -------
    AuditEstimates
        A rate of nothing, such as the lost ham of a site without ham, has no value and the interval from 0 to 1.
    """
    each = 1.0 - (1.0 - confidence) / _BOUNDS
    strata = published, held, blocked
    ham = [stratum.ham_count(each) for stratum in strata]
    spam = [_rest(count, stratum.decided) for count, stratum in zip(ham, strata, strict=True)]
    return AuditEstimates(lost=_proportion(ham[2:], ham[:2]), caught=_proportion(spam[1:], spam[:1]))


def _rest(count: Estimate, of: int) -> Estimate:
    """Return the number of all others."""
    return Estimate(None if count.value is None else of - count.value, of - count.high, of - count.low)


def _proportion(part: Sequence[Estimate], rest: Sequence[Estimate]) -> Estimate:
    """Return the proportion of a part, which increases with the part and decreases with the rest."""
    values = [each.value for each in (*part, *rest)]
    total = 0.0 if None in values else sum(value or 0.0 for value in values)
    value = sum(each.value or 0.0 for each in part) / total if total > 0.0 else None
    return Estimate(
        value,
        _divided(sum(each.low for each in part), sum(each.high for each in rest), 0.0),
        _divided(sum(each.high for each in part), sum(each.low for each in rest), 1.0),
    )


def _divided(part: float, rest: float, otherwise: float) -> float:
    return part / (part + rest) if part + rest > 0.0 else otherwise
