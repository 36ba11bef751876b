"""Honest figures: what a model makes of comments that it had not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, matthews_corrcoef, roc_auc_score

from moderation.domain.policy import Policy
from moderation.learning.corpus import Corpus

_BINS = 15


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares within 0 and 1 (NaN where there is no such comment).

    `caught`: spam at or above the review line; `blocked`: spam at or above the spam line;
    `lost`: ham at or above the spam line; `held`: ham between the two.
    """

    spam: int
    ham: int
    caught: float
    blocked: float
    lost: float
    held: float


def rates(probabilities: NDArray[np.float64], spam: NDArray[np.bool_], lines: Policy) -> Rates:
    """What the lines do to these comments."""
    review, block = probabilities >= lines.review, probabilities >= lines.spam
    return Rates(
        int(spam.sum()),
        int((~spam).sum()),
        _mean(review[spam]),
        _mean(block[spam]),
        _mean(block[~spam]),
        _mean((review & ~block)[~spam]),
    )


def caught_at(probabilities: NDArray[np.float64], spam: NDArray[np.bool_], loss: float) -> float:
    """Spam caught at the highest cut-off that lets at most `floor(loss * ham)` ham through; ties count against us."""
    ham = np.sort(probabilities[~spam])
    allowed = int(loss * len(ham))
    return _mean(probabilities[spam] > ham[len(ham) - allowed - 1])


def calibration_error(
    probabilities: NDArray[np.float64], spam: NDArray[np.bool_], weights: NDArray[np.float64]
) -> float:
    """Expected calibration error over 15 equal bins (Naeini et al. 2015), comments counted by `weights`."""
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights=weights * (probabilities - spam), minlength=_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def log_loss_even(probabilities: NDArray[np.float64], spam: NDArray[np.bool_]) -> float:
    """Mean negative logarithm, in bits, of the chance given to the truth; both labels count alike, 1 is a coin's."""
    return float(log_loss(spam, probabilities, sample_weight=even_weights(spam), labels=[False, True]) / log(2))


def metrics(probabilities: NDArray[np.float64], spam: NDArray[np.bool_], lines: Policy) -> dict[str, float]:
    """The figures of the card, over all comments at once; those that need both labels are left out without them."""
    found = rates(probabilities, spam, lines)
    named = {"caught": found.caught, "blocked": found.blocked, "lost": found.lost, "held": found.held}
    if 0 < spam.sum() < len(spam):
        even = even_weights(spam)
        named |= {
            "roc_auc": float(roc_auc_score(spam, probabilities)),
            "caught_at_1_percent": caught_at(probabilities, spam, 0.01),
            "mcc_at_half": float(matthews_corrcoef(spam, probabilities >= 0.5)),
            "brier_even": float(brier_score_loss(spam, probabilities, sample_weight=even)),
            "calibration_error_even": calibration_error(probabilities, spam, even),
        }
    return {name: round(value, 6) for name, value in named.items() if value == value}


def even_weights(spam: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A weight for each comment, 1 in all, that makes both labels count alike; there must be comments of both."""
    return np.asarray(np.where(spam, 0.5 / spam.sum(), 0.5 / (~spam).sum()))


def by_source(corpus: Corpus, probabilities: NDArray[np.float64], lines: Policy) -> pd.DataFrame:
    """`Rates` of each source, one row a source, in the order of the corpus."""
    rows = []
    for number, origin in enumerate(corpus.origins):
        here = corpus.sources == number
        if here.any():
            found = rates(probabilities[here], corpus.spam[here], lines)
            rows.append({"source": origin.source} | {name: getattr(found, name) for name in Rates.__slots__})
    return pd.DataFrame(rows).set_index("source")


def table(frame: pd.DataFrame) -> str:
    """The rates as text for a terminal, shares in percent."""
    shown = frame.copy()
    for column in ("caught", "blocked", "lost", "held"):
        shown[column] = [("" if value != value else f"{100 * value:.2f}") for value in frame[column]]
    return shown.to_string()


def worst(shares: Sequence[float]) -> float:
    """The largest of some shares, NaN left out."""
    return max(share for share in shares if share == share)


def _mean(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
