"""Repetition: its weights, fitted on the dated sources in time order, and the spam that it adds on sites held out.

Each site is replayed by the dates of its comments, as a separate installation. Labels are simulated: a moderator
decides, a day later, all comments in the grey zone of the model and a twentieth of the others. A logistic regression
gives the weights, none of them negative. Its offset is the logit of a model that has not seen the site.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks import data
from benchmarks.rows import Row, figure
from moderation.features.parsed_comment import ParsedComment
from moderation.features.traits import TRAIT_KINDS, Trait, find_traits
from moderation.scoring.repetition import MAX_APPEARANCES, MAX_WEIGHT, Appearance, TraitHistory, find_repeats
from moderation.training.corpus import Corpus
from moderation.training.fitting import build_training_set, out_of_fold_logits
from moderation.training.folds import number_sites
from moderation.training.recipe import Recipe

L2_PENALTY = 1.0
MAX_WEIGHTED_SPAM = 600.0
"""Comments that the spam of one site counts as at most, so that no single campaign decides."""
LABEL_DELAY_MINUTES = 24 * 60
GREY_ZONE = (0.0, 4.0)
"""Logits of the comments that the simulated moderator decides."""
OTHER_LABELS_EVERY = 20
HAM_RATES = {"caught": 0.01, "blocked": 0.001}
"""Share of the other sites' ham above the threshold at which the spam of a site is counted."""
MIN_SPAM = 30

Numbers = NDArray[np.float64]


class _Dated(NamedTuple):
    """A comment of the corpus with its minute, counted from 1970."""

    row: int
    minute: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The scored comments of all sites: counts by kind of trait and of spam labels, site, label and logit."""

    counts: Numbers
    sites: NDArray[np.str_]
    spam: NDArray[np.bool_]
    logits: Numbers

    def evidence(self, weights: Numbers) -> Numbers:
        """Return the sum of the weights of each comment, up to `MAX_WEIGHT`."""
        return np.minimum(np.log2(1 + self.counts) @ weights, MAX_WEIGHT)


def measure(logits_file: Path | None = None) -> list[Row]:
    """Return the weights, and the points of spam and ham that they add on each site held out.

    `logits_file` has the arrays `source`, `id` and `logits` of an earlier run. Without it, a model is trained without
    each site, which takes half an hour.
    """
    folder = data.folder()
    if folder is None:
        return data.no_folder("spam that repetition adds on dated sources")
    recipe = Recipe.from_file(data.RECIPE)
    corpus = data.read_all(folder)
    logits = _read_logits(logits_file) if logits_file else _fit_logits(corpus, recipe)
    replay = replay_sites(corpus, recipe, logits)
    weights = fit_weights(replay, np.ones(len(replay.spam), dtype=bool))
    names = (*TRAIT_KINDS, "spam labels")
    return [
        *[figure(f"weight of {name}", weight, "logit") for name, weight in zip(names, weights.tolist(), strict=True)],
        *_gains(replay),
    ]


def replay_sites(corpus: Corpus, recipe: Recipe, logits: dict[tuple[str, str], float]) -> Replay:
    """Replay every site with dates in time order, and return all comments with a logit.

    A comment without logit is an appearance. One without date repeats nothing.
    """
    names = np.array(corpus.source_names())
    scores = np.array([logits.get(key, np.nan) for key in zip(names.tolist(), corpus.ids, strict=True)])
    sites = number_sites(corpus, recipe.sites)
    counts = np.zeros((len(scores), len(TRAIT_KINDS) + 1))
    for dated in _dated_sites(corpus, sites):
        for row, found in _replay(corpus, dated, scores):
            counts[row] = found
    scored = ~np.isnan(scores)
    site_names = np.array([names[sites == site][0] for site in range(sites.max() + 1)])[sites]
    return Replay(counts[scored], site_names[scored], corpus.spam[scored], scores[scored])


def fit_weights(replay: Replay, rows: NDArray[np.bool_]) -> Numbers:
    """Return the weights of the kinds of traits, then that of spam labels, fitted on some of the comments."""
    features, spam, offset = np.log2(1 + replay.counts[rows]), replay.spam[rows], replay.logits[rows]
    signs = np.where(spam, 1.0, -1.0)
    importance = np.ones(len(spam))
    for site in np.unique(replay.sites[rows]):
        of_site = spam & (replay.sites[rows] == site)
        importance[of_site] = min(1.0, MAX_WEIGHTED_SPAM / max(1, of_site.sum()))

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        margins = signs * (offset + features @ weights)
        slopes = -importance * signs * expit(-margins)
        value = (importance * np.logaddexp(0, -margins)).sum() + L2_PENALTY * (weights**2).sum()
        return float(value), features.T @ slopes + 2 * L2_PENALTY * weights

    start = np.zeros(features.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    return np.asarray(found.x)


def _gains(replay: Replay) -> list[Row]:
    """Return the points of spam and of ham above thresholds of the other sites that repetition adds, by site."""
    rows: list[Row] = []
    gained: dict[str, list[float]] = defaultdict(list)
    for site in dict.fromkeys(replay.sites[replay.counts.any(axis=1)].tolist()):
        here = replay.sites == site
        scores = {False: replay.logits, True: replay.logits + replay.evidence(fit_weights(replay, ~here))}
        for name, rate in HAM_RATES.items():
            above = {}
            for is_with, score in scores.items():
                threshold = np.quantile(score[~here & ~replay.spam], 1 - rate)
                above[is_with] = score > threshold
            for label, mask in (("spam", here & replay.spam), ("ham", here & ~replay.spam)):
                if mask.sum() < MIN_SPAM:
                    continue
                without, with_it = (100 * above[is_with][mask].mean() for is_with in (False, True))
                gained[f"{label} {name}"].append(with_it - without)
                title = f"{site} left out: {label} {name}, points gained over {without:.1f} %"
                rows.append(figure(title, with_it - without, "points"))
    means = [
        figure(f"mean of all sites: {key}, points gained", float(np.mean(gained[key])), "points") for key in gained
    ]
    return [*rows, *means]


def _dated_sites(corpus: Corpus, sites: NDArray[np.int64]) -> Iterator[list[_Dated]]:
    """Yield the dated comments of each site that has any, in time order. The dates of the starter are invented."""
    starter = np.array(corpus.source_names()) == data.STARTER.stem
    written = pd.Series([comment.date or None for comment in corpus.comments]).mask(starter)
    dates = pd.to_datetime(written, utc=True, format="mixed", errors="coerce")
    for site in np.unique(sites[dates.notna().to_numpy()]).tolist():
        of_site = dates[(sites == site) & dates.notna().to_numpy()].sort_values(kind="stable")
        yield [_Dated(int(row), int(date.timestamp()) // 60) for row, date in of_site.items()]


def _replay(corpus: Corpus, dated: list[_Dated], scores: Numbers) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield each comment of a site with the counts of its repetition and of the spam labels on its traits."""
    seen: dict[Trait, tuple[Appearance, ...]] = defaultdict(tuple)
    labels: dict[Trait, list[int]] = defaultdict(lambda: [0, 0])
    pending: list[tuple[int, list[Trait], bool]] = []
    for row, minute in dated:
        while pending and pending[0][0] <= minute:
            _, labelled, is_spam = pending.pop(0)
            for trait in labelled:
                labels[trait][is_spam] += 1
        parsed = ParsedComment(corpus.comments[row])
        appearance = Appearance(minute, 1, _number(parsed.comment.context or ""), _number(parsed.author))
        traits = find_traits(parsed)
        histories = [TraitHistory(trait.kind, seen[trait], *labels[trait]) for trait in traits]
        yield row, _counts(histories, appearance)
        for trait in traits:
            seen[trait] = (appearance, *seen[trait])[:MAX_APPEARANCES]
        if GREY_ZONE[0] < scores[row] < GREY_ZONE[1] or row % OTHER_LABELS_EVERY == 0:
            pending.append((minute + LABEL_DELAY_MINUTES, traits, bool(corpus.spam[row])))


def _counts(histories: Sequence[TraitHistory], appearance: Appearance) -> Sequence[int]:
    counts = dict.fromkeys(TRAIT_KINDS, 0)
    for history in histories:
        counts[history.kind] = max(counts[history.kind], find_repeats(history, appearance).authors)
    spam_labels = [history.spam_labels for history in histories if not history.ham_labels]
    return [*counts.values(), max(spam_labels, default=0)]


def _number(text: str) -> int:
    return 1 + crc32(text.encode("utf-8", "surrogatepass")) if text else 0


def _read_logits(path: Path) -> dict[tuple[str, str], float]:
    with np.load(path) as arrays:
        keys = zip(arrays["source"].tolist(), arrays["id"].tolist(), strict=True)
        return dict(zip(keys, arrays["logits"].tolist(), strict=True))


def _fit_logits(corpus: Corpus, recipe: Recipe) -> dict[tuple[str, str], float]:
    """Return the logit of each comment by a model trained without its site."""
    training_set = build_training_set(corpus, recipe, print)
    kept = training_set.corpus
    sites = number_sites(kept, recipe.sites)
    folds = [sites == site for site in np.unique(sites)]
    logits = out_of_fold_logits(training_set, folds, training_set.fit_folds(folds, recipe))
    return dict(zip(zip(kept.source_names(), kept.ids, strict=True), logits.tolist(), strict=True))
