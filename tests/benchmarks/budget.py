"""Whether a certified line keeps what it states, over 200 draws of a blog's good comments.

For each draw, comments of the blog are taken at random to certify a line: as many as a site of half its size would
use, and with replacement, so that all the ham of the blog is exactly what they are a sample of. The line breaks its
word where more of that ham lies on or above it than was allowed. With a confidence of .95 one draw of twenty may.

The model is a small one, trained on the starter corpus alone: it has seen none of these blogs.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from moderation.domain.budget import Budget, draw_line, due, needed
from moderation.learning.corpus import read_corpus
from moderation.scoring.model import probabilities
from tests.benchmarks import data
from tests.benchmarks.rows import Row, at_most
from tests.models import small_model

SOURCES = ("ham_haacked", "blog_publicomag", "blog_lemire", "blog_ploeh")
DRAWS = 200
LARGEST = 6_000
"""Good comments of one blog, taken at random where it has more."""

_BUDGET = Budget()
_SEED = 20_261_123

Good = Sequence[tuple[str, float]]


def measure() -> list[Row]:
    """How often more ham is lost, or held, than a certificate states; all blogs together, and each by itself."""
    folder = data.folder()
    if folder is None:
        return data.absent("how often a certified line loses more ham than it states")
    blogs = {source: _scored(folder / f"{source}.csv.gz") for source in SOURCES}
    rows = []
    for verb, allowed in (("lost", _BUDGET.lost), ("held or lost", _BUDGET.held)):
        broken = {source: _broken(good, allowed) for source, good in blogs.items()}
        stated = f"at most {allowed:.1%} {verb}"
        share = sum(broken.values()) / (DRAWS * len(blogs))
        rows.append(at_most(f"{stated}: more on {len(blogs)} blogs", share, 1 - _BUDGET.confidence, "share of draws"))
        rows += [
            Row(f"{stated}: more on {source}", count / DRAWS, "share of draws") for source, count in broken.items()
        ]
        rows.append(_next_half(stated, blogs, allowed))
    return [*rows, _refused(blogs["blog_ploeh"])]


def _scored(path: Path) -> Good:
    corpus = read_corpus([path], print)
    ham = [comment for comment, spam in zip(corpus.comments, corpus.spam, strict=True) if not spam]
    taken = random.Random(_SEED).sample(ham, min(LARGEST, len(ham)))
    return [(str(number), score) for number, score in enumerate(probabilities(small_model(), taken))]


def _broken(good: Good, allowed: float) -> int:
    """In how many draws more of all the ham lies on or above the line than is allowed."""
    chance, number = random.Random(_SEED), due(len(good) // 2, allowed, _BUDGET.confidence)
    return sum(_above(_line(chance.choices(good, k=number), allowed), good) > allowed for _ in range(DRAWS))


def _next_half(stated: str, blogs: dict[str, Good], allowed: float) -> Row:
    """The same for what a site meets next: one half certifies, the other is counted, its own chance included."""
    chance, broken = random.Random(_SEED), 0
    for good in blogs.values():
        half = len(good) // 2
        for _ in range(DRAWS):
            mixed = chance.sample(good, len(good))
            line = _line(mixed[: due(half, allowed, _BUDGET.confidence)], allowed)
            broken += _above(line, mixed[half:]) > allowed
    share = round(broken / (DRAWS * len(blogs)), 6)
    return Row(f"{stated}: more on the other half, which has luck of its own", share, "share of draws")


def _line(good: Good, allowed: float) -> float:
    return draw_line(good, allowed, _BUDGET.confidence).line


def _above(line: float, good: Good) -> float:
    return sum(score >= line for _, score in good) / len(good) if line < 1.0 else 0.0


def _refused(good: Good) -> Row:
    """One comment fewer than are needed certifies nothing."""
    certified = 0
    for allowed in (_BUDGET.lost, _BUDGET.held):
        try:
            draw_line(good[: needed(allowed, _BUDGET.confidence) - 1], allowed, _BUDGET.confidence)
            certified += 1
        except ValueError:
            pass
    return at_most("lines certified from one comment too few", certified, 0, "lines")
