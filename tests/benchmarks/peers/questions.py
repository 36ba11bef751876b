"""What everybody is asked: the same comments to learn from, the same comments to judge, and what ours makes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import brier_score_loss, matthews_corrcoef, roc_auc_score

from moderation.domain.comment import Comment
from moderation.learning.corpus import Corpus
from moderation.learning.evaluation import calibration_error, caught_at, even_weights
from moderation.learning.recipe import Recipe
from moderation.learning.templates import side
from moderation.learning.training import prepare, train
from tests.benchmarks import youtube

MOST_LEARNT = 8_000
"""Comments of either label, from all other sources together, for a blog left out: templates chosen by their hash."""

MOST_ASKED = 3_000
"""Of the spam of the blog left out, chosen alike; its ham is asked for whole."""

AREA, CAUGHT_1, CAUGHT_05 = "ROC AUC", "caught at 1 % ham loss", "caught at 0.5 % ham loss"
BRIER, CALIBRATION, CORRELATION = "Brier score", "calibration error", "mean MCC"
LOWER_IS_BETTER = (BRIER, CALIBRATION)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Comments and whether each is spam."""

    comments: Sequence[Comment]
    spam: NDArray[np.bool_]

    def where(self, mask: NDArray[np.bool_]) -> "Labelled":
        """Those that `mask` (one entry a comment) holds."""
        at = np.flatnonzero(mask).tolist()
        return Labelled([self.comments[i] for i in at], self.spam[at])


@dataclass(frozen=True, slots=True)
class Part:
    """What is learnt from, and what is asked then."""

    learnt: Labelled
    asked: Labelled


@dataclass(frozen=True, slots=True)
class Question:
    """One measurement: its parts, whether it asks for the `ranking` or for the labels, and `ours`, figure by figure.

    `even` is whether both labels count alike where probabilities are judged, however many comments have them.
    A peer's settings are chosen on `tuning`, within what it may learn from; without it on each part's own training.
    """

    name: str
    parts: Sequence[Part]
    ranking: bool
    ours: Mapping[str, float]
    tuning: Labelled | None = None
    even: bool = False

    def figures(self, scores: Sequence[NDArray[np.float64]], cuts: Sequence[float]) -> dict[str, float]:
        """What the scores of each part are worth. A ranking pools them; labels are cut at the part's own cut."""
        truths = [part.asked.spam for part in self.parts]
        if not self.ranking:
            found = [matthews_corrcoef(spam, part >= cut) for spam, part, cut in zip(truths, scores, cuts, strict=True)]
            return {CORRELATION: float(np.mean(found))}
        figures = ranked(np.concatenate(scores), np.concatenate(truths), self.even)
        return {name: figures[name] for name in self.ours}


def ranked(scores: NDArray[np.float64], spam: NDArray[np.bool_], even: bool = False) -> dict[str, float]:
    """The figures of probabilities over all comments at once; ties count against the classifier."""
    weights = even_weights(spam) if even else np.ones(len(spam))
    return {
        AREA: float(roc_auc_score(spam, scores)),
        CAUGHT_05: caught_at(scores, spam, 0.005),
        CAUGHT_1: caught_at(scores, spam, 0.01),
        BRIER: float(brier_score_loss(spam, scores, sample_weight=weights)),
        CALIBRATION: calibration_error(scores, spam, weights),
    }


def of_videos(path: Path) -> list[Question]:
    """The YouTube Spam Collection: its authors' split in two ways, and each video left out. Ours as `bench-youtube`."""
    rows = youtube.read_file(path)
    everything = Labelled([youtube._comment(row) for row in rows], np.array([row["label"] == "spam" for row in rows]))
    video = np.array([list(youtube.VIDEOS).index(row["id"][:4]) for row in rows])
    learnt = np.array([row["split"] == "train" for row in rows])
    each = [video == number for number in range(len(youtube.VIDEOS))]
    training = everything.where(learnt)
    ours = {row.name: row.value for row in youtube.measure() if row.value is not None}
    split, out = "youtube_uci, authors' split, ", "youtube_uci, one video left out"
    one, many = f"{split}one model on five training parts", f"{split}a model per video"
    return [
        Question(
            many,
            [Part(everything.where(learnt & here), everything.where(~learnt & here)) for here in each],
            ranking=False,
            ours={CORRELATION: ours[f"{many}: {CORRELATION}"]},
            tuning=training,
        ),
        Question(
            one,
            [Part(training, everything.where(~learnt & here)) for here in each],
            ranking=False,
            ours={CORRELATION: ours[f"{one}: {CORRELATION}"]},
            tuning=training,
        ),
        Question(
            out,
            [Part(everything.where(~here), everything.where(here)) for here in each],
            ranking=True,
            ours={name: ours[f"{out}: {name}"] for name in (AREA, CAUGHT_05, CAUGHT_1, BRIER, CALIBRATION)},
        ),
    ]


def of_blog(corpus: Corpus, sides: NDArray[np.float64], blog: str, recipe: Recipe) -> Question:
    """One blog left out: everybody learns from the same rows of all other sources, those that our training takes.

    `sides` is `templates.side` of each comment. Ours is trained and calibrated as `make bench-quality` does, on these
    rows.
    """
    number = [origin.source for origin in corpus.origins].index(blog)
    bench = prepare(corpus.where(chosen(corpus, sides, number, recipe.ham_only)), recipe, print, jobs=1)
    others = bench.without_source(number)
    model = train(others, recipe, print, jobs=1).linear
    at = np.flatnonzero(bench.corpus.sources == number)
    asked = Labelled([bench.corpus.comments[i] for i in at.tolist()], bench.corpus.spam[at])
    figures = ranked(expit(model.logits(bench.plain.take(at))), asked.spam, even=True)
    return Question(
        f"{blog} left out",
        [Part(Labelled(others.corpus.comments, others.corpus.spam), asked)],
        ranking=True,
        ours=figures,
        even=True,
    )


def chosen(corpus: Corpus, sides: NDArray[np.float64], number: int, ham_only: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows take part when that source is left out: whole templates, so that copies stay together."""
    here = corpus.sources == number
    ham, spam = ~here & ~corpus.spam, ~here & corpus.spam & ~np.isin(np.array(corpus.source_names()), ham_only)
    taken = here & ~corpus.spam
    for group, most in ((ham, MOST_LEARNT), (spam, MOST_LEARNT), (here & corpus.spam, MOST_ASKED)):
        taken |= group & (sides < _share(sides[group], most))
    return np.asarray(taken)


def all_sides(corpus: Corpus) -> NDArray[np.float64]:
    """The side of each comment, for `of_blog`."""
    return np.array([side(comment) for comment in corpus.comments])


def _share(sides: NDArray[np.float64], most: int) -> float:
    """The side below which at most that many lie."""
    return 2.0 if len(sides) <= most else float(np.sort(sides)[most])
