"""Cards are read back unchanged, or not at all."""

import json
from dataclasses import replace
from typing import Any

import pytest

from moderation.domain.budget import guarantee_at
from moderation.domain.errors import ModelUnavailable
from moderation.registry.model_card import ModelCard
from moderation.registry.model_registry import ModelRegistry
from tests.models import small_card


def test_the_card_of_another_model_is_refused(registry: ModelRegistry) -> None:
    """A renamed folder and a malformed card are unavailable models."""
    (registry.folder / "small").rename(registry.folder / "renamed")
    with pytest.raises(ModelUnavailable, match="card of another model"):
        registry.load("renamed")
    (registry.folder / "renamed" / "card.json").write_text("{}", "utf-8")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        registry.load("renamed")


def test_a_card_keeps_its_guarantees() -> None:
    """Guarantees are read back unchanged. A card without them is valid."""
    guarantee = guarantee_at(0.9, [0.1] * 600, 0.95, "digest")
    card = replace(small_card(), guarantees={"spam": guarantee})
    assert ModelCard.from_json(card.to_json(), "small") == card
    without = {name: value for name, value in json.loads(card.to_json()).items() if name != "guarantees"}
    assert ModelCard.from_json(json.dumps(without), "small").guarantees == {}


@pytest.mark.parametrize("guarantees", [["spam"], {"spam": 1}, {"spam": {"threshold": 0.5}}, 7])
def test_a_card_with_malformed_guarantees_is_refused(guarantees: Any) -> None:
    """A value of another shape is never shown as a guarantee."""
    card = json.loads(small_card().to_json()) | {"guarantees": guarantees}
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        ModelCard.from_json(json.dumps(card), "small")
