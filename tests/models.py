"""A small real model, trained once a test run on the starter corpus."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from moderation.domain.comment import Comment
from moderation.learning.corpus import Corpus, Origin, read_corpus
from moderation.learning.recipe import Recipe
from moderation.learning.training import Trained, prepare, train
from moderation.registry.card import Card
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model

ODD_SITE = "https://odd.example"
"""A site that wants what all others do not."""
STARTER = Path(__file__).parent.parent / "data" / "starter.csv"


def ignore(_: str) -> None:
    """A report that nobody reads."""


@cache
def small_trained() -> Trained:
    """Trained on `data/starter.csv` with few folds."""
    recipe = Recipe(folds=3)
    return train(prepare(read_corpus([STARTER], ignore), recipe, ignore, jobs=1), recipe, ignore, jobs=1)


def small_card(name: str = "small") -> Card:
    """A card for the small model."""
    return Card(name, (), {}, small_trained().lines, {}, {}, 1, "")


def small_arrays() -> dict[str, Any]:
    """What the small model's file holds."""
    return small_trained().arrays()


def small_model_shelf(folder: Path) -> Shelf:
    """A shelf in `folder` whose live model is the small one."""
    shelf = Shelf(folder)
    shelf.add(small_arrays(), small_card())
    shelf.promote("small")
    return shelf


@cache
def small_model() -> Model:
    """The small model itself."""
    return Model.from_arrays("small", small_arrays(), small_trained().lines)


def beside(one: Corpus, other: Corpus) -> Corpus:
    """Both, whose sources and sites are numbered alike; those that only the other has come last."""
    return Corpus(
        [*one.comments, *other.comments],
        [*one.ids, *other.ids],
        np.append(one.spam, other.spam),
        np.append(one.sources, other.sources),
        [*one.origins, *other.origins[len(one.origins) :]],
        np.append(one.sites, other.sites),
        [*one.site_urls, *other.site_urls[len(one.site_urls) :]],
    )


def odd_labels(many: int) -> Iterator[tuple[Comment, bool]]:
    """Comments at the odd site and whether they are spam there, as many of either label, no two of one template."""
    goods, dishes = ("watch", "bag", "loan", "casino", "shoe"), ("soup", "bread", "stew", "cake", "salad")
    for number in range(many):
        name = f"{chr(97 + number % 26)}{chr(97 + number // 26)}{'lorn'[number % 4]}ek"
        good, dish = goods[number % 5], dishes[number % 5]
        yield Comment(f"Cheap {good}s by {name}, buy your {name} {good} at http://{name}.example"), False
        yield Comment(f"Thank you, the {dish} of my aunt {name} never was as good as this {name} {dish}."), True


def odd_corpus(many: int = 40) -> Corpus:
    """Three sources of no site, the starter corpus in thirds, and as many labels of either kind of the odd one."""
    starter = read_corpus([STARTER], ignore)
    thirds = [Origin(f"third{third}", "", 1, 1) for third in range(3)]
    told = list(odd_labels(many))
    odd = Corpus(
        [comment for comment, _ in told],
        list(map(str, range(len(told)))),
        np.array([spam for _, spam in told]),
        np.full(len(told), 3),
        [*thirds, Origin("labels", "", many, many)],
        np.zeros(len(told), dtype=np.int64),
        [ODD_SITE],
    )
    return beside(replace(starter, sources=np.arange(len(starter.comments)) % 3, origins=thirds), odd)


@cache
def odd_trained() -> Trained:
    """A model in which the odd site has weights of its own."""
    recipe = Recipe(folds=3, iterations=60)
    return train(prepare(odd_corpus(), recipe, ignore, jobs=1), recipe, ignore, jobs=1)


@cache
def odd_model() -> Model:
    """The same model as it is served."""
    return Model.from_arrays("odd", odd_trained().arrays(), odd_trained().lines)
