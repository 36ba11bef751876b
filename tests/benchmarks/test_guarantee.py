"""The benchmark of the general guarantee counts sites, and notices a coverage that is not kept."""

import numpy as np

from benchmarks.guarantee import COVERAGES, coverage_rows
from moderation.training.recipe import Recipe


def test_exchangeable_sites_keep_each_coverage() -> None:
    """Sites of one distribution of sites; nine coverages are measured, and each is kept."""
    rng = np.random.default_rng(3)
    sites = [rng.beta(1, rng.integers(4, 40), 400).tolist() for _ in range(21)]
    rows = [row for row in coverage_rows(sites, Recipe()) if row.holds is not None]
    assert len(rows) == 3 * len(COVERAGES) and all(row.holds for row in rows)
    values = [row.value or 0.0 for row in rows[:3]]
    assert values == sorted(values)


def test_with_too_few_sites_nothing_is_blocked() -> None:
    """The threshold is then 1, which nothing reaches."""
    rows = coverage_rows([[0.1, 0.2], [0.3, 0.9]], Recipe())
    assert all(row.value in (0.0, 1.0) for row in rows[1:])
