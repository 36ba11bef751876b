"""The guarantees in three states of a second reader: it is asked, it is off, or half of the comments in doubt skip it.

The general guarantee is tested as in `guarantee`, on sites that neither model nor threshold has seen. The budget is
tested as in `budget`, on draws from the ham of one blog.
"""

import random
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.budget import DRAWS, SOURCES
from benchmarks.guarantee import COVERAGES, TOLERANCE
from benchmarks.rows import Row, at_least, at_most
from moderation.domain.binomial import scheduled_sample_size
from moderation.domain.budget import Budget, select_threshold
from moderation.domain.general_guarantee import lowest_threshold, sites_needed
from moderation.domain.thresholds import Thresholds
from moderation.training.calibration import pool_small_sites
from moderation.training.recipe import Recipe

ON, OFF, SKIPPING = "with the reader", "without it", "half of the doubt skipped"
_ALL_STATES = (ON, OFF, SKIPPING)

_BUDGET = Budget()
_SEED = 20_261_130
_TOGETHER, _ALONE, _ASKED = range(3)

Ham = NDArray[np.float64]
"""Ham of a site, of shape (n_comments, 3): probabilities with the reader and without, and 1 where it was asked."""


class Cutoffs(NamedTuple):
    """A threshold on probabilities with the reader, one without it, and one for a comment that skipped it."""

    together: float
    alone: float
    skipped: float


class SiteHam(NamedTuple):
    """The ham of a source, and the model's thresholds for it without the reader."""

    name: str
    ham: Ham
    thresholds_alone: Thresholds


def measure(sources: Sequence[SiteHam], recipe: Recipe) -> list[Row]:
    """Return the rows of both guarantees in all states."""
    counted = [source.ham for source in sources if source.name not in recipe.other_registers and len(source.ham)]
    blogs = [source for source in sources if source.name in SOURCES]
    return [*_general_rows(pool_small_sites(counted), recipe), *_budget_rows(blogs)]


def _general_rows(sites: Sequence[Ham], recipe: Recipe) -> Iterator[Row]:
    """Yield the proportion of test sites within each rate, for each coverage and state."""
    for verb, max_rate in {"held": recipe.review_max_rate, "lost": recipe.spam_max_rate}.items():
        lowest = [
            [lowest_threshold(ham[:, which].tolist(), max_rate) for which in (_TOGETHER, _ALONE)] for ham in sites
        ]
        for coverage in COVERAGES:
            within: dict[str, list[bool]] = {state: [] for state in _ALL_STATES}
            rng, size = random.Random(_SEED), 2 * len(sites) // 3
            place = min(sites_needed(coverage, size), size + 1) - 1
            for _ in range(DRAWS):
                order = rng.sample(range(len(sites)), len(sites))
                together, alone = (
                    [*sorted(lowest[site][which] for site in order[:size]), 1.0][place] for which in (0, 1)
                )
                cutoffs = Cutoffs(together, alone, skipped=alone)
                for site in order[size:]:
                    for state, kept in within.items():
                        kept.append(_rate(sites[site], state, cutoffs, rng) <= max_rate)
            for state, kept in within.items():
                name = f"at most {100 * max_rate:g} % of ham {verb}, coverage {coverage:g}, {state}"
                yield at_least(name, fmean(kept), round(coverage - TOLERANCE, 2), "proportion of test sites")


def _budget_rows(blogs: Sequence[SiteHam]) -> Iterator[Row]:
    """Yield the proportion of draws after which a blog loses or holds more ham than its budget allows.

    A comment that skipped the reader counts in the sample with what the reader says later. It is blocked only if the
    model alone would discard it, because the site's own ham chose the spam threshold.
    """
    for verb, max_rate in (("lost", _BUDGET.lost), ("held or lost", _BUDGET.held)):
        for state in _ALL_STATES:
            rng, violations = random.Random(_SEED), 0
            for blog in blogs:
                skipped = blog.thresholds_alone.discard if verb == "lost" else blog.thresholds_alone.review
                size = scheduled_sample_size(len(blog.ham) // 2, max_rate, _BUDGET.confidence)
                for _ in range(DRAWS):
                    sample = blog.ham[rng.choices(range(len(blog.ham)), k=size)]
                    together, alone = (_select(sample[:, which].tolist(), max_rate) for which in (_TOGETHER, _ALONE))
                    violations += _rate(blog.ham, state, Cutoffs(together, alone, skipped), rng) > max_rate
            name = f"at most {max_rate:.1%} {verb}: more on {len(blogs)} blogs, {state}"
            rate = violations / (DRAWS * len(blogs))
            yield at_most(name, rate, 1 - _BUDGET.confidence, "proportion of draws")


def _select(probabilities: Sequence[float], max_rate: float) -> float:
    named = [(str(number), probability) for number, probability in enumerate(probabilities)]
    return select_threshold(named, max_rate, _BUDGET.confidence).threshold


def _rate(ham: Ham, state: str, cutoffs: Cutoffs, rng: random.Random) -> float:
    """Return the proportion of ham that reaches the threshold in a state."""
    if state == OFF:
        return float(_reaches(ham[:, _ALONE], cutoffs.alone).mean())
    reaches = _reaches(ham[:, _TOGETHER], cutoffs.together)
    if state == SKIPPING:
        skipped = (ham[:, _ASKED] == 1) & (np.random.default_rng(rng.getrandbits(64)).random(len(ham)) < 0.5)
        reaches = np.where(skipped, _reaches(ham[:, _ALONE], cutoffs.skipped), reaches)
    return float(reaches.mean())


def _reaches(probabilities: Ham, cutoff: float) -> NDArray[np.bool_]:
    # A threshold of 1 is never reached.
    return (probabilities >= cutoff) & (cutoff < 1.0)
