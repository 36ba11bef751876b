"""How many good comments a site may lose, and what its own good comments prove about its lines.

The upper bound is that of Clopper and Pearson (1934), one-sided. A line is drawn by testing one after the other from
the highest down to the first that fails, which keeps the confidence however many are tested: fixed-sequence testing,
as in "Learn then Test" (Angelopoulos, Bates, Candès, Jordan, Lei 2021).
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from moderation.domain.errors import InputRefused
from moderation.domain.policy import Policy

_HALVINGS = 100
"""More than a double has bits between 0 and 1 where it matters."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What an operator allows: shares of all good comments, and how sure to be of them.

    `lost` bounds those at or above the spam line, `held` those at or above the review line, the lost among them.
    Raises `InputRefused` unless `0 < lost <= held < 1` and `0.5 <= confidence < 1`.
    """

    lost: float = 0.005
    held: float = 0.05
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not (0.0 < self.lost <= self.held < 1.0 and 0.5 <= self.confidence < 1.0):
            raise InputRefused(
                "A budget must satisfy 0 < lost <= held < 1 and 0.5 <= confidence < 1; "
                f"got lost {self.lost}, held {self.held}, confidence {self.confidence}."
            )


@dataclass(frozen=True, slots=True)
class Certificate:
    """What `n` good comments prove about a line: `errors` of them lie on or above it.

    With this `confidence`, of all comments like those at most the share `bound` does. `allowed` is the share that was
    asked for; `None` where nobody asked, as in a model's card. `digest` names what was counted (`digest_of`).
    """

    line: float
    allowed: float | None
    n: int
    errors: int
    bound: float
    confidence: float
    digest: str

    def __str__(self) -> str:
        """What is proved, in words."""
        return (
            f"{self.errors} of {self.n} good comments lie on or above it; "
            f"with a confidence of {100 * self.confidence:g} % at most {percent(self.bound)} of all do"
        )


class Step(StrEnum):
    """How much a site lets the filter do alone, the least first."""

    OBSERVE = "observe"
    HOLD = "hold"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a site has earned on the ladder: nothing yet, a review line, or a spam line as well.

    `number` is that of the stored row; `None` while nothing is earned.
    """

    review: Certificate | None = None
    spam: Certificate | None = None
    number: int | None = None

    @property
    def step(self) -> Step:
        """The step that the certificates carry."""
        if self.review is None:
            return Step.OBSERVE
        return Step.HOLD if self.spam is None else Step.BLOCK

    def lines(self, suggested: Policy) -> Policy:
        """The lines of the step, where the live model suggests these.

        Until the spam line is certified, only what the model would discard is spam, and nothing is discarded.
        """
        review = suggested.review if self.review is None else self.review.line
        if self.review is None or self.spam is None:
            return Policy(review, max(review, suggested.discard), 1.0)
        spam = max(review, self.spam.line)
        return Policy(review, spam, max(spam, suggested.discard))


OBSERVING = Standing()
"""The first step."""


@dataclass(frozen=True, slots=True)
class Earned:
    """A standing, the model and the budget that it was earned under, and the sizes of its samples.

    `review_drawn` and `spam_drawn` are the numbers of good comments from which the lines were drawn last, 0 for never.
    """

    model: str
    budget: Budget
    standing: Standing = OBSERVING
    review_drawn: int = 0
    spam_drawn: int = 0


def percent(share: float) -> str:
    """A share for people, rounded up to the third digit: `0.5 %`. A bound is never told lower than it is."""
    if share >= 1.0:
        return "100 %"
    digits = 2 - math.floor(math.log10(share * 100))
    return f"{math.ceil(round(share * 100 * 10**digits, 6)) / 10**digits:g} %"


def upper_bound(errors: int, n: int, confidence: float) -> float:
    """The largest share that `errors` of `n` do not rule out: the one-sided bound of Clopper and Pearson.

    Raises `ValueError` unless `0 <= errors <= n` and `n > 0`.
    """
    if not 0 <= errors <= n or n == 0:
        raise ValueError(f"No bound follows from {errors} of {n}.")
    if errors == n:
        return 1.0
    if errors == 0:
        return -math.expm1(math.log1p(-confidence) / n)
    low, high = errors / n, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _at_most(errors, n, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def needed(allowed: float, confidence: float) -> int:
    """How many good comments, none of them in error, it takes to certify a share.

    59 for 1 in 20 and 598 for 1 in 200, with a confidence of .95.
    """
    return math.ceil(math.log1p(-confidence) / math.log1p(-allowed) - 1e-9)


def due(good: int, allowed: float, confidence: float) -> int:
    """From how many of `good` comments a line is to be drawn: `needed`, twice that, four times that, …; 0 for not yet.

    A line is looked at then only: a bound that is tested after each comment would not hold.
    """
    first = needed(allowed, confidence)
    return 0 if good < first else first << (good // first).bit_length() - 1


def draw_line(good: Sequence[tuple[str, float]], allowed: float, confidence: float) -> Certificate:
    """The lowest line for which, as for all lines above it, the bound is within what is allowed.

    `good` holds the id and the probability of spam of each good comment. Raises `ValueError` when they are too few.
    """
    most = _most_errors(len(good), allowed, confidence)
    if most < 0:
        raise ValueError(f"{len(good)} good comments certify nothing; {needed(allowed, confidence)} are needed.")
    falling = sorted((probability for _, probability in good), reverse=True)
    line = min(1.0, math.nextafter(falling[most], 2.0))
    return certify(line, falling, confidence, digest_of(good), allowed)


def certify(
    line: float, good: Sequence[float], confidence: float, digest: str, allowed: float | None = None
) -> Certificate:
    """What these probabilities of good comments prove about a line that was not chosen for them alone."""
    # A line at 1 is never reached, as `decide` has it.
    errors = sum(probability >= line for probability in good) if line < 1.0 else 0
    return Certificate(line, allowed, len(good), errors, upper_bound(errors, len(good), confidence), confidence, digest)


def digest_of(good: Sequence[tuple[str, float]]) -> str:
    """SHA-256 over the ids and the probabilities, one pair a line, in the order of the ids."""
    lines = "".join(f"{name} {probability!r}\n" for name, probability in sorted(good))
    return hashlib.sha256(lines.encode()).hexdigest()


def _most_errors(n: int, allowed: float, confidence: float) -> int:
    """The most errors in `n` whose bound is within `allowed`, -1 for none: as many as are too few to be chance."""
    left, errors = 1.0 - confidence, -1
    while errors < n - 1:
        left -= math.exp(_log_chance(errors + 1, n, allowed))
        # Rounding must not ask for a comment more than `needed` says.
        if left < -1e-12:
            break
        errors += 1
    return errors


def _at_most(errors: int, n: int, share: float) -> float:
    """The chance of at most `errors` in `n`."""
    return math.fsum(math.exp(_log_chance(count, n, share)) for count in range(errors + 1))


def _log_chance(errors: int, n: int, share: float) -> float:
    """The logarithm of the chance of exactly `errors` in `n`, `0 < share < 1`."""
    ways = math.lgamma(n + 1) - math.lgamma(errors + 1) - math.lgamma(n - errors + 1)
    return ways + errors * math.log(share) + (n - errors) * math.log1p(-share)
