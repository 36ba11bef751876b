"""From a corpus to a model."""

from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidCorpus
from moderation.registry.model_card import ModelCard
from moderation.training.calibration import choose_thresholds, pool_small_sites
from moderation.training.corpus import Corpus, SourceFile
from moderation.training.evaluation import metrics
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.fitting import build_training_set, ham_by_site, train
from moderation.training.folds import source_folds
from moderation.training.model_cards import build_card
from moderation.training.recipe import Recipe
from moderation.training.relabelling import NOTHING_RELABELLED
from moderation.training.sample_weights import sample_weights
from tests.models import concatenate, ignore, small_result


def test_the_same_corpus_and_recipe_give_the_same_model(starter: Corpus) -> None:
    """Training twice gives equal arrays, to the last bit."""
    recipe = Recipe(folds=3)
    again = train(build_training_set(starter, recipe, ignore, ONE_PROCESSOR), recipe, ignore, ONE_PROCESSOR).arrays()
    first = small_result().arrays()
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_a_small_model_separates_unseen_templates() -> None:
    """On held-out templates of the starter corpus, the model catches most spam and loses hardly any ham."""
    trained = small_result()
    corpus = trained.training_set.corpus
    recipe = Recipe(review_max_rate=0.015, spam_max_rate=0.001)
    thresholds = choose_thresholds(ham_by_site(corpus, trained.out_of_fold, recipe), recipe)
    values = metrics(trained.out_of_fold, corpus.spam, thresholds)
    assert values["roc_auc"] > 0.95
    assert values["caught"] > 0.7
    assert values["lost"] <= 0.005


def test_copies_that_borrow_from_a_held_out_source_are_held_out_too(starter: Corpus) -> None:
    """Names and links of a held-out source must not reach the model through augmented copies."""
    sources = np.arange(len(starter.comments)) % 2
    corpus = replace(starter, sources=sources, source_files=[SourceFile("a", "", 1, 1), SourceFile("b", "", 1, 1)])
    training_set = build_training_set(corpus, Recipe(folds=2), ignore, ONE_PROCESSOR)
    assert (training_set.donors == 1).any()
    without = training_set.without_source(1)
    assert not (without.donors == 1).any()
    assert not (without.corpus.sources == 1).any()


def test_a_higher_idf_power_favours_rare_columns(starter: Corpus) -> None:
    """The proportion of the weight in frequent columns falls."""
    training_set = build_training_set(starter, Recipe(), ignore, ONE_PROCESSOR)
    nothing = np.zeros(len(training_set.corpus.comments), dtype=bool)
    models = [training_set.fit_without(nothing, Recipe(idf_power=idf_power)) for idf_power in (0.0, 1.0)]
    frequencies = np.bincount(
        np.concatenate([part.hashed.indices for part in training_set.augmented]), minlength=len(models[0].weights)
    )
    frequent = frequencies > np.quantile(frequencies[frequencies > 1], 0.99)
    proportions = [np.abs(model.weights[frequent]).sum() / np.abs(model.weights).sum() for model in models]
    assert proportions[1] < proportions[0]


def test_the_recipe_weighs_ham_against_spam() -> None:
    """All spam weighs half a comment for each comment of the corpus. A source of four ham weighs twice one of one."""
    spam, sources = np.arange(9) < 4, np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
    weights = sample_weights(spam, sources, ham_weight=3.0)
    assert weights[spam].sum() == pytest.approx(4.5) and weights[~spam].sum() == pytest.approx(13.5)
    assert weights[5:].sum() == pytest.approx(2 * weights[4])


def test_a_comment_weighs_as_many_as_it_stands_for() -> None:
    """A source of 100 ham of which one stands for 5 others weighs as one of 104; no count is above the root of 100."""
    spam, sources = np.zeros(104, dtype=bool), np.repeat([0, 1], [100, 4])
    for count, counted in ((5.0, 5.0), (1e6, 10.0)):
        weights = sample_weights(spam, sources, counts=np.where(np.arange(104) == 7, count, 1.0))
        assert weights[7] == pytest.approx(counted * weights[0])
        assert weights[:100].sum() / weights[100:].sum() == pytest.approx(np.sqrt((99 + counted) / 4))
    assert np.array_equal(sample_weights(spam, sources, counts=np.ones(104)), sample_weights(spam, sources))


def test_the_weight_of_a_comment_changes_the_fit(starter: Corpus) -> None:
    """Spam words that a single heavy ham comment has, as one that the audit drew, are forgiven."""
    corpus = starter.where(np.arange(len(starter.comments)) % 8 == 0)
    row = int(np.flatnonzero(~corpus.spam)[0])
    heavy = replace(corpus, weights=np.where(np.arange(len(corpus.comments)) == row, 1e6, 1.0))
    logits = []
    for labelled in (corpus, heavy):
        training_set = build_training_set(labelled, Recipe(), ignore, ONE_PROCESSOR)
        nothing = np.zeros(len(training_set.corpus.comments), dtype=bool)
        at = training_set.corpus.ids.index(corpus.ids[row])
        logits.append(training_set.fit_without(nothing, Recipe()).logits(training_set.plain)[at])
    assert logits[1] < logits[0] - 0.1


def test_too_few_comments_are_refused(starter: Corpus) -> None:
    """A corpus with fewer than 20 comments of a label is invalid."""
    few = starter.where(np.arange(len(starter.comments)) < 25)
    with pytest.raises(InvalidCorpus, match="at least 20 of each label"):
        build_training_set(few, Recipe(), ignore, ONE_PROCESSOR)


def test_spam_of_ham_only_sources_is_dropped(starter: Corpus) -> None:
    """The recipe can use a source's ham without its spam."""
    offer, numbers = [Comment("unlike any other offer of shoes")], np.array([1])
    source_files = [*starter.source_files, SourceFile("platform", "", 1, 0)]
    both = concatenate(starter, Corpus(offer, ["x"], numbers > 0, numbers, source_files, -numbers))
    training_set = build_training_set(both, Recipe(ham_only=("platform",)), ignore, ONE_PROCESSOR)
    assert not (training_set.corpus.sources == 1).any()


def test_thresholds_are_chosen_from_the_ham_of_sites(starter: Corpus) -> None:
    """Sources of one site count as one, other registers do not count, unless there is nothing else."""
    sources = np.arange(len(starter.comments)) % 4
    corpus = replace(starter, sources=sources, source_files=[SourceFile(name, "", 1, 1) for name in "abcd"])
    recipe = Recipe(sites={"b": "a"}, other_registers=("d",))
    scores = np.arange(len(sources), dtype=float)
    ham = ~corpus.spam
    expected = [scores[ham & (sources < 2)], scores[ham & (sources == 2)]]
    for counted, site in zip(ham_by_site(corpus, scores, recipe), expected, strict=True):
        assert np.array_equal(counted, site)
    assert len(ham_by_site(corpus, scores, replace(recipe, other_registers=tuple("abcd")))) == 3


def test_each_site_of_a_file_is_a_site(starter: Corpus) -> None:
    """A label log of many sites is one file; a comment without a site belongs to the site of its file."""
    sites = np.arange(len(starter.comments)) % 3 - 1
    corpus = replace(starter, sites=sites, site_urls=["https://a.example", "https://b.example"])
    scores, ham = np.arange(len(sites), dtype=float), ~corpus.spam
    expected = [scores[ham & (sites == site)] for site in (-1, 0, 1)]
    assert all(map(np.array_equal, ham_by_site(corpus, scores, Recipe()), expected))
    for fold in source_folds(corpus, 4):
        assert len({*sites[fold]} & {*sites[~fold]}) == 0


def test_a_model_of_many_sites_has_general_guarantees(starter: Corpus) -> None:
    """They are those of its thresholds, and its card has them. A model of one site has none."""
    assert (small_result().general_guarantees, small_result().site_count) == (None, 1)
    sources = np.arange(len(starter.comments)) % 6
    corpus = replace(starter, sources=sources, source_files=[SourceFile(name, "", 1, 1) for name in "abcdef"])
    recipe = Recipe(folds=2, max_iter=40, review_coverage=0.6, spam_coverage=0.6, discard_coverage=0.6)
    trained = train(build_training_set(corpus, recipe, ignore, ONE_PROCESSOR), recipe, ignore, ONE_PROCESSOR)
    guarantees = trained.general_guarantees
    ham = ham_by_site(trained.training_set.corpus, trained.out_of_fold, recipe)
    assert trained.site_count == len([site for site in pool_small_sites(ham) if len(site) >= 300])
    assert guarantees and guarantees.spam.sites == len(pool_small_sites(ham)) > 1
    assert guarantees.spam.threshold == trained.thresholds.spam
    card = build_card("sites", corpus, trained, recipe, NOTHING_RELABELLED)
    assert ModelCard.from_json(card.to_json(), "sites").general_guarantees == guarantees
