"""Guarantees over sites: the proportion of new sites on which a threshold keeps its false-positive rate.

Each site that a model had not seen gives one number: the lowest threshold that keeps the rate on its ham. Let a new
site be exchangeable with these K sites. Then its own number is at most the k-th smallest of theirs with a probability
of at least k / (K + 1). This is the order statistic of split conformal prediction, with sites in place of comments.
Comments of one site resemble each other, so only sites are exchangeable. Source: groups as exchangeable units (Dunn,
Wasserman and Ramdas, *Distribution-free prediction sets for two-layer hierarchical models*, Journal of the American
Statistical Association 118, 2023). Nothing is assumed about the scores, nor that the comments of one site are
independent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from moderation.domain.budget import Budget, format_percent
from moderation.domain.errors import InvalidInput


def sites_needed(coverage: float, sites: int) -> int:
    """Return how many of the sites must keep a rate so that a new site keeps it with probability `coverage`.

    More than `sites` if there are too few for this coverage.
    """
    # The tolerance keeps rounding from requiring one site more: 0.8 times 25 is above 20 in floating point.
    return math.ceil(coverage * (sites + 1) - 1e-9)


def min_sites(coverage: float) -> int:
    """Return the least number of sites that can guarantee a rate on this proportion of new sites."""
    return math.ceil(coverage / (1.0 - coverage) - 1e-9)


@dataclass(frozen=True, slots=True)
class GeneralGuarantee:
    """A false-positive rate that a threshold keeps on a proportion of new sites.

    At or above `threshold` is at most the proportion `max_rate` of the ham of at least the proportion `coverage` of new
    sites. It was counted on `sites` sites that the model had not seen, of which `within` kept the rate; the worst had
    `worst_rate`. Small sites are pooled, and each site or pool has at least `min_ham` ham comments. Raises
    `InvalidInput` if the coverage does not follow from the counts.
    """

    threshold: float
    max_rate: float
    coverage: float
    sites: int
    within: int
    worst_rate: float
    min_ham: int

    def __post_init__(self) -> None:
        follows = sites_needed(self.coverage, self.sites) <= self.within <= self.sites
        in_range = 0.0 < self.threshold <= 1.0 and 0.0 < self.max_rate < 1.0 and 0.0 < self.coverage < 1.0
        if not (follows and in_range and 0.0 <= self.worst_rate <= 1.0 and self.min_ham > 0):
            raise InvalidInput(
                f"A coverage of {self.coverage:g} does not follow from {self.within} of {self.sites} sites "
                f"that keep a rate of {self.max_rate:g} at the threshold {self.threshold:g}."
            )

    @property
    def sampling_error(self) -> float:
        """Return the standard error of a rate of `max_rate` that is counted on the smallest site."""
        return math.sqrt(self.max_rate * (1.0 - self.max_rate) / self.min_ham)

    def __str__(self) -> str:
        """Return the guarantee in words."""
        return (
            f"{self.within} of {self.sites} sites unknown to the model have at most {format_percent(self.max_rate)} of "
            f"their ham at or above it (the worst {100 * self.worst_rate:.2g} %, standard error at most "
            f"{100 * self.sampling_error:.2g} points); so do at least {100 * self.coverage:g} % of new sites like these"
        )


@dataclass(frozen=True, slots=True)
class GeneralGuarantees:
    """The general guarantees of a model's thresholds."""

    review: GeneralGuarantee
    spam: GeneralGuarantee
    discard: GeneralGuarantee

    def satisfy(self, budget: Budget) -> bool:
        """Return whether they promise at least the coverage of a budget, and no more lost or held ham than it."""
        review, spam, discard = self.review, self.spam, self.discard
        return (
            review.max_rate <= budget.held
            and max(spam.max_rate, discard.max_rate) <= budget.lost
            and min(review.coverage, spam.coverage, discard.coverage) >= budget.coverage
        )


def lowest_threshold(ham: Sequence[float], max_rate: float) -> float:
    """Return the lowest threshold that at most the proportion `max_rate` of ham reaches, at most 1.

    Parameters
    ----------
    ham : sequence of float
        Probabilities of spam, at least one, in any order.
    max_rate : float
        The highest false-positive rate, below 1.

    Returns
    -------
    float
        The next float above the highest probability that must stay below it. A threshold of 1 is never reached.
    """
    allowed = math.floor(max_rate * len(ham) + 1e-9)
    return min(1.0, math.nextafter(sorted(ham, reverse=True)[allowed], 2.0))


def threshold_over_sites(sites: Sequence[Sequence[float]], max_rate: float, coverage: float) -> float:
    """Return the lowest threshold that keeps a rate on `sites_needed` of the sites, or on all if they are too few.

    Parameters
    ----------
    sites : sequence of sequence of float
        Probabilities of spam of each site's ham, by a model that had not seen the site.
    max_rate, coverage : float
        As in `GeneralGuarantee`.
    """
    thresholds = sorted(lowest_threshold(ham, max_rate) for ham in sites)
    return thresholds[min(sites_needed(coverage, len(sites)), len(sites)) - 1]


def rate_at(threshold: float, ham: Sequence[float]) -> float:
    """Return the proportion of ham that reaches a threshold."""
    # `decide` never reaches a threshold of 1.
    return sum(probability >= threshold for probability in ham) / len(ham) if threshold < 1.0 else 0.0
