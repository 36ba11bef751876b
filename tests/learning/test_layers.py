"""A site with labels enough has weights of its own."""

from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.learning.corpus import Corpus, Origin
from moderation.learning.lines import calibrate, calibrate_few
from moderation.learning.matrix import build_matrix
from moderation.learning.recipe import Recipe
from moderation.learning.training import Trained, prepare, train
from moderation.scoring.model import score
from tests.models import ODD_SITE, beside, ignore, odd_corpus, odd_labels, odd_model, odd_trained

QUICK = Recipe(folds=2)


def quickly(corpus: Corpus, recipe: Recipe = QUICK) -> Trained:
    return train(prepare(corpus, recipe, ignore, jobs=1), recipe, ignore, jobs=1)


def test_a_site_goes_its_own_way_and_takes_nobody_along() -> None:
    """What its people say is right for the site, of comments that were never seen; elsewhere the others are right."""
    model = odd_model()
    unseen = list(odd_labels(60))[-20:]
    assert [score(model.at(ODD_SITE), comment).probability > 0.5 for comment, _ in unseen] == [
        spam for _, spam in unseen
    ]
    elsewhere = [score(model, comment).probability > 0.5 for comment, _ in unseen]
    assert sum(said != spam for said, (_, spam) in zip(elsewhere, unseen, strict=True)) >= 18


def test_the_figures_at_home_are_those_of_unseen_templates() -> None:
    """Each comment of the site has a probability by weights that had not seen it; those of no site have none."""
    trained = odd_trained()
    corpus = trained.bench.corpus
    here = corpus.sites == 0
    assert np.isnan(trained.at_home[~here]).all()
    assert ((trained.at_home[here] > 0.5) == corpus.spam[here]).mean() > 0.9


def test_a_site_is_served_as_it_was_evaluated() -> None:
    """Its weights are those that were measured, but for their rounding."""
    linear = odd_trained().linear.at(0)
    for comment in (Comment("Cheap shoes, thank you"), Comment("hello", author="Mia", url="https://mia.example")):
        evaluated = linear.logits(build_matrix([comment], jobs=1))[0]
        assert score(odd_model().at(ODD_SITE), comment).logit == pytest.approx(evaluated, abs=0.05)


def test_two_sites_may_want_opposite_things() -> None:
    """Each has what it asked for."""
    corpus = odd_corpus()
    odd = corpus.where(corpus.sites == 0)
    sites = [ODD_SITE, "https://even.example"]
    trained = quickly(beside(corpus, replace(odd, spam=~odd.spam, sites=np.ones_like(odd.sites), site_urls=sites)))
    unseen = list(odd_labels(60))[-20:]
    matrix, spam = build_matrix([comment for comment, _ in unseen], jobs=1), np.array([spam for _, spam in unseen])
    assert ((trained.linear.at(0).logits(matrix) > 0) == spam).mean() >= 0.9
    assert ((trained.linear.at(1).logits(matrix) > 0) == ~spam).mean() >= 0.9


def test_labels_that_contradict_each_other_teach_nothing() -> None:
    """Where a site's own weights say next to nothing of its comments, those of all go on judging them."""
    corpus = odd_corpus()
    here = np.flatnonzero(corpus.sites == 0)
    spam = corpus.spam.copy()
    spam[here] = np.random.default_rng(7).permutation(spam[here])
    said: list[str] = []
    trained = train(prepare(replace(corpus, spam=spam), QUICK, ignore, jobs=1), QUICK, said.append, jobs=1)
    assert not trained.linear.layers and np.isnan(trained.at_home).all()
    assert f"{ODD_SITE} has the weights of all: its own did no better on its comments." in said


def test_what_was_exported_twice_counts_once() -> None:
    """Last month's export beside this month's: the same comments of a site are no more comments."""
    corpus = odd_corpus(15)
    again = corpus.where(corpus.sites == 0)
    older = [*corpus.origins, Origin("older", "", 15, 15)]
    twice = beside(corpus, replace(again, sources=np.full_like(again.sources, 4), origins=older))
    once, bench = (prepare(one, QUICK, ignore, jobs=1) for one in (corpus, twice))
    assert len(bench.corpus.comments) == len(once.corpus.comments)
    assert (bench.corpus.sites == -1).all()


def test_training_twice_gives_the_same_layer() -> None:
    """To the last bit."""
    (_, first), (_, again) = (quickly(odd_corpus()).arrays()["layers"][0] for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("recipe", [QUICK, replace(QUICK, site_strength=0.0)])
def test_without_labels_enough_a_site_is_like_all_others(recipe: Recipe) -> None:
    """With 19 of a label, or by a recipe that wants no layers, the model is what it is without any site named."""
    corpus = odd_corpus(19 if recipe is QUICK else 20)
    nowhere = replace(corpus, sites=np.full(len(corpus.sites), -1))
    named, unnamed = (quickly(one, recipe).arrays() for one in (corpus, nowhere))
    assert "layers" not in named and named.keys() == unnamed.keys()
    assert all(np.array_equal(named[name], unnamed[name]) for name in named)


def test_a_site_that_is_all_there_is_has_the_model_itself() -> None:
    """The labels of one site alone need no second set of weights."""
    corpus = odd_corpus()
    here = quickly(corpus.where(corpus.sites == 0))
    assert not here.linear.layers and np.isnan(here.at_home).all()


def test_a_few_labels_that_lie_apart_make_nothing_certain() -> None:
    """Twenty of either label, wholly apart: sure of itself, but no surer than so few can make it."""
    logits, spam = np.repeat([-1.0, 1.0], 20), np.repeat([False, True], 20)
    slope, offset = calibrate_few(logits, spam)
    assert 1 / (1 + np.exp(-slope - offset)) == pytest.approx(21 / 22, abs=1e-3)
    assert slope < calibrate(logits, spam)[0]
