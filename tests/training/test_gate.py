"""The gate: a model goes live if it is better and no worse in any respect; else every reason is told."""

from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.domain.general_guarantee import GeneralGuarantee, GeneralGuarantees
from moderation.domain.thresholds import Thresholds
from moderation.registry.model_card import CorpusEntry, ModelCard
from moderation.scoring.model import Model
from moderation.training import gate
from moderation.training.corpus import Corpus, SourceFile
from moderation.training.obfuscators import obfuscators
from moderation.training.paired import chance_of, gain
from tests.models import ignore, small_card, small_model
from tests.training.corpora import corpus_of

GUARANTEES = GeneralGuarantees(
    GeneralGuarantee(0.5, 0.05, 0.8, 20, 17, 0.09, 300),
    GeneralGuarantee(0.9, 0.005, 0.8, 20, 17, 0.09, 300),
    GeneralGuarantee(0.99, 0.0005, 0.8, 20, 17, 0.09, 300),
)


@pytest.fixture(autouse=True)
def _small_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Obfuscate few comments by the first obfuscators, and time few: the others make long texts."""
    monkeypatch.setattr(gate, "MAX_OBFUSCATED", 4)
    monkeypatch.setattr(gate, "MAX_TIMED", 10)
    monkeypatch.setattr(gate, "MAX_SLOWDOWN", 100.0)
    monkeypatch.setattr(gate, "obfuscators", lambda ham: dict(list(obfuscators(ham).items())[:6]))


@pytest.fixture(scope="module")
def holdout(starter: Corpus) -> Corpus:
    """Return every fourth comment of the starter corpus."""
    return starter.where(np.arange(len(starter.comments)) % 4 == 0)


@pytest.fixture(scope="module")
def weak(holdout: Corpus) -> Model:
    """Return the small model without its signals, which holds as much ham as the small model does."""
    model = small_model()
    weak = replace(model, id="weak", signal_weights=np.zeros_like(model.signal_weights))
    ham = gate.score_corpus(weak, holdout)[~holdout.spam]
    return replace(weak, thresholds=replace(model.thresholds, review=float(np.quantile(ham, 0.97))))


def opposite() -> Model:
    """Return the small model with all of its evidence turned round."""
    model = small_model()
    limits = -model.contribution_limits[:, ::-1]
    changed = replace(model, id="opposite", weights=-model.weights, contribution_limits=limits)
    return replace(changed, signal_weights=-model.signal_weights, bias=-model.bias)


def objections(candidate: Model, champion: Model, holdout: Corpus, **cards: ModelCard) -> list[str]:
    new, old = cards.get("new", small_card("new")), cards.get("old", small_card("old"))
    return gate.objections((candidate, new), (champion, old), holdout, ignore)


def test_a_better_model_passes(holdout: Corpus, weak: Model) -> None:
    """The small model against one with a tenth of its evidence, on comments that no card names."""
    assert objections(small_model(), weak, holdout) == []


def test_an_equal_model_is_no_gain(holdout: Corpus, weak: Model) -> None:
    """Without a proof that it is better, the live model stays."""
    (objection,) = objections(small_model(), small_model(), holdout)
    assert "no gain is proved" in objection


def test_a_worse_model_has_an_objection_for_each_respect(holdout: Corpus, weak: Model) -> None:
    """All of them at once, as the operator is to see the whole picture."""
    found = " ".join(objections(opposite(), small_model(), holdout))
    for words in ("no gain", "spam caught goes from", "ham lost goes from", "in starter", "calibration", "obfuscat"):
        assert words in found


def test_a_few_comments_prove_nothing(holdout: Corpus, weak: Model) -> None:
    """A holdout of one label is refused before any comparison."""
    (objection,) = objections(small_model(), weak, holdout.where(holdout.spam))
    assert "0 different ham comments; 20 of each are needed" in objection


def test_a_campaign_counts_twice_at_most(holdout: Corpus, weak: Model) -> None:
    """A thousand copies of one template are two comments."""
    rows = np.concatenate([np.flatnonzero(~holdout.spam), np.repeat(np.flatnonzero(holdout.spam)[:1], 1000)])
    copies = replace(
        holdout,
        comments=[replace(holdout.comments[i], text=f"{holdout.comments[i].text} {n}") for n, i in enumerate(rows)],
        ids=[str(number) for number in range(len(rows))],
        spam=holdout.spam[rows],
        sources=holdout.sources[rows],
        sites=holdout.sites[rows],
    )
    (objection,) = objections(small_model(), weak, copies)
    assert "has 2 different spam" in objection


def test_a_model_is_not_measured_on_what_it_was_trained_on(holdout: Corpus, weak: Model) -> None:
    """The digest of a file is on the card of each model that saw it."""
    (file,) = holdout.source_files
    entry = CorpusEntry(file.source, file.digest, "", file.spam, file.ham)
    (objection,) = objections(small_model(), weak, holdout, new=replace(small_card("new"), corpora=(entry,)))
    assert "small was trained on starter" in objection


def test_a_guarantee_is_kept(holdout: Corpus, weak: Model) -> None:
    """A missing one, a weaker one, and one that the holdout refutes."""
    guaranteed = replace(small_card("old"), general_guarantees=GUARANTEES)
    better, old = small_model(), weak
    looser = replace(GUARANTEES, spam=replace(GUARANTEES.spam, max_rate=0.01))
    new = replace(guaranteed, general_guarantees=looser)
    assert "promises at most 1.000%" in " ".join(objections(better, old, holdout, new=new, old=guaranteed))
    eager = replace(better, thresholds=Thresholds(1e-9, 1e-9, 1.0))
    found = " ".join(objections(eager, old, holdout, new=guaranteed, old=guaranteed))
    assert "the guarantee does not hold" in found and "ham lost goes from" in found


def test_few_sites_need_a_proof_by_their_own_ham() -> None:
    """Without a general guarantee the newest ham proves the promised rates, or the objection says what is missing."""
    model, card = replace(small_model(), thresholds=Thresholds(0.5, 0.9, 1.0)), replace(small_card("new"), site_count=2)
    corpus = corpus_of([Comment("Hello")] * 1500, [False] * 1500)
    for lost, held, words in ((0, 0, []), (2, 50, []), (3, 0, ["3 of 1500 ham comments are lost"]), (0, 70, ["70 of"])):
        scores = np.repeat([0.95, 0.6, 0.1], [lost, held, 1500 - lost - held])
        found = list(gate._unproved_rates(gate.Contender(model, card, scores), GUARANTEES, corpus))
        assert len(found) == len(words) and all(word in text for word, text in zip(words, found, strict=True))
        assert all("takes 4 sites with 300 ham comments each, of which it knows 2" in text for text in found)
    few = gate.Contender(model, card, np.full(100, 0.1))
    (objection,) = gate._unproved_rates(few, GUARANTEES, corpus.where(np.arange(1500) < 100))
    assert "0 of 100 ham comments are lost, and a proof of at most 0.50% takes 598 ham" in objection


def test_a_missing_guarantee_is_told(holdout: Corpus, weak: Model) -> None:
    """By the gate, beside the other reasons."""
    guaranteed = replace(small_card("old"), general_guarantees=GUARANTEES)
    assert "no general guarantee" in " ".join(objections(small_model(), weak, holdout, old=guaranteed))
    assert objections(small_model(), weak, holdout, new=small_card("new"), old=small_card("old")) == []


def test_a_slow_model_is_refused(holdout: Corpus, weak: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rounds of both alternate."""
    monkeypatch.setattr(gate, "MAX_SLOWDOWN", 1e-9)
    (objection,) = objections(small_model(), weak, holdout)
    assert "times as long" in objection


def test_no_site_pays_for_the_others(holdout: Corpus, weak: Model) -> None:
    """A gain over all comments does not outweigh a site or a language where ham is lost beyond chance."""
    spam = np.array([True] * 400 + [False] * 400)
    sites = np.where(np.arange(800) % 8 == 7, 1, 0)
    comments = [replace(holdout.comments[0], lang="cs" if site else "en") for site in sites]
    labelled = Corpus(
        comments, [""] * 800, spam, np.zeros(800, dtype=int), [SourceFile("labels", "", 400, 400)], sites,
        ["https://big.example", "https://small.example"],
    )  # fmt: skip
    model = replace(small_model(), thresholds=Thresholds(0.4, 0.6, 1.0))
    old = gate.Contender(model, small_card(), np.where(spam, 0.3, 0.1))
    new = gate.Contender(model, small_card(), np.where(spam | (sites == 1), 0.9, 0.1))
    found = list(gate._worse_parts(new, old, labelled))
    assert [objection.split(" goes")[0] for objection in found] == [
        "ham lost at https://small.example",
        "ham lost in the language cs",
    ]
    assert list(gate._worse_parts(old, old, labelled)) == []


def test_the_gain_is_that_of_independent_groups() -> None:
    """A hundred copies of one comment prove as much as the comment; with single ones the interval is narrow."""
    rng = np.random.default_rng(1)
    spam = np.arange(400) % 2 == 0
    old = np.full(400, 0.5)
    new = np.clip(np.where(spam, 0.7, 0.3) + rng.normal(0, 0.1, 400), 0.05, 0.95)
    single = gain(new, old, spam, np.arange(400), 0.95)
    copies = gain(new, old, spam, np.arange(400) // 100, 0.95)
    assert single.bits == pytest.approx(copies.bits) and 0 < single.lower < single.bits
    lower = [
        gain(new[:8].repeat(n), old[:8].repeat(n), spam[:8].repeat(n), np.arange(8).repeat(n), 0.95) for n in (1, 9)
    ]
    assert lower[0].lower == pytest.approx(lower[1].lower)


def test_the_lower_end_covers_the_true_gain() -> None:
    """In about 95 of 100 samples it is below the gain of all comments: with an error of three standard deviations."""
    rng = np.random.default_rng(2)
    spam = np.arange(20_000) % 2 == 0
    new = np.clip(np.where(spam, 0.6, 0.4) + rng.normal(0, 0.2, 20_000), 0.01, 0.99)
    old = np.clip(np.where(spam, 0.6, 0.4) + rng.normal(0, 0.2, 20_000), 0.01, 0.99)
    truth = gain(new, old, spam, np.arange(20_000), 0.95).bits
    samples = [rng.choice(20_000, 200, replace=False) for _ in range(400)]
    covered = [gain(new[rows], old[rows], spam[rows], np.arange(200), 0.95).lower <= truth for rows in samples]
    assert 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400) <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(("worse", "better", "chance"), [(0, 0, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (0, 5, 1.0)])
def test_changes_for_the_worse_by_chance(worse: int, better: int, chance: float) -> None:
    """As tosses of a coin."""
    assert chance_of(worse, better) == pytest.approx(chance)
