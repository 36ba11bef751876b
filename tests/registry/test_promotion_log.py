"""The log of promotions: each change of the live model appends a line, also to a damaged file."""

from datetime import UTC, datetime

import pytest

from moderation.domain.errors import Conflict, NotFound
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.promotion_log import LOG_NAME, Promotion, PromotionWay
from tests.models import small_arrays, small_card

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def models(registry: ModelRegistry) -> ModelRegistry:
    """The registry with one more model, a."""
    registry.add(small_arrays(), small_card("a"))
    return registry


def test_promotions_and_rollbacks_are_logged(models: ModelRegistry) -> None:
    """In their order, with the objections that were overruled."""
    forced = Promotion(NOW, "a", "small", PromotionWay.FORCED, ("no gain is proved\nat all — \u202e",))
    models.promote("a", record=forced)
    models.promote("a", record=forced)
    models.rollback(NOW)
    assert models.promotions() == [forced, Promotion(NOW, "small", "a", PromotionWay.ROLLBACK)]


def test_what_fails_is_not_logged(models: ModelRegistry) -> None:
    """A model that is missing or damaged, and one compared with a former model."""
    for model_id, compared_with, error in (("none", None, NotFound), ("a", "b", Conflict)):
        record = Promotion(NOW, model_id, "small", PromotionWay.GATE)
        with pytest.raises(error):
            models.promote(model_id, compared_with=compared_with, record=record)
    assert models.promotions() == []


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"\xff\xfe", b'{"at": 1}', b"[" * 100_000])
def test_a_damaged_line_hides_no_other(models: ModelRegistry, line: bytes) -> None:
    """The file may be edited by hand."""
    models.promote("a", record=Promotion(NOW, "a", "small", PromotionWay.GATE))
    with (models.folder / LOG_NAME).open("ab") as file:
        file.write(line + b"\n")
    models.rollback(NOW)
    assert [each.model for each in models.promotions()] == ["a", "small"]
