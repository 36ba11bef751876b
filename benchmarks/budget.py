"""Violations of the budget: how often a proved threshold loses or holds more ham than stated, over 200 draws.

Each draw samples ham of one blog with replacement and selects a threshold from the sample. It has as many comments as
a site of half the blog's size would use. The blog's whole ham is therefore exactly the population of the sample. A
draw is a violation if more of that ham reaches the threshold than was allowed. With a confidence of .95 one draw in
twenty may be a violation.

The model is trained on the starter corpus alone, so none of these blogs is in its training data.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks import data
from benchmarks.rows import Row, at_most, figure
from moderation.domain.binomial import min_sample_size, scheduled_sample_size
from moderation.domain.budget import Budget, select_threshold
from moderation.scoring.batches import probabilities
from moderation.training.corpus import read_corpus
from tests.models import small_model

SOURCES = ("ham_haacked", "blog_publicomag", "blog_lemire", "blog_ploeh")
DRAWS = 200
MAX_HAM_COMMENTS = 6_000

_BUDGET = Budget()
_SEED = 20_261_123
_UNIT = "proportion of draws"

ScoredHam = Sequence[tuple[str, float]]


def measure() -> list[Row]:
    """Return the rate of violations for lost and for held ham: all blogs together, then each blog."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("rate of draws that violate the budget")
    blogs = {source: _score_ham(folder / f"{source}.csv.gz") for source in SOURCES}
    rows = []
    for verb, max_rate in (("lost", _BUDGET.lost), ("held or lost", _BUDGET.held)):
        violations = {source: _violations(ham, max_rate) for source, ham in blogs.items()}
        stated = f"at most {max_rate:.1%} {verb}"
        rate = sum(violations.values()) / (DRAWS * len(blogs))
        rows.append(at_most(f"{stated}: more on {len(blogs)} blogs", rate, 1 - _BUDGET.confidence, _UNIT))
        rows += [figure(f"{stated}: more on {source}", count / DRAWS, _UNIT) for source, count in violations.items()]
        rows.append(_holdout_violations(stated, blogs, max_rate))
    return [*rows, _too_few_comments(blogs["blog_ploeh"])]


def _score_ham(path: Path) -> ScoredHam:
    corpus = read_corpus([path], print)
    ham = [comment for comment, spam in zip(corpus.comments, corpus.spam, strict=True) if not spam]
    sample = random.Random(_SEED).sample(ham, min(MAX_HAM_COMMENTS, len(ham)))
    return [(str(number), score) for number, score in enumerate(probabilities(small_model(), sample))]


def _violations(ham: ScoredHam, max_rate: float) -> int:
    """Count the draws in which more than `max_rate` of all the ham reaches the threshold."""
    rng, size = random.Random(_SEED), scheduled_sample_size(len(ham) // 2, max_rate, _BUDGET.confidence)
    return sum(_rate_above(_threshold(rng.choices(ham, k=size), max_rate), ham) > max_rate for _ in range(DRAWS))


def _holdout_violations(stated: str, blogs: dict[str, ScoredHam], max_rate: float) -> Row:
    """Return the rate of violations on future comments: one half selects the threshold, the other half is counted."""
    rng, violations = random.Random(_SEED), 0
    for ham in blogs.values():
        half = len(ham) // 2
        for _ in range(DRAWS):
            shuffled = rng.sample(ham, len(ham))
            threshold = _threshold(shuffled[: scheduled_sample_size(half, max_rate, _BUDGET.confidence)], max_rate)
            violations += _rate_above(threshold, shuffled[half:]) > max_rate
    return figure(f"{stated}: more on the other half, itself a random sample", violations / (DRAWS * len(blogs)), _UNIT)


def _threshold(ham: ScoredHam, max_rate: float) -> float:
    return select_threshold(ham, max_rate, _BUDGET.confidence).threshold


def _rate_above(threshold: float, ham: ScoredHam) -> float:
    return sum(score >= threshold for _, score in ham) / len(ham) if threshold < 1.0 else 0.0


def _too_few_comments(ham: ScoredHam) -> Row:
    """Count the thresholds that are selected from one comment fewer than the guarantee needs."""
    selected = 0
    for max_rate in (_BUDGET.lost, _BUDGET.held):
        try:
            select_threshold(ham[: min_sample_size(max_rate, _BUDGET.confidence) - 1], max_rate, _BUDGET.confidence)
            selected += 1
        except ValueError:
            pass
    return at_most("thresholds from one comment too few", selected, 0, "thresholds")
