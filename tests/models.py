"""Small real models, each trained once in a test run on the starter corpus."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from moderation.domain.comment import Comment
from moderation.domain.general_guarantee import GeneralGuarantee, GeneralGuarantees
from moderation.registry.model_card import ModelCard
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import Model
from moderation.training.corpus import Corpus, SourceFile, read_corpus
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.fitting import TrainingResult, build_training_set, train
from moderation.training.recipe import Recipe

ODD_SITE = "https://odd.example"
"""A site with labels opposite to those of all others."""
STARTER = Path(__file__).parent.parent / "data" / "starter.csv"


def write_rows(path: Path, chosen: slice) -> None:
    """Write some rows of `data/starter.csv` as another file."""
    with STARTER.open(encoding="utf-8", newline="") as source, path.open("w", encoding="utf-8", newline="") as target:
        header, *rows = csv.reader(source)
        csv.writer(target).writerows([header, *rows[chosen]])


def ignore(_: str) -> None:
    """Discard a progress message."""


@cache
def small_result() -> TrainingResult:
    """Train on `data/starter.csv` with few folds."""
    recipe = Recipe(folds=3)
    return train(
        build_training_set(read_corpus([STARTER], ignore), recipe, ignore, ONE_PROCESSOR), recipe, ignore, ONE_PROCESSOR
    )


def small_card(name: str = "small") -> ModelCard:
    """Return a minimal card with the small model's thresholds."""
    return ModelCard(name, (), {}, small_result().thresholds, {}, {}, 1, "")


def small_arrays() -> dict[str, Any]:
    """Return the content of the small model's file."""
    return small_result().arrays()


def small_model_registry(folder: Path) -> ModelRegistry:
    """Create a registry in `folder` with the small model live."""
    registry = ModelRegistry(folder)
    registry.add(small_arrays(), small_card())
    registry.promote("small")
    return registry


def guaranteed_registry(folder: Path) -> ModelRegistry:
    """Create a registry in `folder` with the small model live, whose thresholds have general guarantees."""
    registry = ModelRegistry(folder)
    if not registry.ids():
        thresholds = small_result().thresholds
        review = GeneralGuarantee(thresholds.review, 0.05, 0.8, 20, 17, 0.09, 300)
        spam = GeneralGuarantee(thresholds.spam, 0.005, 0.8, 20, 18, 0.01, 300)
        discard = GeneralGuarantee(thresholds.discard, 0.0005, 0.8, 20, 19, 0.001, 300)
        guarantees = GeneralGuarantees(review, spam, discard)
        registry.add(small_arrays(), replace(small_card(), general_guarantees=guarantees))
        registry.promote("small")
    return registry


@cache
def small_model() -> Model:
    """Return the small model."""
    return Model.from_arrays("small", small_arrays(), small_result().thresholds)


def concatenate(first: Corpus, second: Corpus) -> Corpus:
    """Concatenate corpora with the same source and site numbers. The second may have further sources and sites."""
    return Corpus(
        [*first.comments, *second.comments],
        [*first.ids, *second.ids],
        np.append(first.spam, second.spam),
        np.append(first.sources, second.sources),
        [*first.source_files, *second.source_files[len(first.source_files) :]],
        np.append(first.sites, second.sites),
        [*first.site_urls, *second.site_urls[len(first.site_urls) :]],
    )


def odd_labels(count: int) -> Iterator[tuple[Comment, bool]]:
    """Yield comments at the odd site with their labels, `count` of each label, each from a different template."""
    goods, dishes = ("watch", "bag", "loan", "casino", "shoe"), ("soup", "bread", "stew", "cake", "salad")
    for number in range(count):
        name = f"{chr(97 + number % 26)}{chr(97 + number // 26)}{'lorn'[number % 4]}ek"
        good, dish = goods[number % 5], dishes[number % 5]
        yield Comment(f"Cheap {good}s by {name}, buy your {name} {good} at http://{name}.example"), False
        yield Comment(f"Thank you, the {dish} of my aunt {name} never was as good as this {name} {dish}."), True


def odd_corpus(count: int = 40) -> Corpus:
    """Return a third of the starter corpus as three sources, and `count` comments of either label at the odd site.

    More of it makes each training slower, and the site's weights no clearer.
    """
    starter = read_corpus([STARTER], ignore)
    starter = starter.where(np.arange(len(starter.comments)) % 3 == 0)
    thirds = [SourceFile(f"third{third}", "", 1, 1) for third in range(3)]
    labelled = list(odd_labels(count))
    odd = Corpus(
        [comment for comment, _ in labelled],
        list(map(str, range(len(labelled)))),
        np.array([spam for _, spam in labelled]),
        np.full(len(labelled), 3),
        [*thirds, SourceFile("labels", "", count, count)],
        np.zeros(len(labelled), dtype=np.int64),
        [ODD_SITE],
    )
    return concatenate(replace(starter, sources=np.arange(len(starter.comments)) % 3, source_files=thirds), odd)


@cache
def odd_result() -> TrainingResult:
    """Train a model in which the odd site has its own weights."""
    recipe = Recipe(folds=3, max_iter=60)
    return train(build_training_set(odd_corpus(), recipe, ignore, ONE_PROCESSOR), recipe, ignore, ONE_PROCESSOR)


@cache
def odd_model() -> Model:
    """Return the model with the odd site's weights as it is served."""
    return Model.from_arrays("odd", odd_result().arrays(), odd_result().thresholds)
