"""A model file holds arrays and plain values, and a hostile one runs nothing."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.domain.errors import ModelUnavailable
from moderation.features.ngrams import N_COLUMNS, NAMESPACES
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.model_card import ModelCard
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.serialization import MAX_FILE_BYTES, sha256_hex
from moderation.scoring.model import score
from tests.models import ODD_SITE, odd_model, odd_result, small_arrays, small_card


class _Command:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.proof,)


def _plant(registry: ModelRegistry, model_id: str, raw: bytes) -> None:
    """Write bytes as a model file, with a card of the same digest."""
    folder = registry.folder / model_id
    folder.mkdir()
    (folder / "model.joblib").write_bytes(raw)
    card = ModelCard(model_id, (), {}, small_card().thresholds, {}, {}, 1, sha256_hex(raw))
    (folder / "card.json").write_text(card.to_json(), "utf-8")


def test_a_pickle_that_runs_a_command_is_refused_before_it_runs(registry: ModelRegistry, tmp_path: Path) -> None:
    """A hostile file with a matching card runs nothing."""
    proof = tmp_path / "proof"
    _plant(registry, "evil", pickle.dumps({"weights": _Command(proof)}))
    with pytest.raises(ModelUnavailable, match="which no model needs"):
        registry.load("evil")
    assert not proof.exists()


def test_a_hostile_array_of_objects_is_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    """Joblib nests a second pickle for arrays of objects; the same list of names applies to it."""
    proof, file = tmp_path / "proof", tmp_path / "file"
    joblib.dump({"weights": np.array([_Command(proof)], dtype=object)}, file)
    _plant(registry, "evil", file.read_bytes())
    with pytest.raises(ModelUnavailable):
        registry.load("evil")
    assert not proof.exists()


@pytest.mark.parametrize(
    "raw", [b"", b"nonsense", pickle.dumps([1]), pickle.dumps({"weights": {"a": 1}}), pickle.dumps({})]
)
def test_a_file_that_is_no_model_is_refused(registry: ModelRegistry, raw: bytes) -> None:
    """Any bytes give the same error."""
    _plant(registry, "odd", raw)
    with pytest.raises(ModelUnavailable):
        registry.load("odd")


@pytest.mark.parametrize(
    "name", ["weights", "signal_weights", "means", "bias", "contribution_limits", "features_version", "signals"]
)
def test_a_model_without_one_of_its_arrays_is_refused(registry: ModelRegistry, name: str) -> None:
    """An incomplete model does not serve."""
    arrays = small_arrays()
    del arrays[name]
    registry.add(arrays, small_card("partial"))
    with pytest.raises(ModelUnavailable):
        registry.load("partial")


def test_site_weights_load_unchanged(registry: ModelRegistry) -> None:
    """The weights of a site and its URL survive the file."""
    registry.add(odd_result().arrays(), small_card("odd"))
    loaded, trained = registry.load("odd").weights_by_site, odd_model().weights_by_site
    assert loaded.keys() == trained.keys() == {ODD_SITE}
    pairs = zip(loaded[ODD_SITE].to_list(), trained[ODD_SITE].to_list(), strict=True)
    assert all(np.array_equal(value, expected) for value, expected in pairs)


def _with(position: int, value: Any) -> list[Any]:
    """Return the odd model's site weights with another value at a position."""
    ((url, values),) = odd_result().arrays()["weights_by_site"]
    return [[url, [*values[:position], value, *values[position + 1 :]]]]


@pytest.mark.parametrize(
    "weights_by_site",
    [
        7,
        ["odd"],
        [["https://odd.example"]],
        [["https://odd.example", []]],
        _with(0, np.array([3, 2, 1], dtype=np.int32)),
        _with(0, np.array([-1], dtype=np.int32)),
        _with(0, np.array([N_COLUMNS], dtype=np.int32)),
        _with(0, np.array([2**62, -(2**63) + 2**23])),
        _with(0, np.array([1.5])),
        _with(1, np.array([1.0], dtype=np.float16)),
        _with(2, float("nan")),
        _with(2, "1"),
        _with(2, -1.0),
        _with(2, 1e300),
        _with(3, np.zeros(3)),
        _with(4, float("inf")),
        _with(5, np.full((len(NAMESPACES), 2), np.nan)),
    ],
)
def test_malformed_site_weights_are_refused(registry: ModelRegistry, weights_by_site: Any) -> None:
    """Columns out of range or order, other shapes and values that are not finite give the same error."""
    registry.add({**small_arrays(), "weights_by_site": weights_by_site}, small_card("odd"))
    with pytest.raises(ModelUnavailable, match="no usable weights_by_site"):
        registry.load("odd")


def test_site_weights_that_overflow_are_clipped(registry: ModelRegistry) -> None:
    """Half floats end at 65,504. Larger weights of a site are clipped there, so the score stays a probability."""
    arrays = small_arrays()
    arrays["weights"] = np.full(N_COLUMNS, 60_000, dtype=np.float16)
    registry.add({**arrays, "weights_by_site": _with(2, 1000.0)}, small_card("odd"))
    model = registry.load("odd").for_site(ODD_SITE)
    assert 0 <= score(model, ParsedComment(Comment("hello there"))).probability <= 1


def _cyclic() -> list[Any]:
    values: list[Any] = []
    values.extend([values] * 50)
    return values


def _nested(depth: int) -> list[Any]:
    values: list[Any] = []
    for _ in range(depth):
        values = [values]
    return values


def _doubled(depth: int) -> list[Any]:
    """Return a list of 2**depth elements that takes little space in a pickle."""
    values: list[Any] = []
    for _ in range(depth):
        values = [values, values]
    return values


@pytest.mark.parametrize("value", [_cyclic(), _nested(100), _doubled(40)], ids=["cyclic", "deep", "doubled"])
@pytest.mark.parametrize("name", ["weights_by_site", "signals", "extra"])
def test_nested_values_are_refused_at_once(registry: ModelRegistry, name: str, value: list[Any]) -> None:
    """A list that contains itself, deeply or many times, is no model. The check ends without recursion."""
    raw = io.BytesIO()
    joblib.dump({**small_arrays(), name: value}, raw)
    _plant(registry, "odd", raw.getvalue())
    with pytest.raises(ModelUnavailable, match="more than arrays and plain values"):
        registry.load("odd")


def test_a_pickle_nested_deeper_than_the_stack_is_refused(registry: ModelRegistry) -> None:
    """Such a file is a few opcodes, repeated."""
    _plant(registry, "odd", b"\x80\x02}X\x01\x00\x00\x00a" + b"]" * 200_000 + b"a" * 199_999 + b"s.")
    with pytest.raises(ModelUnavailable):
        registry.load("odd")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("weights", lambda array: array.astype(np.float64) * np.nan),
        ("weights", lambda array: array[:-1]),
        ("weights", lambda array: array.reshape(1, -1)),
        ("weights", lambda array: array.astype(np.int32)),
        ("signal_weights", lambda array: np.full_like(array, 3e38)),
        ("signal_weights", lambda array: array.astype(bool)),
        ("means", lambda array: np.full_like(array, 1e300)),
        ("means", lambda array: np.full_like(array, -np.inf)),
        ("contribution_limits", lambda array: array.T),
        ("contribution_limits", lambda array: np.full_like(array, 1e300)),
        ("bias", lambda _: float("nan")),
        ("bias", lambda _: 1e300),
        ("bias", lambda _: 10**5000),
        ("weights_by_site", lambda _: [[["https://odd.example"], small_arrays()["means"]]]),
        ("weights_by_site", lambda _: [[7, odd_result().arrays()["weights_by_site"][0][1]]]),
    ],
)
def test_impossible_numbers_and_shapes_are_refused(
    registry: ModelRegistry, name: str, change: Callable[[Any], Any]
) -> None:
    """Values out of range would make a probability that is no number; other shapes would fail at the first comment."""
    arrays = small_arrays()
    registry.add({**arrays, name: change(arrays.get(name))}, small_card("odd"))
    with pytest.raises(ModelUnavailable, match="train it again"):
        registry.load("odd")


def test_a_huge_file_is_not_read(registry: ModelRegistry) -> None:
    """Its size is known before, so that it costs neither memory nor a checksum."""
    with (registry.folder / "small" / "model.joblib").open("r+b") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ModelUnavailable, match=r"small/model\.joblib has more than"):
        registry.load("small")
