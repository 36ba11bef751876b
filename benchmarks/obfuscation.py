"""Recall on obfuscated spam, for a blog that is not in the training data.

The model, its calibration and its thresholds come from all sources but one blog with spam. A comment is caught if it
reaches the review threshold. Only the text is obfuscated; author, URL and title stay as sent. Each obfuscator is
measured on the caught comments that it changes. The ham that pads the spam is from the training data, as an attacker
would wish.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks import data
from benchmarks.rows import Row, at_least, figure
from moderation.domain.comment import Comment
from moderation.training.corpus import read_corpus
from moderation.training.design_matrix import build_matrix
from moderation.training.fitting import TrainingResult, build_training_set, train
from moderation.training.folds import deduplicate, text_keys
from moderation.training.obfuscators import Obfuscator, obfuscators
from moderation.training.recipe import Recipe

BLOG = "blog_dylanmtaylor.csv.gz"
SEED = 20261123
MAX_SAMPLE_SIZE = 1_500
MIN_STILL_CAUGHT = 0.9


def measure() -> list[Row]:
    """Train without the blog and return the rows of `measure_recall`."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("recall on obfuscated spam")
    recipe = Recipe.from_file(data.RECIPE)
    others = [path for path in data.corpora(folder) if path.name != BLOG]
    trained = train(build_training_set(read_corpus(others, print), recipe, print), recipe, print)
    return measure_recall(trained, sample_spam(folder / BLOG, recipe), read_ham_texts())


def sample_spam(path: Path, recipe: Recipe) -> list[Comment]:
    """Draw spam of the blog at random, after deduplication as in training."""
    corpus = read_corpus([path], print)
    corpus = corpus.where(corpus.spam)
    keys = text_keys(corpus.comments, np.arange(len(corpus.comments)))
    corpus = corpus.where(deduplicate(keys, corpus.spam, recipe.max_spam_per_template))
    return Random(SEED).sample(list(corpus.comments), min(MAX_SAMPLE_SIZE, len(corpus.comments)))


def read_ham_texts() -> list[str]:
    """Return the texts of the starter corpus's ham."""
    starter = read_corpus([data.STARTER], print)
    return [comment.text for comment, spam in zip(starter.comments, starter.spam, strict=True) if not spam]


def measure_recall(trained: TrainingResult, spam: Sequence[Comment], ham_texts: Sequence[str]) -> list[Row]:
    """Return the recall on the spam as sent, then one row for each obfuscator of the caught spam."""
    caught_mask = is_caught(trained, spam)
    caught = [comment for comment, flag in zip(spam, caught_mask, strict=True) if flag]
    return [
        figure("caught: spam of the unseen blog as sent", float(caught_mask.mean()), f"proportion of {len(spam)}"),
        *(_still_caught(trained, caught, name, change) for name, change in obfuscators(ham_texts).items()),
    ]


def is_caught(trained: TrainingResult, comments: Sequence[Comment]) -> NDArray[np.bool_]:
    """Return a mask of the comments at or above the review threshold."""
    logits = trained.linear.logits(build_matrix(comments))
    return np.asarray(expit(logits) >= trained.thresholds.review)


def _still_caught(trained: TrainingResult, spam: Sequence[Comment], name: str, obfuscate: Obfuscator) -> Row:
    rng = Random(f"{SEED} {name}")
    texts = [obfuscate(comment.text, rng) for comment in spam]
    changed = [replace(comment, text=text) for comment, text in zip(spam, texts, strict=True) if text != comment.text]
    recall = float(is_caught(trained, changed).mean())
    return at_least(f"still caught: {name}", recall, MIN_STILL_CAUGHT, f"proportion of {len(changed)}")
