"""A model with a reader is stored with it, loaded with it, and goes on without it."""

import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moderation.domain.thresholds import Thresholds
from moderation.registry.live_model import LiveModel
from moderation.registry.model_card import ModelCard, ReaderEntry
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import READER_FILE, reader_values
from moderation.registry.serialization import sha256_hex
from tests.models import small_arrays, small_card, small_result
from tests.reader.tiny import EVERYWHERE, tiny_values

WITH_READER = Thresholds(0.3, 0.8, 0.95)


def card_with_reader(name: str = "read") -> ModelCard:
    entry = ReaderEntry(
        "", "tiny", "MIT", "0" * 64, "", {"seed": 1}, "small", small_result().thresholds, None, {}, {"spam": 0.5}
    )
    return replace(small_card(name), thresholds=WITH_READER, reader=entry)


@pytest.fixture
def read_registry(tmp_path: Path) -> ModelRegistry:
    registry = ModelRegistry(tmp_path)
    registry.add(small_arrays(), card_with_reader(), reader_values(tiny_values(), EVERYWHERE))
    registry.promote("read")
    return registry


def test_a_model_is_loaded_with_its_reader(read_registry: ModelRegistry) -> None:
    """The model alone keeps its own id and thresholds."""
    model = LiveModel(read_registry).current()
    assert (model.id, model.thresholds) == ("read", WITH_READER)
    assert model.alone
    assert (model.alone.id, model.alone.thresholds) == ("small", small_result().thresholds)
    assert model.second_reader
    assert model.second_reader.doubt == EVERYWHERE


def test_the_model_alone_is_found(read_registry: ModelRegistry) -> None:
    """A decision without the reader names it."""
    live = LiveModel(read_registry)
    found = live.find("small")
    assert found is live.current().alone


def replaced(content: bytes, *, with_digest: bool) -> Any:
    def change(folder: Path) -> None:
        (folder / READER_FILE).write_bytes(content)
        if with_digest:
            card = ModelCard.from_json((folder / "card.json").read_text("utf-8"), folder.name)
            assert card.reader
            new = replace(card, reader=replace(card.reader, digest=sha256_hex(content)))
            (folder / "card.json").write_text(new.to_json(), "utf-8")

    return change


def test_hostile_limits_are_refused(tmp_path: Path) -> None:
    """Those of a file could let the reader decide alone."""
    registry = ModelRegistry(tmp_path)
    for number, doubt in enumerate((replace(EVERYWHERE, upper_limit=1e9), replace(EVERYWHERE, lower_limit=-5.0))):
        name = f"hostile-{number}"
        registry.add(small_arrays(), card_with_reader(name), reader_values(tiny_values(), doubt))
        assert "its limits are" in registry.load(name).reader_problem


def test_a_full_disk_leaves_the_model_alone(read_registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph is written to a file before a session reads it."""

    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("moderation.reader.language_model._open_session", fail)
    model = LiveModel(read_registry).current()
    assert (model.id, model.reader_problem) == ("small", "The second reader of read failed (OSError).")


class _Hostile:
    def __reduce__(self) -> Any:
        return print, ("code of a model file ran",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / READER_FILE).unlink(), "cannot be read"),
        (lambda folder: (folder / READER_FILE).write_bytes((folder / READER_FILE).read_bytes()[:-1]), "differs"),
        (replaced(b"\x08\x09:\x00", with_digest=False), "differs"),
        (replaced(b"\x08\x09:\x00", with_digest=True), "cannot be read|more than arrays"),
        (replaced(pickle.dumps(_Hostile()), with_digest=True), "which no model needs"),
        (replaced(pickle.dumps({"layers": 2}), with_digest=True), "cannot be used"),
    ],
)
def test_a_broken_reader_is_refused_and_the_model_goes_on(
    read_registry: ModelRegistry, change: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model alone serves, and says why."""
    change(read_registry.folder / "read")
    model = LiveModel(read_registry).current()
    assert (model.id, model.second_reader) == ("small", None)
    assert model.thresholds == small_result().thresholds
    assert re.search(message, model.reader_problem), model.reader_problem
    assert "ran" not in capsys.readouterr().out
