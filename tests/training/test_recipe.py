"""A recipe is checked before it is used."""

from dataclasses import replace

import pytest

from moderation.domain.errors import InvalidInput
from moderation.training.recipe import Recipe


def test_every_fault_of_a_recipe_is_named() -> None:
    """Unknown names, wrong types and values out of range are reported at once."""
    faults = {"strenght": 1, "folds": 2.5, "insert_link": 3, "ham_only": "x", "licences": [], "seed": -1}
    with pytest.raises(InvalidInput) as refused:
        Recipe.from_dict(faults)
    assert {name for name, _ in refused.value.errors} == faults.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("C", 0),
        ("C", float("nan")),
        ("ham_weight", 0),
        ("site_C", float("inf")),
        ("folds", True),
        ("spam_max_rate", 0),
        ("review_coverage", 1),
    ],
)
def test_a_number_must_be_finite_and_usable(name: str, value: float) -> None:
    """The error names the setting."""
    with pytest.raises(InvalidInput, match=f"{name} must be"):
        Recipe.from_dict({name: value})


def test_settings_that_are_not_given_keep_their_defaults() -> None:
    """Whole numbers are accepted for fractions, lists become tuples."""
    assert Recipe.from_dict({"C": 2, "ham_only": ["a"]}) == replace(Recipe(), C=2.0, ham_only=("a",))
