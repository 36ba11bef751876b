"""Cards are read back unchanged, or not at all."""

import json
from dataclasses import asdict, replace
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


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": {"lost": float("nan")}},
        {"metrics": {"lost": float("inf")}},
        {"metrics": {"lost": 10**400}},
        {"metrics": {"lost": "0.1"}},
        {"metrics": {"a" * 50_000: "0.1"}},
        {"metrics": {"\x1b[2J": "0.1"}},
        {"recipe": {"C": float("nan")}},
        {"recipe": {"C": {"nested": 1}}},
        {"features_version": 1.5},
        {"versions": {"python": 3}},
        {"thresholds": {"review": 0.9, "spam": 0.1, "discard": 0.2}},
        {"guarantees": {"spam": {**asdict(guarantee_at(0.9, [0.1] * 600, 0.95, "")), "bound": 0.0}}},
        {"sites": [{"url": "https://a.example", "spam": 1, "ham": 1, "metrics": {"lost": None}}]},
        {"caveats": "a sentence"},
        {"unknown": 1},
        {"id": "\x1b[2J" * 10_000},
    ],
)
def test_a_card_with_an_impossible_value_is_refused(changes: dict[str, Any]) -> None:
    """The error is one short sentence, and has no control character of the card."""
    card = json.loads(small_card().to_json()) | changes
    with pytest.raises(ModelUnavailable) as refusal:
        ModelCard.from_json(json.dumps(card), "small")
    assert len(str(refusal.value)) < 600 and str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "text",
    ["[" * 500_000, '{"recipe": ' * 100_000, '{"recipe": {"C": ' + "[" * 100_000 + "]" * 100_000 + "}}", "NaN", ""],
)
def test_a_card_of_deep_or_broken_json_is_refused(text: str) -> None:
    """Neither ends the process."""
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        ModelCard.from_json(text, "small")


def test_a_huge_card_is_not_read(registry: ModelRegistry) -> None:
    """A file of 8 GB costs no memory: its size is known before."""
    card = registry.folder / "small" / "card.json"
    with card.open("r+b") as file:
        file.truncate(8 * 2**30)
    with pytest.raises(ModelUnavailable, match=r"small/card\.json has more than"):
        registry.card("small")
