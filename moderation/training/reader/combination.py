"""What the reader changes about the linear model: its weight, the band in which it is asked, and the thresholds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.thresholds import Thresholds
from moderation.scoring.second_reader import Doubt
from moderation.training.calibration import choose_thresholds, general_guarantees
from moderation.training.corpus import Corpus
from moderation.training.evaluation import balanced_weights
from moderation.training.fitting import ham_by_site
from moderation.training.reader.recipe import ReaderRecipe
from moderation.training.recipe import Recipe

Floats = NDArray[np.float64]
_MIN_WEIGHT = 1e-3
_MAX_LOGIT = 30.0


class Combination(NamedTuple):
    """The doubt, the probabilities with the reader, and the thresholds chosen on them with their guarantees."""

    doubt: Doubt
    probabilities: Floats
    thresholds: Thresholds
    guarantees: GeneralGuarantees | None


def combine(corpus: Corpus, logits: Floats, read: Floats, recipe: Recipe, reader_recipe: ReaderRecipe) -> Combination:
    """Calibrate the sum of both models, and choose band and thresholds.

    Parameters
    ----------
    corpus : Corpus
        The comments.
    logits : ndarray of shape (n_comments,)
        Calibrated logits by linear models that had not seen the comment's site.
    read : ndarray of shape (n_comments,)
        Logits by readers that had not seen it, NaN for the comments that were not read.
    recipe : Recipe
        That of the linear model, with the rates that the thresholds keep.
    reader_recipe : ReaderRecipe
        Its `lower_limit`, `upper_limit` and `min_logit`.
    """
    weight, offset = _fit(logits, read, corpus.spam)
    limits = reader_recipe.lower_limit, reader_recipe.upper_limit
    everywhere = Doubt(weight, offset, *limits, -np.inf, np.inf)
    thresholds = choose_thresholds(ham_by_site(corpus, expit(add_reader(everywhere, logits, read)), recipe), recipe)
    doubt = Doubt(
        weight,
        offset,
        *limits,
        lowest=max(_bounded_logit(thresholds.review) - limits[1], reader_recipe.min_logit),
        highest=_bounded_logit(thresholds.spam) + limits[0],
    )
    probabilities = expit(add_reader(doubt, logits, read))
    ham = ham_by_site(corpus, probabilities, recipe)
    chosen = choose_thresholds(ham, recipe)
    return Combination(doubt, probabilities, chosen, general_guarantees(ham, chosen, recipe))


def add_reader(doubt: Doubt, logits: Floats, read: Floats) -> Floats:
    """Return the logits of the linear model with what the reader changes; all arguments as in `combine`."""
    asked = doubt.covers(logits) & ~np.isnan(read)
    return logits + np.where(asked, doubt.changes(np.nan_to_num(read)), 0.0)


def _bounded_logit(probability: float) -> float:
    return float(np.clip(logit(probability), -_MAX_LOGIT, _MAX_LOGIT))


def _fit(logits: Floats, read: Floats, spam: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit a logistic regression on the reader's logit, with the linear model's as offset and labels weighted alike."""
    rows = ~np.isnan(read)
    weights = (balanced_weights(spam) * len(spam))[rows]
    signs = np.where(spam[rows], 1.0, -1.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        margins = signs * (logits[rows] + parameters[0] * read[rows] + parameters[1])
        slopes = -weights * signs * expit(-margins)
        value = float((weights * np.logaddexp(0.0, -margins)).sum())
        return value, np.array([(slopes * read[rows]).sum(), slopes.sum()])

    found = minimize(loss, np.array([0.5, 0.0]), jac=True, method="L-BFGS-B")
    return max(float(found.x[0]), _MIN_WEIGHT), float(found.x[1])
