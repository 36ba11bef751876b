"""What is on the shelf, and the way back."""

from dataclasses import dataclass

from moderation.domain.errors import ModerationError
from moderation.registry.card import Card
from moderation.registry.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Shelved:
    """One model of the shelf. `card` is `None` where it cannot be read; `problem` then says why."""

    id: str
    live: bool
    card: Card | None
    problem: str | None


def list_models(shelf: Shelf) -> list[Shelved]:
    """Every model, by name; a damaged one does not hide the others."""
    live = shelf.current_id()
    return [_shelved(shelf, model_id, model_id == live) for model_id in shelf.ids()]


def show_model(shelf: Shelf, model_id: str) -> Card:
    """The card of a model. Raises `NotFound`, or `ModelRefused` when it cannot be read."""
    return shelf.card(model_id)


def roll_back(shelf: Shelf) -> str:
    """Makes the model live that was so before, and returns its id. Raises `NotFound` when there is none."""
    return shelf.rollback()


def _shelved(shelf: Shelf, model_id: str, live: bool) -> Shelved:
    try:
        return Shelved(model_id, live, shelf.card(model_id), None)
    except ModerationError as error:
        return Shelved(model_id, live, None, str(error))
