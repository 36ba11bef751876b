"""The network as an ONNX graph for one comment, built here from arrays: no graph is ever read from a file."""

import numpy as np
from numpy.typing import NDArray

from moderation.reader import onnx_file
from moderation.reader.network import Network
from moderation.reader.onnx_file import FLOAT, Attribute, Message

EMBEDDED, LOGIT = "embedded", "logit"
"""Names of the input, the sum of the embeddings, of shape (tokens, width), and of the output of shape (1,)."""
_NORM_EPSILON = 1e-12


def build_graph(network: Network) -> Message:
    """Return the parts of the ONNX file of a network. A token attends to all tokens of the comment."""
    graph = _Graph()
    sizes = network.sizes
    floats = network.floats
    states = graph.norm(EMBEDDED, floats["embedded_norm_gain"], floats["embedded_norm_shift"])
    for layer in range(sizes.layers):
        attended = _linear(graph, network, "attended", layer, _attend(graph, network, layer, states))
        states = _norm(graph, network, "attended_norm", layer, graph("Add", states, attended))
        inner = graph("Gelu", _linear(graph, network, "inner", layer, states))
        outer = _linear(graph, network, "outer", layer, inner)
        states = _norm(graph, network, "outer_norm", layer, graph("Add", states, outer))
    mean = graph("ReduceMean", states, graph.constant(np.array([0])), keepdims=0)
    pooled = graph("Concat", mean, graph("Gather", states, graph.constant(np.array(0))), axis=0)
    product = graph("MatMul", pooled, graph.constant(floats["head_weights"][:, None]))
    graph("Add", product, graph.constant(floats["head_bias"]), output=LOGIT)
    return graph.to_file(sizes.width)


def _attend(graph: "_Graph", network: Network, layer: int, states: str) -> str:
    """Return scaled dot-product attention with several heads (Vaswani et al. 2017, section 3.2)."""
    heads, width = network.sizes.heads, network.sizes.width
    by_head = graph.constant(np.array([-1, heads, width // heads]))
    projected = _linear(graph, network, "attention", layer, states)
    parts = graph.split(projected, 3)
    queries, keys, values = (graph("Reshape", part, by_head) for part in parts)
    queries = graph("Transpose", queries, perm=[1, 0, 2])
    products = graph("MatMul", queries, graph("Transpose", keys, perm=[1, 2, 0]))
    scaled = graph("Mul", products, graph.constant(np.array((width // heads) ** -0.5, np.float32)))
    attention = graph("Softmax", scaled, axis=-1)
    attended = graph("MatMul", attention, graph("Transpose", values, perm=[1, 0, 2]))
    rejoined = graph("Transpose", attended, perm=[1, 0, 2])
    return graph("Reshape", rejoined, graph.constant(np.array([-1, width])))


def _linear(graph: "_Graph", network: Network, name: str, layer: int, states: str) -> str:
    """Return the product with a stored matrix, whole numbers times whole numbers, plus its bias."""
    weights = graph.constant(network.matrices[name][layer])
    scale = graph.constant(network.floats[f"{name}_scale"][layer])
    bias = graph.constant(network.floats[f"{name}_bias"][layer])
    whole, step, zero = graph.quantize(states)
    product = graph("Cast", graph("MatMulInteger", whole, weights, zero), to=FLOAT)
    return graph("Add", graph("Mul", product, graph("Mul", step, scale)), bias)


def _norm(graph: "_Graph", network: Network, name: str, layer: int, states: str) -> str:
    return graph.norm(states, network.floats[f"{name}_gain"][layer], network.floats[f"{name}_shift"][layer])


class _Graph:
    """Collects the nodes and constants of a graph. Calling it adds a node and returns the name of its output."""

    def __init__(self) -> None:
        self._nodes: list[Message] = []
        self._constants: list[Message] = []

    def __call__(self, operator: str, *inputs: str, output: str = "", **attributes: Attribute) -> str:
        output = output or f"value_{len(self._nodes)}"
        self._nodes.append(onnx_file.node(operator, inputs, [output], **attributes))
        return output

    def constant(self, array: NDArray[np.generic]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(onnx_file.tensor(name, array))
        return name

    def norm(self, states: str, gain: NDArray[np.float32], shift: NDArray[np.float32]) -> str:
        """Add layer normalization (Ba, Kiros and Hinton 2016)."""
        inputs = states, self.constant(gain), self.constant(shift)
        return self("LayerNormalization", *inputs, axis=-1, epsilon=_NORM_EPSILON)

    def split(self, states: str, count: int) -> list[str]:
        return self._several("Split", states, count, axis=-1, num_outputs=count)

    def quantize(self, states: str) -> list[str]:
        """Return the states as whole numbers, the size of their unit, and the number that stands for zero."""
        return self._several("DynamicQuantizeLinear", states, 3)

    def _several(self, operator: str, states: str, count: int, **attributes: Attribute) -> list[str]:
        outputs = [f"value_{len(self._nodes)}_{number}" for number in range(count)]
        self._nodes.append(onnx_file.node(operator, [states], outputs, **attributes))
        return outputs

    def to_file(self, width: int) -> Message:
        inputs = [onnx_file.value(EMBEDDED, FLOAT, ["length", width])]
        return onnx_file.model(self._nodes, self._constants, inputs, [onnx_file.value(LOGIT, FLOAT, [1])])
