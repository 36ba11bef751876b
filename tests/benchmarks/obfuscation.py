"""How much of the spam that is caught is still caught in disguise, on a blog that the model has not seen.

The model, its calibration and its lines come from every source but one blog with spam; "caught" is at or above the
review line. Only the text is disguised: name, address and title stay as they were sent. A comment that a disguise
leaves as it was (one without links, say) does not count for it. The honest comments that pad the spam are our own and
the model has learnt from them, as an attacker would wish.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from moderation.domain.comment import Comment
from moderation.learning.corpus import Corpus, read_corpus
from moderation.learning.matrix import build_matrix
from moderation.learning.recipe import Recipe
from moderation.learning.templates import distinct, template_key
from moderation.learning.training import Trained, prepare, train
from tests.benchmarks import data
from tests.benchmarks.disguises import Disguise, families
from tests.benchmarks.rows import Row, at_least

BLOG = "blog_dylanmtaylor.csv.gz"
SEED = 20261123
SAMPLE = 1_500
BAR = 0.9


def measure() -> list[Row]:
    """One row for each disguise: the share of the caught comments it changes that are still caught."""
    folder = data.folder()
    if folder is None:
        return data.absent("caught spam that is still caught in disguise")
    recipe = Recipe.from_file(data.RECIPE)
    others = [path for path in data.corpora(folder) if path.name != BLOG]
    trained = train(prepare(read_corpus(others, print), recipe, print), recipe, print)
    return rows(trained, spam_sample(folder / BLOG, recipe), honest_texts())


def spam_sample(path: Path, recipe: Recipe) -> list[Comment]:
    """Spam of the blog, copies and templates thinned as in training, drawn at random."""
    corpus = read_corpus([path], print)
    corpus = corpus.where(corpus.spam)
    keys = [template_key(comment) for comment in corpus.comments]
    corpus = corpus.where(distinct(corpus.comments, keys, corpus.spam, recipe.template_cap))
    return Random(SEED).sample(list(corpus.comments), min(SAMPLE, len(corpus.comments)))


def honest_texts() -> list[str]:
    """The good comments that this project wrote."""
    starter: Corpus = read_corpus([data.STARTER], print)
    return [comment.text for comment, spam in zip(starter.comments, starter.spam, strict=True) if not spam]


def rows(trained: Trained, spam: Sequence[Comment], honest: Sequence[str]) -> list[Row]:
    """The undisguised catch rate, then the share kept for each family."""
    hits = caught(trained, spam)
    known = [comment for comment, hit in zip(spam, hits, strict=True) if hit]
    kept = [_kept(trained, known, name, disguise) for name, disguise in families(honest).items()]
    return [
        Row("spam of the unseen blog caught as it is", round(float(hits.mean()), 6), f"share of {len(spam)}"),
        *kept,
    ]


def caught(trained: Trained, comments: Sequence[Comment]) -> NDArray[np.bool_]:
    """Whether each comment is at or above the review line."""
    logits = trained.linear.logits(build_matrix(comments))
    return np.asarray(expit(logits) >= trained.lines.review)


def _kept(trained: Trained, spam: Sequence[Comment], name: str, disguise: Disguise) -> Row:
    chance = Random(f"{SEED} {name}")
    texts = [disguise(comment.text, chance) for comment in spam]
    changed = [replace(comment, text=text) for comment, text in zip(spam, texts, strict=True) if text != comment.text]
    return at_least(f"still caught: {name}", float(caught(trained, changed).mean()), BAR, f"share of {len(changed)}")
