"""Retraining: from the label log to a model that the gate has seen."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.errors import InvalidCorpus
from moderation.domain.general_guarantee import GeneralGuarantee, GeneralGuarantees
from moderation.domain.thresholds import Thresholds
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.promotion_log import PromotionWay
from moderation.training import fitting, gate
from moderation.training.corpus import Corpus
from moderation.training.obfuscators import obfuscators
from moderation.training.recipe import Recipe
from moderation.training.retraining import Retraining, as_strict_as, retrain, within_campaigns
from moderation.training.training_set import TrainingSet
from tests.models import ignore, small_arrays, small_card
from tests.training.corpora import corpus_of

NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
SITES = ("https://one.example", "https://two.example")


def log_of(corpus: Corpus) -> list[dict[str, str]]:
    """Return a corpus as the label log of two sites, spam and ham in turn."""
    rng = np.random.default_rng(3)
    return [
        {
            "id": str(number),
            "site": SITES[number % 2],
            "label": "spam" if corpus.spam[i] else "ham",
            "weight": "1",
            **{name: getattr(corpus.comments[i], name) or "" for name in COMMENT_FIELDS},
        }
        for number, i in enumerate(rng.permutation(len(corpus.comments)).tolist())
    ]


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    """Return a registry whose live model guesses: the weight of each word is random."""
    registry = ModelRegistry(tmp_path / "models")
    arrays = small_arrays()
    random = np.random.default_rng(7).normal(0.0, 2.0, len(arrays["weights"])).astype(np.float16)
    limits = np.full_like(arrays["contribution_limits"], 20.0) * np.array([-1.0, 1.0])
    guessing = {"weights": random, "contribution_limits": limits, "bias": 0.0}
    nothing_else = {"signal_weights": np.zeros_like(arrays["signal_weights"])}
    card = replace(small_card("guess"), thresholds=Thresholds(0.5, 0.9999, 1.0))
    registry.add(arrays | guessing | nothing_else, card)
    registry.promote("guess")
    return registry


@pytest.fixture
def run(registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a function that retrains on a log, with a short suite of obfuscators."""
    monkeypatch.setattr(gate, "MAX_OBFUSCATED", 4)
    monkeypatch.setattr(gate, "MAX_TIMED", 10)
    monkeypatch.setattr(gate, "MAX_SLOWDOWN", 100.0)
    monkeypatch.setattr(gate, "MAX_ROBUSTNESS_LOSS", 1.0)
    monkeypatch.setattr(gate, "obfuscators", lambda ham: dict(list(obfuscators(ham).items())[:3]))
    folder = tmp_path / "scratch"
    folder.mkdir()

    def run(log: list[dict[str, str]], **options: object) -> Retraining:
        recipe = Recipe(folds=2, max_iter=300)
        return retrain(
            registry, lambda: iter(log), [], recipe,
            folder=folder, model_id="mine", report=ignore, now=NOW, **options,  # type: ignore[arg-type]
        )  # fmt: skip

    return run


def test_the_log_becomes_a_live_model(run: object, registry: ModelRegistry, starter: Corpus, tmp_path: Path) -> None:
    """Trained on the older labels of each site, compared on the newest, and logged."""
    log = log_of(starter.where(np.arange(len(starter.comments)) % 4 == 0))
    done = run(log)  # type: ignore[operator]
    assert (done.objections, done.promoted, registry.current_id()) == ([], True, "mine")
    (promotion,) = registry.promotions()
    assert (promotion.way, promotion.former) == (PromotionWay.GATE, "guess")
    with (tmp_path / "scratch" / "newest_labels.csv").open(encoding="utf-8", newline="") as file:
        newest = [int(row["id"]) for row in csv.DictReader(file)]
    assert len(newest) == pytest.approx(0.2 * len(log), abs=2) and min(newest) >= 0.79 * len(log)
    (entry,) = done.card.corpora
    assert entry.source == "labels" and entry.spam + entry.ham <= len(log) - len(newest)


def test_audited_comments_weigh_what_they_stand_for(
    run: object, starter: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of the log reach the fit, those of the held-out fifth do not."""
    log = log_of(starter.where(np.arange(len(starter.comments)) % 8 == 0))
    for row in log[:10]:
        row["weight"] = "100"
    seen: list[float] = []
    build = fitting.build_training_set

    def spy(corpus: Corpus, *arguments: object) -> TrainingSet:
        seen.extend([] if corpus.weights is None else corpus.weights.tolist())
        return build(corpus, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "build_training_set", spy)
    run(log)  # type: ignore[operator]
    assert seen.count(100.0) in range(5, 11) and len(seen) < len(log) and set(seen) == {1.0, 100.0}


def test_a_new_model_promises_as_much_as_the_live_one() -> None:
    """Its thresholds are chosen for the stricter of both rates, on the larger part of new sites."""
    promised = GeneralGuarantees(
        GeneralGuarantee(0.5, 0.025, 0.8, 20, 17, 0.09, 300),
        GeneralGuarantee(0.9, 0.1, 0.6, 20, 17, 0.09, 300),
        GeneralGuarantee(0.99, 0.0005, 0.8, 20, 17, 0.09, 300),
    )
    recipe = Recipe(review_max_rate=0.05, spam_max_rate=0.005, discard_max_rate=0.0005, review_coverage=0.7)
    strict = as_strict_as(recipe, promised)
    assert (strict.review_max_rate, strict.review_coverage) == (0.025, 0.8)
    assert (strict.spam_max_rate, strict.spam_coverage) == (0.005, recipe.spam_coverage)
    assert as_strict_as(recipe, None) == recipe


def test_a_model_that_fails_the_gate_is_not_live(run: object, registry: ModelRegistry, starter: Corpus) -> None:
    """Labels that contradict each other teach nothing. The model stays in the registry."""
    rng = np.random.default_rng(5)
    shuffled = replace(starter, spam=rng.permutation(starter.spam)).where(np.arange(len(starter.comments)) % 8 == 0)
    done = run(log_of(shuffled))  # type: ignore[operator]
    assert not done.promoted and "spam caught goes from" in " ".join(done.objections)
    assert registry.current_id() == "guess" and "mine" in registry.ids()


def test_a_small_log_is_refused_before_the_training(run: object, registry: ModelRegistry, starter: Corpus) -> None:
    """With the numbers of its labels."""
    with pytest.raises(InvalidCorpus, match="too few labels: "):
        run(log_of(starter.where(np.arange(len(starter.comments)) % 100 == 0)))  # type: ignore[operator]
    assert registry.ids() == ["guess"]


def test_a_campaign_is_capped() -> None:
    """Its newest comments stay: two with one text, three with one link. All ham stays."""
    spun = [Comment(f"Offer {word} today for {word} at http://pills.example") for word in "abcdefgh"]
    text = (
        "Our shop has the best shoes and bags of this town, come and visit us now, dear friends, before the sale "
        "is over and nothing of it is left for you and for your family"
    )
    same = [Comment(f"{text} {number}") for number in range(5)]
    ham = [Comment(f"I bought mine at http://pills.example {number}") for number in range(5)]
    corpus = corpus_of([*spun, *same, *ham], [True] * 13 + [False] * 5)
    kept = within_campaigns(corpus, max_per_campaign=3, max_per_text=2)
    assert np.flatnonzero(~kept).tolist() == [0, 1, 2, 3, 4, 8, 9, 10]


_LIMITED = """
import json, os
from pathlib import Path
import numpy as np
from moderation.domain.errors import InvalidInput
from moderation.training.low_priority import low_priority
try:
    with low_priority(600):
        facts = {"nice": os.nice(0), "processors": len(os.sched_getaffinity(0))}
        autogroup = Path("/proc/self/autogroup")
        facts["autogroup"] = autogroup.read_text().strip() if autogroup.exists() else ""
        np.ones(2**30)
except InvalidInput as error:
    print(json.dumps(facts | {"error": str(error)}))
"""


@pytest.mark.parametrize("own_session", [False, True])
def test_it_leaves_the_machine_to_the_service(own_session: bool) -> None:
    """The lowest priority, of its session too if that is its own; one processor; an error in place of more memory."""
    command = [sys.executable, "-c", _LIMITED]
    process = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=own_session)
    facts = json.loads(process.stdout)
    assert (facts["nice"], facts["processors"]) == (19, 1) and "raise --memory" in facts["error"]
    if own_session and facts["autogroup"]:
        assert facts["autogroup"].endswith("nice 19")
