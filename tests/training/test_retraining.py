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
from moderation.domain.thresholds import Thresholds
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.promotion_log import PromotionWay
from moderation.training import gate
from moderation.training.corpus import Corpus
from moderation.training.obfuscators import obfuscators
from moderation.training.recipe import Recipe
from moderation.training.retraining import Retraining, retrain, within_campaigns
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
import numpy as np
from moderation.domain.errors import InvalidInput
from moderation.training.low_priority import low_priority
try:
    with low_priority(600):
        facts = {"nice": os.nice(0), "processors": len(os.sched_getaffinity(0))}
        np.ones(2**30)
except InvalidInput as error:
    print(json.dumps(facts | {"error": str(error)}))
"""


def test_it_leaves_the_machine_to_the_service() -> None:
    """The lowest priority, one processor, and an error in place of more memory."""
    process = subprocess.run([sys.executable, "-c", _LIMITED], capture_output=True, text=True, check=True)
    facts = json.loads(process.stdout)
    assert (facts["nice"], facts["processors"]) == (19, 1) and "raise --memory" in facts["error"]
