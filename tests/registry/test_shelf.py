"""The shelf and what may lie on it."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from moderation.domain.budget import certify
from moderation.domain.comment import Comment
from moderation.domain.errors import Conflict, InputRefused, ModelRefused, NotFound
from moderation.features.ngrams import BLOCKS, COLUMNS
from moderation.registry.card import Card
from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf
from moderation.registry.vault import digest_of
from moderation.scoring.model import score
from tests.models import odd_model, odd_trained, small_arrays, small_card, small_model_shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return small_model_shelf(tmp_path / "models")


class _Command:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.proof,)


def _plant(shelf: Shelf, model_id: str, raw: bytes) -> None:
    """Puts any bytes on the shelf with a card that matches them."""
    folder = shelf.folder / model_id
    folder.mkdir()
    (folder / "model.joblib").write_bytes(raw)
    card = Card(model_id, (), {}, small_card().lines, {}, {}, 1, digest_of(raw))
    (folder / "card.json").write_text(card.to_json(), "utf-8")


def test_a_model_on_the_shelf_loads_as_it_was(shelf: Shelf) -> None:
    """What was added comes back, and the card with it."""
    model = shelf.load("small")
    assert np.array_equal(model.weights, small_arrays()["weights"])
    assert shelf.card("small").lines == model.lines


def test_a_pickle_that_runs_a_command_is_refused_before_it_runs(shelf: Shelf, tmp_path: Path) -> None:
    """Even with a matching card a hostile file runs nothing."""
    proof = tmp_path / "proof"
    _plant(shelf, "evil", pickle.dumps({"weights": _Command(proof)}))
    with pytest.raises(ModelRefused, match="which no model needs"):
        shelf.load("evil")
    assert not proof.exists()


def test_a_hostile_array_of_objects_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    """Joblib nests a second pickle for arrays of objects; it meets the same closed list."""
    proof, file = tmp_path / "proof", tmp_path / "file"
    joblib.dump({"weights": np.array([_Command(proof)], dtype=object)}, file)
    _plant(shelf, "evil", file.read_bytes())
    with pytest.raises(ModelRefused):
        shelf.load("evil")
    assert not proof.exists()


@pytest.mark.parametrize(
    "raw", [b"", b"nonsense", pickle.dumps([1]), pickle.dumps({"weights": {"a": 1}}), pickle.dumps({})]
)
def test_a_file_that_is_no_model_is_refused(shelf: Shelf, raw: bytes) -> None:
    """Whatever the bytes, the answer is one clear error."""
    _plant(shelf, "odd", raw)
    with pytest.raises(ModelRefused):
        shelf.load("odd")


@pytest.mark.parametrize("name", ["weights", "signal_weights", "centres", "bias", "reach", "features", "signals"])
def test_a_model_that_lacks_a_part_is_refused(shelf: Shelf, name: str) -> None:
    """A model of other features, or a part of one, does not serve."""
    arrays = small_arrays()
    del arrays[name]
    shelf.add(arrays, small_card("partial"))
    with pytest.raises(ModelRefused):
        shelf.load("partial")


def test_a_layer_comes_back_as_it_was(shelf: Shelf) -> None:
    """What a site weighs otherwise goes through the file, and its card says of whom."""
    shelf.add(odd_trained().arrays(), small_card("odd"))
    (layer,), (kept,) = shelf.load("odd").layers.values(), odd_model().layers.values()
    assert all(np.array_equal(one, other) for one, other in zip(layer.plain(), kept.plain(), strict=True))


def _with(place: int, value: Any) -> list[Any]:
    """The layers of the odd model, of which the first has another value at that place."""
    ((url, values),) = odd_trained().arrays()["layers"]
    return [[url, [*values[:place], value, *values[place + 1 :]]]]


@pytest.mark.parametrize(
    "layers",
    [
        7,
        ["odd"],
        [["https://odd.example"]],
        [["https://odd.example", []]],
        _with(0, np.array([3, 2, 1], dtype=np.int32)),
        _with(0, np.array([-1], dtype=np.int32)),
        _with(0, np.array([COLUMNS], dtype=np.int32)),
        _with(0, np.array([2**62, -(2**63) + 2**23])),
        _with(0, np.array([1.5])),
        _with(1, np.array([1.0], dtype=np.float16)),
        _with(2, float("nan")),
        _with(2, "1"),
        _with(2, -1.0),
        _with(2, 1e300),
        _with(3, np.zeros(3)),
        _with(4, float("inf")),
        _with(5, np.full((len(BLOCKS), 2), np.nan)),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(shelf: Shelf, layers: Any) -> None:
    """Columns that are out of range or out of order, shapes of another version, what is no number: one clear error."""
    shelf.add({**small_arrays(), "layers": layers}, small_card("odd"))
    with pytest.raises(ModelRefused, match="no usable layers"):
        shelf.load("odd")


def test_weights_beyond_every_number_stay_numbers(shelf: Shelf) -> None:
    """Half floats end at 65,504: a layer that goes beyond is cut off there, and the score is a chance."""
    arrays = small_arrays()
    arrays["weights"] = np.full(COLUMNS, 60_000, dtype=np.float16)
    shelf.add({**arrays, "layers": _with(2, 1000.0)}, small_card("odd"))
    model = shelf.load("odd").at("https://odd.example")
    assert 0 <= score(model, Comment("hello there")).probability <= 1


def test_a_truncated_or_swapped_file_is_refused_and_the_old_model_serves_on(shelf: Shelf) -> None:
    """The checksum is compared first, and a server goes on with the model it had."""
    live = LiveModel(shelf)
    assert live.current().id == "small"
    shelf.add({**small_arrays(), "bias": 1.5}, small_card("other"))
    other = shelf.folder / "other" / "model.joblib"
    raw = other.read_bytes()
    other.write_bytes(raw[:-100])
    with pytest.raises(ModelRefused, match="truncated, altered or swapped"):
        shelf.promote("other")
    shelf.current_file.write_text("other\nsmall\n", "utf-8")
    assert live.current().id == "small"
    assert live.problem is not None
    other.write_bytes((shelf.folder / "small" / "model.joblib").read_bytes())
    with pytest.raises(ModelRefused, match="truncated, altered or swapped"):
        shelf.load("other")


def test_promotion_is_seen_at_once_and_rollback_goes_back(shelf: Shelf) -> None:
    """A running server takes up a promoted model with its next comment, and the one before after a rollback."""
    live = LiveModel(shelf)
    shelf.add({**small_arrays(), "bias": 1.5}, small_card("other"))
    assert live.current().id == "small"
    shelf.promote("other")
    assert live.current().id == "other"
    assert shelf.rollback() == "small"
    assert live.current().id == "small"
    with pytest.raises(NotFound, match="no earlier model"):
        shelf.rollback()


def test_promoting_twice_keeps_the_way_back(shelf: Shelf) -> None:
    """Promoting what is live already changes nothing."""
    shelf.add({**small_arrays(), "bias": 1.5}, small_card("other"))
    shelf.promote("other")
    shelf.promote("other")
    assert shelf.rollback() == "small"


def test_an_empty_shelf_says_what_to_do(tmp_path: Path) -> None:
    """Without a model there is a sentence, not a trace."""
    with pytest.raises(ModelRefused, match="moderation promote"):
        LiveModel(Shelf(tmp_path)).current()
    with pytest.raises(NotFound, match="moderation train"):
        Shelf(tmp_path).card("none")


def test_names_cannot_leave_the_shelf(shelf: Shelf) -> None:
    """A model's name is a name, never a path."""
    for name in ("../small", "a/b", "", ".hidden", "A"):
        with pytest.raises(InputRefused):
            shelf.load(name)


def test_a_name_is_given_once(shelf: Shelf) -> None:
    """A model on the shelf is never overwritten."""
    with pytest.raises(Conflict):
        shelf.add(small_arrays(), small_card())


def test_a_card_that_is_not_the_models_is_refused(shelf: Shelf) -> None:
    """A folder that was renamed, or a broken card, is not trusted."""
    (shelf.folder / "small").rename(shelf.folder / "renamed")
    with pytest.raises(ModelRefused, match="card of another model"):
        shelf.load("renamed")
    (shelf.folder / "renamed" / "card.json").write_text("{}", "utf-8")
    with pytest.raises(ModelRefused, match="cannot be read"):
        shelf.load("renamed")


def test_a_card_keeps_its_certificates(shelf: Shelf) -> None:
    """They come back as they were; a card of an earlier version has none and is a card all the same."""
    proved = certify(0.9, [0.1] * 600, 0.95, "digest")
    card = replace(small_card(), certificates={"spam": proved})
    assert Card.from_json(card.to_json(), "small").certificates == {"spam": proved}
    older = {name: value for name, value in json.loads(card.to_json()).items() if name != "certificates"}
    assert Card.from_json(json.dumps(older), "small").certificates == {}


@pytest.mark.parametrize("odd", [["spam"], {"spam": 1}, {"spam": {"line": 0.5}}, 7])
def test_a_card_with_odd_certificates_is_refused(odd: Any) -> None:
    """What is no certificate is not shown as one."""
    card = json.loads(small_card().to_json()) | {"certificates": odd}
    with pytest.raises(ModelRefused, match="cannot be read"):
        Card.from_json(json.dumps(card), "small")
