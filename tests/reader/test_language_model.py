"""The network computes what its arrays say, one comment at a time, and refuses unusable arrays."""

from collections.abc import Callable
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.reader.graph import build_graph
from moderation.reader.inputs import ReaderInput
from moderation.reader.language_model import MAX_WAITING, LanguageModel
from moderation.reader.network import Network
from moderation.reader.tokens import ReaderTokenizer
from moderation.scoring.second_reader import ReaderSkipped, map_in_threads
from tests.reader.tiny import VOCABULARY, tiny_network, tiny_values

COMMENTS = [
    ParsedComment(Comment(text, author="Ann"))
    for text in ("Thanks for the good post.", "Buy cheap shoes " * 40, "", "casino casino", "\U0001f600 привет")
]


def expected_logit(network: Network, parsed: ParsedComment) -> float:
    """Compute the logit with floats in place of whole numbers, straight from the papers."""
    f = network.floats
    w = {
        name: matrix * (f[f"{name}_scale"][:, None] if name == "words" else f[f"{name}_scale"][:, None, :])
        for name, matrix in network.matrices.items()
    }

    def norm(x: Any, name: str, *layer: int) -> Any:
        gain, shift = f[f"{name}_gain"][layer], f[f"{name}_shift"][layer]
        return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12) * gain + shift

    def linear(x: Any, name: str, layer: int) -> Any:
        return x @ w[name][layer] + f[f"{name}_bias"][layer]

    def gelu(x: Any) -> Any:
        from scipy.special import erf

        return x * (1 + erf(x / np.sqrt(2))) / 2

    tokens = ReaderTokenizer(VOCABULARY).tokenize(ReaderInput.of(parsed))
    count, heads, width = len(tokens.numbers), network.sizes.heads, network.sizes.width
    segment = (np.arange(count) >= tokens.first_segment).astype(int)
    x = norm(w["words"][tokens.numbers] + f["segments"][segment] + f["positions"][:count], "embedded_norm")
    for layer in range(network.sizes.layers):
        parts = linear(x, "attention", layer).reshape(count, 3, heads, width // heads).transpose(1, 2, 0, 3)
        weights = np.exp(parts[0] @ parts[1].transpose(0, 2, 1) / np.sqrt(width // heads))
        attended = (weights / weights.sum(2, keepdims=True)) @ parts[2]
        x = norm(
            x + linear(attended.transpose(1, 0, 2).reshape(count, width), "attended", layer), "attended_norm", layer
        )
        x = norm(x + linear(gelu(linear(x, "inner", layer)), "outer", layer), "outer_norm", layer)
    return float(np.concatenate([x.mean(0), x[0]]) @ f["head_weights"] + f["head_bias"][0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_network_is_an_encoder_like_bert(seed: int) -> None:
    """Whole numbers change the logit by a few hundredths of the spread."""
    network = tiny_network(seed)
    model = LanguageModel(network, VOCABULARY)
    logits = [model.read(parsed) for parsed in COMMENTS]
    assert logits == pytest.approx([expected_logit(network, parsed) for parsed in COMMENTS], abs=0.15)


def test_the_graph_is_valid_onnx() -> None:
    """The library `onnx` reads the file that is written here, and its checker accepts it."""
    graph = onnx.load_model_from_string(b"".join(build_graph(tiny_network())))
    onnx.checker.check_model(graph, full_check=True)


def test_a_batch_has_the_logits_of_single_comments() -> None:
    """To the last bit, in threads or in turn: a file is scored like a request."""
    model = LanguageModel(tiny_network(), VOCABULARY)
    alone = [model.read_in_turn(parsed) for parsed in COMMENTS]
    assert list(map_in_threads(model.read, COMMENTS * 20)) == alone * 20
    assert len(model.durations) == len(COMMENTS)


def test_a_queue_that_is_full_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one comment is read, some wait for a bounded time, and the others are skipped at once."""
    model, started, go_on = LanguageModel(tiny_network(), VOCABULARY), Event(), Event()
    run = model.read

    def slow(parsed: ParsedComment) -> float:
        started.set()
        go_on.wait(10)
        return run(parsed)

    monkeypatch.setattr(model, "read", slow)
    first = Thread(target=model.read_in_turn, args=(COMMENTS[0],))
    first.start()
    assert started.wait(10)
    outcomes: list[str] = []

    def ask() -> None:
        try:
            model.read_in_turn(COMMENTS[0])
        except ReaderSkipped as skipped:
            outcomes.append(str(skipped))

    others = [Thread(target=ask) for _ in range(MAX_WAITING + 3)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join(10)
    go_on.set()
    first.join(10)
    assert len(outcomes) == MAX_WAITING + 3
    assert sum("waited for it" in outcome for outcome in outcomes) >= 3
    assert model.read_in_turn(COMMENTS[0]) == run(COMMENTS[0])


def test_a_failure_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the network meets, the comment is judged without it."""
    model = LanguageModel(tiny_network(), VOCABULARY)

    def fail(*_: object) -> list[list[float]]:
        raise MemoryError

    monkeypatch.setattr(model, "_session", SimpleNamespace(run=fail))
    for read in (model.read, model.read_in_turn):
        with pytest.raises(ReaderSkipped, match="MemoryError"):
            read(COMMENTS[0])
    monkeypatch.setattr(model, "_session", SimpleNamespace(run=lambda *_: [[float("nan")]]))
    with pytest.raises(ReaderSkipped, match="no number"):
        model.read(COMMENTS[0])


def set_value(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda values: values.update({name: value})


def poison(name: str, value: float) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        values[name] = values[name].copy()
        values[name].flat[0] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_value("layers", 3),
        set_value("layers", True),
        set_value("layers", 10**9),
        set_value("heads", 3),
        set_value("width", "16"),
        set_value("vocabulary", None),
        set_value("vocabulary", "a\nb"),
        set_value("words_weights", np.zeros((3, 16), np.int8)),
        set_value("inner_weights", None),
        set_value("inner_weights", [1, 2, 3]),
        set_value("outer_bias", np.zeros((2, 16))),
        poison("outer_bias", float("nan")),
        poison("positions", float("inf")),
        poison("attention_scale", 1e30),
        poison("words_weights", 127),
        poison("words_weights", -128),
        lambda values: values.pop("head_bias"),
    ],
)
def test_unusable_values_are_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    """Every array is checked before a session is made of it."""
    with pytest.raises(ValueError, match=r"usable|must be|vocabulary"):
        LanguageModel.from_values(tiny_values(change=change))
