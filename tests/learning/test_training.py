"""From a corpus to a model."""

from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.domain.errors import CorpusRefused, InputRefused
from moderation.domain.policy import Policy
from moderation.learning import gate
from moderation.learning.augmentation import disguise
from moderation.learning.corpus import Corpus, Origin, read_corpus
from moderation.learning.evaluation import calibration_error, caught_at, metrics, rates
from moderation.learning.lines import calibrate, draw_lines
from moderation.learning.recipe import Recipe
from moderation.learning.templates import distinct, side, template_key
from moderation.learning.training import ham_by_source, prepare, split, train
from tests.models import STARTER, beside, ignore, small_trained

LINES = Policy(0.5, 0.8, 0.9)


@pytest.fixture(scope="module")
def starter() -> Corpus:
    return read_corpus([STARTER], ignore)


def test_the_same_corpus_and_recipe_give_the_same_numbers(starter: Corpus) -> None:
    """Training twice gives the same model, to the last bit."""
    recipe = Recipe(folds=3)
    again = train(prepare(starter, recipe, ignore, jobs=1), recipe, ignore, jobs=1).arrays()
    first = small_trained().arrays()
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_a_small_model_tells_unseen_comments_apart() -> None:
    """On templates that it had not seen, the model of the starter corpus catches most spam and loses hardly any ham."""
    trained = small_trained()
    corpus = trained.bench.corpus
    wider = Recipe(review_mean=0.015, review_worst=0.04, spam_mean=0.001, spam_worst=0.005)
    found = metrics(trained.unseen, corpus.spam, draw_lines(ham_by_source(corpus, trained.unseen), wider))
    assert found["roc_auc"] > 0.95
    assert found["caught"] > 0.7
    assert found["lost"] <= 0.005


def test_lines_are_in_order_and_keep_the_rates_on_every_source() -> None:
    """No more ham than the recipe allows lies above a line, on average and in the worst source."""
    chance = np.random.default_rng(1)
    ham = [chance.beta(1, 12, 4000), chance.beta(1, 5, 2000), chance.beta(1, 30, 30)]
    recipe = Recipe()
    lines = draw_lines(ham, recipe)
    for line, mean, worst in (
        (lines.review, recipe.review_mean, recipe.review_worst),
        (lines.spam, recipe.spam_mean, recipe.spam_worst),
        (lines.discard, recipe.discard_mean, recipe.discard_worst),
    ):
        shares = [float((scores >= line).mean()) for scores in ham]
        assert np.mean(shares) <= mean
        assert max(shares) <= worst


def test_calibration_never_turns_the_ranking_around() -> None:
    """Even for a model that is wrong on every unseen source a higher logit stays a higher probability."""
    slope, _ = calibrate(np.array([5.0, -5.0] * 20), np.array([False, True] * 20))
    assert slope > 0


def test_a_source_that_is_held_out_lends_nothing(starter: Corpus) -> None:
    """Names and links of a held-out source are not in the training data by the back door."""
    sources = np.arange(len(starter.comments)) % 2
    corpus = replace(starter, sources=sources, origins=[Origin("a", "", 1, 1), Origin("b", "", 1, 1)])
    recipe = Recipe(folds=2)
    bench = prepare(corpus, recipe, ignore, jobs=1)
    assert (bench.lenders == 1).any()
    without = bench.without_source(1)
    assert not (without.lenders == 1).any()
    assert not (without.corpus.sources == 1).any()


def test_one_source_is_split_by_template_and_many_are_kept_whole(starter: Corpus) -> None:
    """A fold never shares a source with the rest, or a template where there is one source only."""
    folds = split(starter, 4)
    assert sum(fold.sum() for fold in folds) == len(starter.comments)
    keys = np.array([template_key(comment) for comment in starter.comments])
    for fold in folds:
        assert not set(keys[fold]) & set(keys[~fold])


def test_disguises_hide_fields_in_both_classes_and_repeat(starter: Corpus) -> None:
    """Whether a field is there says nothing about the label, and the same recipe gives the same disguise."""
    first, lenders = disguise(starter, Recipe())
    again, _ = disguise(starter, Recipe())
    assert first == again
    assert lenders.shape == (len(first), 3)
    hidden = np.array([comment.url is None for comment in first])
    assert abs(hidden[starter.spam].mean() - hidden[~starter.spam].mean()) < 0.1


def test_some_spam_is_obfuscated_and_no_ham(starter: Corpus) -> None:
    """The recipe says how much of the spam is hidden as spammers do; what is padded with knows who lent it."""
    texts = [comment.text for comment in starter.comments]
    copies, lenders = disguise(starter, Recipe(obfuscate=0.5, splice=0.0))
    changed = np.array([copy.text != text for copy, text in zip(copies, texts, strict=True)])
    assert not changed[~starter.spam].any()
    assert 0.4 < changed[starter.spam].mean() < 0.6
    padded = lenders[:, 2] >= 0
    assert 0.1 < padded[changed].mean() < 0.7 and not padded[~changed].any()


def test_rare_columns_are_learnt_more_boldly_as_the_recipe_says(starter: Corpus) -> None:
    """With rarity the weight moves from columns that many comments have to those that few have."""
    bench = prepare(starter, Recipe(), lambda _: None, jobs=1)
    nothing = np.zeros(len(bench.corpus.comments), dtype=bool)
    plain, bold = (bench.fit_without(nothing, Recipe(rarity=rarity)) for rarity in (0.0, 1.0))
    frequencies = np.bincount(bench.disguised.hashed.indices, minlength=len(plain.weights))
    common = frequencies > np.quantile(frequencies[frequencies > 1], 0.99)
    shares = [np.abs(model.weights[common]).sum() / np.abs(model.weights).sum() for model in (plain, bold)]
    assert shares[1] < shares[0]


def test_copies_of_a_template_are_capped_and_stay_on_their_side() -> None:
    """Digits and links do not make another template; ham is never capped."""
    spam = [Comment(f"buy {n} cheap shoes now at http://shop{n}.example today") for n in range(5)]
    keys = [template_key(comment) for comment in spam]
    assert len(set(keys)) == 1
    assert len({side(comment) for comment in spam}) == 1
    assert distinct(spam, keys, np.ones(5, dtype=bool), 2).sum() == 2
    assert distinct(spam, keys, np.zeros(5, dtype=bool), 2).sum() == 5


def test_too_few_comments_are_refused(starter: Corpus) -> None:
    """A model of a handful of comments is no model."""
    few = starter.where(np.arange(len(starter.comments)) < 25)
    with pytest.raises(CorpusRefused, match="at least 20 of each label"):
        prepare(few, Recipe(), ignore, jobs=1)


def test_spam_of_some_sources_can_be_left_out(starter: Corpus) -> None:
    """A recipe may take a source's ham and leave its spam."""
    offer, here = [Comment("unlike any other offer of shoes")], np.array([1])
    origins = [*starter.origins, Origin("platform", "", 1, 0)]
    both = beside(starter, Corpus(offer, ["x"], here > 0, here, origins, -here))
    bench = prepare(both, Recipe(ham_only=("platform",)), ignore, jobs=1)
    assert not (bench.corpus.sources == 1).any()


def test_rates_count_what_the_lines_do() -> None:
    """Caught is held or worse, lost is spam or worse, held is between the lines."""
    found = rates(np.array([0.1, 0.6, 0.85, 0.95, 0.6, 0.2]), np.array([0, 0, 0, 1, 1, 1], dtype=bool), LINES)
    assert [found.lost, found.held, found.caught, found.blocked] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1 / 3])


def test_ties_count_against_us() -> None:
    """Spam that scores exactly like the ham at the cut-off is not caught."""
    assert caught_at(np.array([0.5, 0.5, 0.9]), np.array([False, True, True]), 0.01) == 0.5


def test_a_perfectly_calibrated_score_has_no_error() -> None:
    """Half of the comments at one half are spam."""
    assert calibration_error(np.array([0.5, 0.5]), np.array([True, False]), np.ones(2)) == 0.0


def test_the_gate_names_every_objection() -> None:
    """A candidate that is worse in several ways hears of each; one that is better of none."""
    good = {"lost": 0.001, "held": 0.02, "caught": 0.95}
    assert gate.objections(good, good) == []
    assert len(gate.objections({"lost": 0.01, "held": 0.1, "caught": 0.5}, good)) == 3


def test_a_recipe_is_checked_by_name_type_and_range() -> None:
    """Every fault of a recipe is named at once."""
    with pytest.raises(InputRefused) as refused:
        Recipe.from_values({"strenght": 1, "folds": 2.5, "splice": 3, "ham_only": "x", "licences": [], "seed": -1})
    assert {name for name, _ in refused.value.faults} == {"strenght", "folds", "splice", "ham_only", "licences", "seed"}
    for name, value in (("strength", 0), ("strength", float("nan")), ("site_strength", float("inf"))):
        with pytest.raises(InputRefused, match=f"{name} must be"):
            Recipe.from_values({name: value})
    assert Recipe.from_values({"strength": 2, "ham_only": ["a"]}) == replace(Recipe(), strength=2.0, ham_only=("a",))
