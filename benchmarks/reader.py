"""What a second reader changes on unseen sites: the sources of each site of the data folder are held out in turn.

Neither the linear model of a source nor its reader was trained on its site. Limits, band and thresholds come from the
other sites. The same comments are judged with the reader and without it, each at its own thresholds.

The readers are trained first, which takes an hour. With `--checkpoints FOLDER` an interrupted run goes on, and
`moderation train-reader` with the same folder goes on from there to the whole model.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from benchmarks import data, reader_states
from benchmarks.quality import MAX_SHARED, MIN_SPAM, is_blog, is_relabelled
from benchmarks.reader_states import SiteHam
from benchmarks.rows import BUILD, ROOT, Row, at_least, at_most, figure, unmeasured
from benchmarks.shared_templates import shared_rates
from moderation.domain.errors import InvalidInput
from moderation.domain.thresholds import Thresholds
from moderation.training.calibration import choose_thresholds
from moderation.training.composition import COMPOSED_COUNT, compose
from moderation.training.corpus import Corpus
from moderation.training.evaluation import caught_at, rates
from moderation.training.fitting import ham_by_site
from moderation.training.folds import number_sites
from moderation.training.reader.combination import add_reader, combine
from moderation.training.reader.recipe import ReaderRecipe
from moderation.training.recipe import Recipe

READER_RECIPE = ROOT / "data" / "reader-recipe.toml"
COMPOSED = ROOT / "data" / "composed"
MIN_MORE_CAUGHT, MIN_MORE_BLOCKED = 0.05, 0.08
MIN_AUC = 0.985
MAX_LOSS_OF_LANGUAGE = 0.01
MIN_OF_LANGUAGE = 40

_SIX = ("sm_andrejbauer", "sm_archivefever", "sm_buildtimes", "sm_hashtafak", "sm_popcorn", "sm_yasoob")
"""Six modern sources, judged together with the ham of `_THEIR_HAM`."""
_THEIR_HAM = "blog_lemire"

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """A source as models without its site judge it: probabilities and thresholds, with the reader and without.

    `asked` marks the comments that the reader was asked about.
    """

    name: str
    rows: NDArray[np.int64]
    spam: Mask
    together: Floats
    alone: Floats
    asked: Mask
    thresholds: Thresholds
    thresholds_alone: Thresholds

    @property
    def ham(self) -> SiteHam:
        """The ham, for the guarantees."""
        columns = np.stack([self.together, self.alone, self.asked], axis=1)
        return SiteHam(self.name, columns[~self.spam], self.thresholds_alone)

    def figures(self, verb: str) -> tuple[float, float]:
        """Return a rate by its name in `Rates`, with the reader and without."""
        return (
            float(getattr(rates(self.together, self.spam, self.thresholds), verb)),
            float(getattr(rates(self.alone, self.spam, self.thresholds_alone), verb)),
        )


def measure(checkpoints: Path | None = None) -> list[Row]:
    """Train the readers and return the figures. Their logits go to `build/bench/reader.npz`."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("spam caught and ham lost with a second reader on sources held out in turn")
    try:
        from moderation.training.reader.pretrained import PretrainedWeights
        from moderation.training.reader.training import ReaderTrainer, ScoredComments

        base = PretrainedWeights.installed()
    except (ModuleNotFoundError, InvalidInput) as error:
        return [unmeasured("a second reader on unseen sites", str(error))]
    reader_recipe = ReaderRecipe.from_file(READER_RECIPE)
    scored = ScoredComments.of(data.read_all(folder), Recipe.from_file(data.RECIPE), print)
    composed = compose(COMPOSED, reader_recipe.seed, COMPOSED_COUNT)
    BUILD.mkdir(parents=True, exist_ok=True)
    trainer = ReaderTrainer(scored, composed, reader_recipe, base, checkpoints or BUILD / "reader", print)
    trainer.checkpoints.mkdir(parents=True, exist_ok=True)
    read = trainer.read_out_of_fold()
    if checkpoints is None:
        trainer.remove_checkpoints()
    np.savez(BUILD / "reader.npz", logits=scored.logits, read=read)
    return compare(scored.corpus, scored.logits, read, scored.recipe, reader_recipe)


def compare(corpus: Corpus, logits: Floats, read: Floats, recipe: Recipe, reader_recipe: ReaderRecipe) -> list[Row]:
    """Return the figures of comments with and without what readers without their sites said; arguments of `combine`."""
    sites = number_sites(corpus, recipe.sites)
    relabelled = is_relabelled(corpus)
    sources = [
        source
        for site in np.unique(sites)
        for source in _hold_out(corpus, sites == site, relabelled, logits, read, recipe, reader_recipe)
    ]
    shared = shared_rates(corpus, sites)
    return [
        *_source_rows(sources),
        *_mean_rows(sources, {name for name, rate in shared.items() if rate < MAX_SHARED}),
        *_ranking_rows(sources),
        *_language_rows(sources, np.array([comment.lang or "" for comment in corpus.comments])),
        *reader_states.measure([source.ham for source in sources], recipe),
    ]


def _hold_out(
    corpus: Corpus,
    site: Mask,
    relabelled: Mask,
    logits: Floats,
    read: Floats,
    recipe: Recipe,
    reader_recipe: ReaderRecipe,
) -> Iterator[HeldOut]:
    """Yield the sources of a site, with all that is chosen from the other sites."""
    rest = corpus.where(~site)
    combination = combine(rest, logits[~site], read[~site], recipe, reader_recipe)
    alone = choose_thresholds(ham_by_site(rest, expit(logits[~site]), recipe), recipe)
    for number in np.unique(corpus.sources[site]).tolist():
        rows = np.flatnonzero((corpus.sources == number) & ~relabelled)
        yield HeldOut(
            corpus.source_files[number].source,
            rows,
            corpus.spam[rows],
            expit(add_reader(combination.doubt, logits[rows], read[rows])),
            expit(logits[rows]),
            combination.doubt.covers(logits[rows]),
            combination.thresholds,
            alone,
        )


def _source_rows(sources: Sequence[HeldOut]) -> list[Row]:
    rows = []
    for source in sources:
        verbs = [verb for verb, count in _counts(source).items() if count >= MIN_SPAM]
        for verb in verbs:
            together, alone = source.figures(verb)
            rows.append(figure(f"{source.name} left out: {verb} with the reader", together, "proportion"))
            rows.append(figure(f"{source.name} left out: {verb} without", alone, "proportion"))
        for name, label in (("spam", source.spam), ("ham", ~source.spam)):
            if label.any():
                share = float(source.asked[label].mean())
                rows.append(figure(f"{source.name} left out: asked about {name}", share, "proportion"))
    return rows


def _counts(source: HeldOut) -> dict[str, int]:
    """Return the number of comments that each rate is of."""
    spam = int(source.spam.sum())
    ham = len(source.spam) - spam
    return {"caught": spam, "blocked": spam, "lost": ham, "held": ham}


def _mean_rows(sources: Sequence[HeldOut], unshared: Collection[str]) -> list[Row]:
    blogs = [source for source in sources if is_blog(source.name)]
    spammed = [source for source in blogs if source.spam.sum() >= MIN_SPAM]
    rows = []
    for name, group in (
        (f"{len(spammed)} sources of blogs", spammed),
        ("those of them that share few templates", [source for source in spammed if source.name in unshared]),
    ):
        for verb, bar in (("caught", MIN_MORE_CAUGHT), ("blocked", MIN_MORE_BLOCKED)):
            rows += _means(group, f"{name}: spam {verb}, mean", verb)
            more = fmean(together - alone for together, alone in (source.figures(verb) for source in group))
            rows.append(at_least(f"{name}: more spam {verb}, mean", more, bar, "proportion"))
    with_ham = [source for source in blogs if not source.spam.all()]
    for verb in ("lost", "held"):
        rows += _means(with_ham, f"{len(with_ham)} sources of blogs: ham {verb}, mean", verb)
        more = fmean(together - alone for together, alone in (source.figures(verb) for source in with_ham))
        rows.append(at_most(f"{len(with_ham)} sources of blogs: more ham {verb}, mean", more, 0.0, "proportion"))
    return rows


def _means(sources: Sequence[HeldOut], name: str, verb: str) -> list[Row]:
    figures = [source.figures(verb) for source in sources]
    return [
        figure(f"{name}, with the reader", fmean(together for together, _ in figures), "proportion"),
        figure(f"{name}, without", fmean(alone for _, alone in figures), "proportion"),
    ]


def _ranking_rows(sources: Sequence[HeldOut]) -> list[Row]:
    """Return how well the scores of several sources rank spam above ham, all in one list."""
    six = [source for source in sources if source.name in (*_SIX, _THEIR_HAM)]
    blogs = [source for source in sources if is_blog(source.name)]
    rows = []
    for name, group, bar in (
        (f"{len(_SIX)} modern sources and {_THEIR_HAM}", six, MIN_AUC),
        ("all blogs", blogs, None),
    ):
        spam = np.concatenate([source.spam for source in group])
        together = np.concatenate([source.together for source in group])
        alone = np.concatenate([source.alone for source in group])
        for state, scores, least in (("with the reader", together, bar), ("without", alone, None)):
            title, area = f"{name}, {state}", float(roc_auc_score(spam, scores))
            area_name = f"{title}: ROC AUC"
            rows.append(figure(area_name, area, "area") if least is None else at_least(area_name, area, least, "area"))
            for max_lost in (0.005, 0.01, 0.02):
                caught = caught_at(scores, spam, max_lost)
                rows.append(figure(f"{title}: caught at {100 * max_lost:g} % ham loss", caught, "proportion"))
    return rows


def _language_rows(sources: Sequence[HeldOut], languages: NDArray[np.str_]) -> list[Row]:
    """Compare the spam caught and the ham lost in each language, at the thresholds of each source."""
    by_language: dict[str, list[tuple[bool, bool, bool]]] = {}
    for source in sources:
        caught = source.together >= source.thresholds.review, source.alone >= source.thresholds_alone.review
        lost = source.together >= source.thresholds.spam, source.alone >= source.thresholds_alone.spam
        for row, language in enumerate(languages[source.rows].tolist()):
            together, alone = caught if source.spam[row] else lost
            by_language.setdefault(language or "unknown", []).append(
                (bool(source.spam[row]), bool(together[row]), bool(alone[row]))
            )
    rows = []
    for language, judged in sorted(by_language.items()):
        for name, label, sign in (("spam caught", True, 1), ("ham lost", False, -1)):
            chosen = [(together, alone) for spam, together, alone in judged if spam is label]
            if len(chosen) >= MIN_OF_LANGUAGE:
                together, alone = (fmean(each) for each in zip(*chosen, strict=True))
                rows.append(figure(f"{language}: {name} with the reader ({len(chosen)})", together, "proportion"))
                better = sign * (together - alone)
                rows.append(at_least(f"{language}: {name}, better", better, -MAX_LOSS_OF_LANGUAGE, "proportion"))
    return rows
