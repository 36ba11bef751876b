"""Sweep: held comments by their score, and one press on all of a band.

The scores are calibrated probabilities, so their sum over a band is the expected number of spam comments in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from moderation.actions.campaigns import EXCERPT_LENGTH, MAX_GROUPED
from moderation.actions.moderating import ActResult, act
from moderation.actions.services import Services
from moderation.domain.decision import LabelOrigin, Moderator
from moderation.domain.errors import InvalidInput, NotFound
from moderation.domain.queue import ListedComment, SeenComment, Verb
from moderation.storage import campaigns, queue_lists
from moderation.storage.campaigns import ScoredItem
from moderation.storage.engine import read_transaction

N_BINS = 20
"""Columns of the histogram, each five points of the probability wide."""
MAX_SWEPT = 1_000
"""Comments that one press decides, the newest ones of the band."""
SAMPLE_SIZE = 10


@dataclass(frozen=True, slots=True)
class Band:
    """The held comments with a score from `low` to `high`, both in percent of spam and both included.

    - `newest`: the number of the newest queue item. `size`: how many comments a press decides, of `total`.
    - `expected_ham`, `expected_spam`: how many of these are ham and spam, by their scores.
    - `sample`: comments drawn at random, the same ones as long as the band stays.
    """

    low: int
    high: int
    newest: int
    size: int
    total: int
    expected_ham: float
    expected_spam: float
    sample: Sequence[ListedComment]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The numbers of held comments by score, the lowest first, and the chosen band; `None` without comments in it."""

    counts: Sequence[int]
    band: Band | None


def read_sweep(services: Services, low: int, high: int) -> Sweep:
    """Return the histogram of the newest `MAX_GROUPED` held comments and a band of it.

    Raises `InvalidInput` unless `low` and `high` are percentages in order.
    """
    _check(low, high)
    with read_transaction(services.engine) as connection:
        items = campaigns.scored_items(connection, MAX_GROUPED)
        in_band = _in_band(items, low, high)
        drawn = _draw(in_band, low, high)
        listed = queue_lists.find_many(connection, services.scope, [item.decision_id for item in drawn], EXCERPT_LENGTH)
    counts = [0] * N_BINS
    for item in items:
        counts[min(N_BINS - 1, int(item.probability * N_BINS))] += 1
    swept = in_band[:MAX_SWEPT]
    expected_spam = sum(item.probability for item in swept)
    band = Band(
        low=low,
        high=high,
        newest=swept[0].id if swept else 0,
        size=len(swept),
        total=len(in_band),
        expected_ham=len(swept) - expected_spam,
        expected_spam=expected_spam,
        sample=sorted(listed, key=lambda comment: comment.decision.score.probability),
    )
    return Sweep(counts, band if swept else None)


def decide_band(services: Services, low: int, high: int, verb: Verb, moderator: Moderator, *, newest: int) -> ActResult:
    """Carry out a verb on the newest `MAX_SWEPT` held comments of a band as one act.

    `newest` is the number of the newest queue item that the person saw: a later comment is not decided unseen. Raises
    `NotFound` if the band is empty, and the errors of `read_sweep`.
    """
    _check(low, high)
    with read_transaction(services.engine) as connection:
        items = campaigns.scored_items(connection, MAX_GROUPED)
    swept = [item for item in _in_band(items, low, high) if item.id <= newest][:MAX_SWEPT]
    if not swept:
        raise NotFound("No held comment is in this band any longer.")
    seen = [SeenComment(item.decision_id, 0) for item in swept]
    return act(services, seen, verb, moderator, origin=LabelOrigin.SWEEP)


def _check(low: int, high: int) -> None:
    if not 0 <= low <= high <= 100:
        raise InvalidInput("A band is from a percentage to one that is not lower, both from 0 to 100.")


def _in_band(items: Sequence[ScoredItem], low: int, high: int) -> list[ScoredItem]:
    return [item for item in items if low <= 100 * item.probability <= high]


def _draw(items: Sequence[ScoredItem], low: int, high: int) -> list[ScoredItem]:
    # A sender cannot know the numbers of items of all sites. A page that is loaded again shows the same ones.
    seed = f"{low} {high} {items[0].id} {len(items)}" if items else ""
    return Random(seed).sample(items, min(SAMPLE_SIZE, len(items)))
