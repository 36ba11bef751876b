"""A reader's recipe names every fault."""

from pathlib import Path

import pytest

from moderation.domain.errors import InvalidInput
from moderation.training.reader.recipe import ReaderRecipe


def read(tmp_path: Path, text: str) -> ReaderRecipe:
    path = tmp_path / "reader.toml"
    path.write_text(text, "utf-8")
    return ReaderRecipe.from_file(path)


def test_settings_replace_the_defaults(tmp_path: Path) -> None:
    """A whole number may stand for a rate."""
    recipe = read(tmp_path, 'rows_per_label = 100\ncopy_rate = 0\nmin_logit = -4\nbase = "other"')
    assert recipe == ReaderRecipe(rows_per_label=100, copy_rate=0.0, min_logit=-4.0, base="other")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nonsense = 1", "nonsense is not part"),
        ("rows_per_label = 0", "rows_per_label must be above 0"),
        ("rows_per_label = 1.5", "rows_per_label must be a whole number"),
        ("dropout = 1.0", "dropout must be at least 0 and below 1"),
        ("dropout = nan", "dropout must be a number"),
        ("seed = true", "seed must be a number"),
        ("base = 1", "base must be a string"),
        ("easy_weight = -1", "easy_weight must be at least 0"),
        ("a = ", "cannot be read"),
        ("seed = -1\nfolds = 0", "seed must be at least 0; folds must be above 0"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, text: str, fault: str) -> None:
    """With the setting and its rule."""
    with pytest.raises(InvalidInput, match=fault):
        read(tmp_path, text)
