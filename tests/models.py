"""A small real model, trained once a test run on the starter corpus."""

from functools import cache
from pathlib import Path
from typing import Any

from moderation.learning.corpus import read_corpus
from moderation.learning.recipe import Recipe
from moderation.learning.training import Trained, prepare, train
from moderation.registry.card import Card
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model

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
