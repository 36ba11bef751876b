"""Probes: random strings in ten styles, and the short comments of people that must not be taken for them.

The model is trained on everything. Probes come as a text alone, and with a name of the same style and an empty address.
A short comment, of one or two words, is judged by the model that has not seen its source.
"""

from collections.abc import Sequence
from random import Random
from statistics import fmean

import numpy as np

from benchmarks import data
from benchmarks.probe_styles import STYLES
from benchmarks.rows import Row, at_least, at_most, figure
from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.batches import probabilities
from moderation.scoring.model import Model
from moderation.training.fitting import TrainingResult
from moderation.training.recipe import Recipe

SEED = 20261129
PROBES_PER_STYLE = 300
MAX_SHORT_WORDS = 2
MIN_HELD_PROBES = 0.7
MAX_HELD_SHORT_HAM = 0.001


def measure() -> list[Row]:
    """Train on the folder and return the proportions of probes and of short ham that are held."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("probes and short comments held")
    recipe = Recipe.from_file(data.RECIPE)
    trained = data.train_on_all(folder, recipe)
    model = Model.from_arrays("probes", trained.arrays(), trained.thresholds)
    return [*measure_probes(model), _short_ham(trained)]


def measure_probes(model: Model) -> list[Row]:
    """Return the proportion of probes that the model holds at its own review threshold, by style and in the mean."""
    alone, named = [], []
    rows = []
    for style, probe in STYLES.items():
        rng = Random(SEED)
        texts = [probe(rng) for _ in range(PROBES_PER_STYLE)]
        alone.append(_held(model, [Comment(text) for text in texts]))
        named.append(_held(model, [Comment(text, author=probe(rng), url="") for text in texts]))
        rows.append(figure(f"probes held, {style}, text alone", alone[-1], "proportion"))
        rows.append(figure(f"probes held, {style}, with a name", named[-1], "proportion"))
    return [
        at_least("probes held, mean over the styles, text alone", fmean(alone), MIN_HELD_PROBES, "proportion"),
        at_least("probes held, mean over the styles, with a name", fmean(named), MIN_HELD_PROBES, "proportion"),
        *rows,
    ]


def _held(model: Model, comments: Sequence[Comment]) -> float:
    return fmean(probability >= model.thresholds.review for probability in probabilities(model, comments))


def _short_ham(trained: TrainingResult) -> Row:
    """Return the proportion of short ham that is held out of fold, with the rules that its probabilities contain."""
    corpus = trained.training_set.corpus
    held = []
    for comment, spam, probability in zip(corpus.comments, corpus.spam, trained.out_of_fold, strict=True):
        if not spam and 0 < len(ParsedComment(comment).tokens) <= MAX_SHORT_WORDS:
            held.append(probability >= trained.thresholds.review)
    name = f"comments of one or two words held, of {len(held)}"
    return at_most(name, float(np.mean(held)), MAX_HELD_SHORT_HAM, "proportion")
