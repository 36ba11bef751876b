"""The benchmarks of the second reader: both models at their own thresholds, and the guarantees in three states."""

from random import Random

import numpy as np
import pytest

from benchmarks import reader_cost, reader_states
from benchmarks.budget import SOURCES
from benchmarks.reader import HeldOut
from benchmarks.reader_cost import SPAM_SHARE, under_spam
from benchmarks.reader_states import SKIPPING, Cutoffs, SiteHam
from moderation.domain.thresholds import Thresholds
from moderation.training.recipe import Recipe


def test_each_model_is_judged_at_its_own_thresholds() -> None:
    """The reader moves all scores here: at one threshold for both it would seem to lose ham."""
    source = HeldOut(
        "blog",
        np.arange(3),
        np.array([True, True, False]),
        np.array([0.9, 0.6, 0.4]),
        np.array([0.5, 0.2, 0.3]),
        np.array([True, True, False]),
        Thresholds(0.5, 0.8, 0.99),
        Thresholds(0.4, 0.45, 0.99),
    )
    assert source.figures("caught") == (1.0, 0.5)
    assert source.figures("lost") == (0.0, 0.0)
    assert source.ham.ham.tolist() == [[0.4, 0.3, 0.0]]


@pytest.mark.e2e
def test_alike_sites_keep_every_guarantee_in_every_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a site that is skipped at a threshold that proves nothing breaks it."""
    monkeypatch.setattr(reader_states, "DRAWS", 60)
    rng = np.random.default_rng(3)

    def ham(name: str) -> SiteHam:
        alone = rng.beta(1, rng.integers(4, 40), 2_000)
        asked = alone > 0.1
        together = np.where(asked, alone * rng.uniform(0.3, 1.2, 2_000), alone)
        return SiteHam(name, np.stack([together, alone, asked], axis=1), Thresholds(0.99, 0.99, 0.99))

    sites = [ham(name) for name in [*SOURCES, *(f"blog_{number}" for number in range(17))]]
    rows = reader_states.measure(sites, Recipe())
    assert len(rows) == 24
    assert [row.name for row in rows if not row.holds] == []
    careless = [site._replace(thresholds_alone=Thresholds(0.01, 0.02, 0.03)) for site in sites]
    failed = [row.name for row in reader_states.measure(careless, Recipe()) if not row.holds]
    assert failed
    assert all(SKIPPING in name for name in failed)


def test_a_skipped_comment_has_the_cutoff_of_skipped_ones() -> None:
    """Half of those in doubt, and no other comment."""
    ham = np.stack([np.full(1_000, 0.9), np.full(1_000, 0.2), np.repeat([0.0, 1.0], 500)], axis=1)
    rate = reader_states._rate(ham, SKIPPING, Cutoffs(0.5, 0.1, 0.3), Random(1))
    assert rate == pytest.approx(0.75, abs=0.03)


def test_the_mix_is_that_of_a_blog_under_spam(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn again with the same comments, also without a folder of real ones."""
    monkeypatch.delenv("MODERATION_DATA", raising=False)
    comments = under_spam()
    assert comments == under_spam()
    assert len(comments) == reader_cost._COMMENTS
    assert len({comment.text for comment in comments}) > 500 and SPAM_SHARE == 0.9
