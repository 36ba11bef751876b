"""The general guarantee, tested on sites that neither the model nor the threshold has seen, over 200 draws.

The scores are those of training: each site's ham by a model that was fitted without the site. Each draw splits the
sites at random. Two thirds choose the threshold of a coverage, the others are counted. The stated coverage holds for
the average draw. With some 20 sites, single draws vary widely.
"""

import random
from collections.abc import Sequence
from statistics import fmean

from benchmarks import data
from benchmarks.rows import Row, at_least, figure
from moderation.domain.general_guarantee import lowest_threshold, rate_at, sites_needed
from moderation.training.calibration import pool_small_sites
from moderation.training.fitting import ham_by_site
from moderation.training.recipe import Recipe

DRAWS = 200
COVERAGES = (0.7, 0.8, 0.9)
TOLERANCE = 0.03

_SEED = 20_261_129
_UNIT = "proportion of test sites"

Ham = Sequence[float]


def measure() -> list[Row]:
    """Return the proportion of test sites within each rate of the recipe, at each coverage."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("proportion of unseen sites that keep the rates of the general guarantee")
    recipe = Recipe.from_file(data.RECIPE)
    trained = data.train_on_all(folder, recipe)
    ham = ham_by_site(trained.training_set.corpus, trained.out_of_fold, recipe)
    return coverage_rows([site.tolist() for site in pool_small_sites(ham)], recipe)


def coverage_rows(sites: Sequence[Ham], recipe: Recipe) -> list[Row]:
    """Return the rows for these sites' ham, three coverages for each of the recipe's three rates."""
    rates = {"held": recipe.review_max_rate, "lost": recipe.spam_max_rate, "discarded": recipe.discard_max_rate}
    rows = [figure("sites, or pools of small ones", len(sites), "sites")]
    for verb, max_rate in rates.items():
        for coverage in COVERAGES:
            within, mean_rate = _draw(sites, max_rate, coverage)
            name = f"at most {100 * max_rate:g} % of ham {verb}, coverage {coverage:g}"
            rows.append(at_least(name, within, round(coverage - TOLERANCE, 2), _UNIT))
            rows.append(figure(f"{name}: ham {verb}", mean_rate, "mean proportion over test sites"))
    return rows


def _draw(sites: Sequence[Ham], max_rate: float, coverage: float) -> tuple[float, float]:
    """Return the proportion of test sites that keep the rate, and their mean rate, over all draws."""
    lowest = [lowest_threshold(ham, max_rate) for ham in sites]
    calibration_size = 2 * len(sites) // 3
    needed = sites_needed(coverage, calibration_size)
    rng, within, rates = random.Random(_SEED), [], []
    for _ in range(DRAWS):
        order = rng.sample(range(len(sites)), len(sites))
        # With too few sites no threshold below 1 has the coverage.
        ranked = [*sorted(lowest[site] for site in order[:calibration_size]), 1.0]
        threshold = ranked[min(needed, len(ranked)) - 1]
        tested = order[calibration_size:]
        within += [lowest[site] <= threshold for site in tested]
        rates += [rate_at(threshold, sites[site]) for site in tested]
    return fmean(within), fmean(rates)
