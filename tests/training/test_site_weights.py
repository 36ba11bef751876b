"""A site with enough labels gets its own weights."""

from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from moderation.training.corpus import Corpus, SourceFile
from moderation.training.design_matrix import build_matrix
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.fitting import TrainingResult, build_training_set, train
from moderation.training.recipe import Recipe
from tests.models import ODD_SITE, concatenate, ignore, odd_corpus, odd_labels, odd_model, odd_result

QUICK = Recipe(folds=2)


def train_quickly(corpus: Corpus, recipe: Recipe = QUICK) -> TrainingResult:
    return train(build_training_set(corpus, recipe, ignore, ONE_PROCESSOR), recipe, ignore, ONE_PROCESSOR)


def test_the_labels_of_a_site_change_its_scores_and_no_others() -> None:
    """Unseen comments are scored by the site's labels at the site, and by the shared labels elsewhere."""
    model = odd_model()
    unseen = list(odd_labels(60))[-20:]
    labels = [spam for _, spam in unseen]
    parsed = [ParsedComment(comment) for comment, _ in unseen]
    site_model = model.for_site(ODD_SITE)
    assert [score(site_model, comment).probability > 0.5 for comment in parsed] == labels
    elsewhere = [score(model, comment).probability > 0.5 for comment in parsed]
    assert sum(verdict != spam for verdict, spam in zip(elsewhere, labels, strict=True)) >= 18


def test_site_metrics_are_out_of_fold() -> None:
    """Each comment at the site has a probability by weights that had not seen it; other comments have none."""
    trained = odd_result()
    corpus = trained.training_set.corpus
    at_site = corpus.sites == 0
    assert np.isnan(trained.site_out_of_fold[~at_site]).all()
    assert ((trained.site_out_of_fold[at_site] > 0.5) == corpus.spam[at_site]).mean() > 0.9


def test_served_site_weights_equal_the_trained_ones() -> None:
    """The logits differ by the rounding to half floats alone."""
    linear = odd_result().linear.for_site(0)
    for comment in (Comment("Cheap shoes, thank you"), Comment("hello", author="Mia", url="https://mia.example")):
        trained = linear.logits(build_matrix([comment], ONE_PROCESSOR))[0]
        assert score(odd_model().for_site(ODD_SITE), ParsedComment(comment)).logit == pytest.approx(trained, abs=0.05)


def test_two_sites_can_have_opposite_labels() -> None:
    """Each site is scored by its own labels."""
    corpus = odd_corpus()
    odd = corpus.where(corpus.sites == 0)
    urls = [ODD_SITE, "https://even.example"]
    even = replace(odd, spam=~odd.spam, sites=np.ones_like(odd.sites), site_urls=urls)
    linear = train_quickly(concatenate(corpus, even)).linear
    unseen = list(odd_labels(60))[-20:]
    matrix, spam = (
        build_matrix([comment for comment, _ in unseen], ONE_PROCESSOR),
        np.array([spam for _, spam in unseen]),
    )
    assert ((linear.for_site(0).logits(matrix) > 0) == spam).mean() >= 0.9
    assert ((linear.for_site(1).logits(matrix) > 0) == ~spam).mean() >= 0.9


def test_contradictory_labels_give_no_site_weights() -> None:
    """If a site's weights do not predict its comments, the shared weights stay in use."""
    corpus = odd_corpus()
    at_site = np.flatnonzero(corpus.sites == 0)
    spam = corpus.spam.copy()
    spam[at_site] = np.random.default_rng(7).permutation(spam[at_site])
    messages: list[str] = []
    training_set = build_training_set(replace(corpus, spam=spam), QUICK, ignore, ONE_PROCESSOR)
    trained = train(training_set, QUICK, messages.append, ONE_PROCESSOR)
    assert not trained.linear.weights_by_site and np.isnan(trained.site_out_of_fold).all()
    assert f"{ODD_SITE} uses the shared weights: its own weights were no better on its comments." in messages


def test_a_comment_in_two_exports_counts_once() -> None:
    """Last month's export beside this month's adds no comments, so it cannot reach the minimum for site weights."""
    corpus = odd_corpus(15)
    again = corpus.where(corpus.sites == 0)
    older = [*corpus.source_files, SourceFile("older", "", 15, 15)]
    twice = concatenate(corpus, replace(again, sources=np.full_like(again.sources, 4), source_files=older))
    once, doubled = (build_training_set(labelled, QUICK, ignore, ONE_PROCESSOR) for labelled in (corpus, twice))
    assert len(doubled.corpus.comments) == len(once.corpus.comments)
    assert (doubled.sites == -1).all()


def test_training_twice_gives_the_same_site_weights() -> None:
    """To the last bit."""
    (_, first), (_, second) = (train_quickly(odd_corpus()).arrays()["weights_by_site"][0] for _ in range(2))
    assert all(np.array_equal(value, again) for value, again in zip(first, second, strict=True))


@pytest.mark.parametrize("recipe", [QUICK, replace(QUICK, site_C=0.0)])
def test_without_site_weights_the_site_of_a_comment_changes_nothing(recipe: Recipe) -> None:
    """With 19 comments of a label, or a recipe without site weights, the model equals one of comments without sites."""
    corpus = odd_corpus(19 if recipe is QUICK else 20)
    without_sites = replace(corpus, sites=np.full(len(corpus.sites), -1))
    arrays, expected = (train_quickly(labelled, recipe).arrays() for labelled in (corpus, without_sites))
    assert "weights_by_site" not in arrays and arrays.keys() == expected.keys()
    assert all(np.array_equal(arrays[name], expected[name]) for name in arrays)


def test_a_single_site_has_no_site_weights() -> None:
    """Its own weights would equal the shared ones."""
    corpus = odd_corpus()
    trained = train_quickly(corpus.where(corpus.sites == 0))
    assert not trained.linear.weights_by_site and np.isnan(trained.site_out_of_fold).all()
