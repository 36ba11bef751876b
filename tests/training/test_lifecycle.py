"""Train and promote through the registry."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import NoReturn

import pytest

from moderation.domain.errors import Conflict, InvalidInput, ModerationError
from moderation.registry.model_registry import ModelRegistry
from moderation.training import lifecycle
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.recipe import Recipe
from moderation.training.table_writers import TableFormat, table_writer
from tests.models import STARTER, ignore, small_model_registry


def no_progress(message: str) -> NoReturn:
    """Fail at the first progress message: the work has begun."""
    pytest.fail(message)


@pytest.mark.parametrize(
    ("folder", "model_id", "error"),
    [("not-a-folder", "mine", InvalidInput), ("models", "small", Conflict), ("models", "../mine", InvalidInput)],
)
def test_train_checks_that_it_can_write_before_it_fits(
    tmp_path: Path, folder: str, model_id: str, error: type[ModerationError]
) -> None:
    """A registry that is not writable, a taken id and a malformed one are errors within a second."""
    small_model_registry(tmp_path / "models")
    (tmp_path / "not-a-folder").write_text("")
    started = perf_counter()
    with pytest.raises(error):
        lifecycle.train(
            ModelRegistry(tmp_path / folder),
            [STARTER],
            Recipe(),
            model_id=model_id,
            report=no_progress,
            now=datetime(2026, 11, 29, tzinfo=UTC),
        )
    assert perf_counter() - started < 1


@pytest.mark.e2e
def test_the_format_of_a_corpus_changes_no_bit_of_the_model(tmp_path: Path) -> None:
    """The same comments as CSV, JSON Lines and Parquet give the same bytes, and the same figures."""
    with STARTER.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    registry = ModelRegistry(tmp_path / "models")
    results = []
    for form in TableFormat:
        path = tmp_path / form / f"starter.{form}"
        path.parent.mkdir()
        with path.open("wb") as out, table_writer(out, form, header, raw=True) as write:
            for row in rows:
                write(row)
        card = lifecycle.train(
            registry,
            [path],
            Recipe(folds=2, max_iter=50),
            model_id=form,
            report=ignore,
            now=datetime(2026, 11, 29, tzinfo=UTC),
            executor=ONE_PROCESSOR,
        )
        (corpus,) = card.corpora
        results.append((card.digest, card.metrics, card.thresholds, corpus.source, corpus.spam, corpus.ham))
    assert results[0] == results[1] == results[2]


def test_a_damaged_model_does_not_hide_the_others(tmp_path: Path) -> None:
    """The list has an entry with the error for a model whose card cannot be read."""
    registry = small_model_registry(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "card.json").write_text("{}")
    broken, small = lifecycle.list_models(registry)
    assert (broken.id, broken.live, broken.card) == ("broken", False, None)
    assert broken.load_error is not None and "cannot be read" in broken.load_error
    assert (small.id, small.live, small.load_error) == ("small", True, None)
