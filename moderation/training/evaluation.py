"""Metrics of a model on labelled comments, and comparisons of two models."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, matthews_corrcoef, roc_auc_score

from moderation.domain.thresholds import SEVERITY, Thresholds, Verdict
from moderation.scoring.model import Model
from moderation.training.corpus import Corpus
from moderation.training.folds import template_key

CALIBRATION_BINS = 15
RATES = ("caught", "blocked", "lost", "held")

_MAX_COMMENTS_COMPARED = 500


@dataclass(frozen=True, slots=True)
class Rates:
    """Numbers of spam and ham comments, and rates within 0 and 1, NaN without comments of the label.

    Attributes
    ----------
    caught : float
        Spam at or above the review threshold.
    blocked : float
        Spam at or above the spam threshold.
    lost : float
        Ham at or above the spam threshold.
    held : float
        Ham between the review and the spam threshold.
    """

    spam: int
    ham: int
    caught: float
    blocked: float
    lost: float
    held: float


@dataclass(frozen=True, slots=True, eq=False)
class ScoredCorpus:
    """A model and its spam probability for each comment of a corpus."""

    model: Model
    probabilities: NDArray[np.float64]

    def verdicts(self) -> NDArray[np.int64]:
        """Return the severity of each comment's verdict at the model's thresholds, 0 for `publish`."""
        return _severities(self.probabilities, self.model.thresholds)


def rates(probabilities: NDArray[np.float64], spam: NDArray[np.bool_], thresholds: Thresholds) -> Rates:
    """Return the rates of comments at these thresholds."""
    means = outcomes(_severities(probabilities, thresholds), spam).mean()
    return Rates(int(spam.sum()), int((~spam).sum()), *(float(means[name]) for name in RATES))


def rates_by_source(corpus: Corpus, probabilities: NDArray[np.float64], thresholds: Thresholds) -> pd.DataFrame:
    """Return the `Rates` of each source with comments, one row for each, in the order of the corpus."""
    labels = pd.DataFrame({"spam": corpus.spam, "ham": ~corpus.spam})
    flags = outcomes(_severities(probabilities, thresholds), corpus.spam)
    frame = labels.groupby(corpus.sources).sum().join(flags.groupby(corpus.sources).mean())
    return frame.set_axis(pd.Index([corpus.source_files[number].source for number in frame.index], name="source"))


def outcomes(severities: NDArray[np.int64], spam: NDArray[np.bool_]) -> pd.DataFrame:
    """Return 0 or 1 for each comment in the columns `RATES`; a rate is the mean of its column.

    Spam is NaN in the columns of ham, and ham in those of spam, because no rate counts the other label.
    """
    review, block = severities >= SEVERITY[Verdict.REVIEW], severities >= SEVERITY[Verdict.SPAM]
    return pd.DataFrame(
        {
            "caught": np.where(spam, review, np.nan),
            "blocked": np.where(spam, block, np.nan),
            "lost": np.where(spam, np.nan, block),
            "held": np.where(spam, np.nan, review & ~block),
        }
    )


def metrics(probabilities: NDArray[np.float64], spam: NDArray[np.bool_], thresholds: Thresholds) -> dict[str, float]:
    """Return the metrics of a model card, over all comments at once.

    Metrics that need a label without comments are left out.
    """
    overall = rates(probabilities, spam, thresholds)
    values = {name: getattr(overall, name) for name in RATES}
    if 0 < spam.sum() < len(spam):
        weights = balanced_weights(spam)
        values |= {
            "roc_auc": float(roc_auc_score(spam, probabilities)),
            "caught_at_1_percent": caught_at(probabilities, spam, 0.01),
            "mcc_at_half": float(matthews_corrcoef(spam, probabilities >= 0.5)),
            "balanced_brier": float(brier_score_loss(spam, probabilities, sample_weight=weights)),
            "balanced_calibration_error": calibration_error(probabilities, spam, weights),
        }
    return {name: round(value, 6) for name, value in values.items() if value == value}


def caught_at(probabilities: NDArray[np.float64], spam: NDArray[np.bool_], max_lost: float) -> float:
    """Return the recall on spam at the lowest threshold with a false-positive rate of at most `max_lost`.

    Spam with the same probability as the ham at the threshold counts as missed.
    """
    ham = np.sort(probabilities[~spam])
    max_errors = int(max_lost * len(ham))
    caught = probabilities[spam] > ham[len(ham) - max_errors - 1]
    return float(caught.mean()) if len(caught) else float("nan")


def calibration_error(
    probabilities: NDArray[np.float64], spam: NDArray[np.bool_], weights: NDArray[np.float64]
) -> float:
    """Return the expected calibration error over 15 bins of equal width (Naeini et al. 2015).

    Parameters
    ----------
    probabilities : ndarray of shape (n_comments,)
        Predicted spam probabilities.
    spam : ndarray of shape (n_comments,)
        The labels.
    weights : ndarray of shape (n_comments,)
        Sample weights.
    """
    bins = calibration_bins(probabilities)
    gaps = np.bincount(bins, weights=weights * (probabilities - spam), minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def calibration_bins(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each probability's bin, below `CALIBRATION_BINS`."""
    return np.asarray(np.minimum((probabilities * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1))


def balanced_log_loss(probabilities: NDArray[np.float64], spam: NDArray[np.bool_]) -> float:
    """Return the log loss in bits, both labels weighted alike. Predicting one half gives 1."""
    return float(log_loss(spam, probabilities, sample_weight=balanced_weights(spam), labels=[False, True]) / log(2))


def balanced_weights(spam: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return sample weights with the sum 1 that weight both labels alike. Both labels must occur."""
    return np.asarray(np.where(spam, 0.5 / spam.sum(), 0.5 / (~spam).sum()))


def format_table(frame: pd.DataFrame) -> str:
    """Format rates by source for a terminal, in percent."""
    percents = {name: ["" if value != value else f"{100 * value:.2f}" for value in frame[name]] for name in RATES}
    return frame.assign(**percents).to_string()


def confusion_matrix(champion: ScoredCorpus, candidate: ScoredCorpus, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of masked comments by the champion's verdict (rows) and the candidate's (columns)."""
    counts = np.zeros((len(Verdict), len(Verdict)), dtype=np.int64)
    np.add.at(counts, (champion.verdicts()[mask], candidate.verdicts()[mask]), 1)
    return counts


def verdict_changes(champion: ScoredCorpus, candidate: ScoredCorpus, spam: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return by how many verdicts the candidate is closer to the label of each comment, negative if farther."""
    return (candidate.verdicts() - champion.verdicts()) * np.where(spam, 1, -1)


def disagreements(corpus: Corpus, champion: ScoredCorpus, candidate: ScoredCorpus, limit: int) -> list[int]:
    """Return positions of comments with different verdicts, largest difference first, one for each template."""
    distances = np.abs(verdict_changes(champion, candidate, corpus.spam))
    gaps = np.abs(candidate.probabilities - champion.probabilities)
    order = np.lexsort((-gaps, -distances))
    return _first_of_each_template(corpus, order[: np.count_nonzero(distances)].tolist(), limit)


def highest_scoring_ham(corpus: Corpus, scored: ScoredCorpus, limit: int) -> list[int]:
    """Return positions of the ham with the highest probabilities, highest first, one for each template."""
    order = np.argsort(-scored.probabilities, kind="stable")
    return _first_of_each_template(corpus, order[~corpus.spam[order]].tolist(), limit)


def lowest_scoring_spam(corpus: Corpus, scored: ScoredCorpus, limit: int) -> list[int]:
    """Return positions of the spam with the lowest probabilities, lowest first, one for each template."""
    order = np.argsort(scored.probabilities, kind="stable")
    return _first_of_each_template(corpus, order[corpus.spam[order]].tolist(), limit)


def _severities(probabilities: NDArray[np.float64], thresholds: Thresholds) -> NDArray[np.int64]:
    return np.searchsorted([thresholds.review, thresholds.spam, thresholds.discard], probabilities, side="right")


def _first_of_each_template(corpus: Corpus, order: Iterable[int], limit: int) -> list[int]:
    """Return the first position of each template, at most `limit`."""
    first: dict[str, int] = {}
    # A corpus of copies has few templates: without a limit the search would read all of it.
    for position in list(order)[:_MAX_COMMENTS_COMPARED]:
        first.setdefault(template_key(corpus.comments[position]), position)
        if len(first) == limit:
            break
    return list(first.values())
