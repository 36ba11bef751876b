"""The reader's network in JAX: its logits, its loss and one step of its training.

The arithmetic is that of `moderation.reader.graph`, with floats in place of whole numbers, for a batch of padded
sequences.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from moderation.reader.network import Network, NetworkSizes, quantize
from moderation.training.reader.pretrained import Floats, Parameters
from moderation.training.reader.recipe import ReaderRecipe

_NORM_EPSILON = 1e-12
_MASKED = -1e9

Array = jax.Array


class Batch(NamedTuple):
    """Padded sequences: embeddings of the words (rows, tokens, width), segments and masks (rows, tokens), labels."""

    words: Floats
    segments: NDArray[np.int32]
    mask: Floats
    spam: Floats


def logits(heads: int, parameters: Parameters, batch: Batch, key: Array | None = None, dropout: float = 0.0) -> Array:
    """Return the logit of each sequence. With a key, states are dropped at random, as in training."""
    length = batch.words.shape[1]
    states = batch.words + parameters["segments"][batch.segments] + parameters["positions"][:length]
    states = _norm(states, parameters["embedded_norm"])
    hidden = jnp.asarray((1.0 - batch.mask)[:, None, None, :] * _MASKED)

    def drop(values: Array, number: Array) -> Array:
        if key is None:
            return values
        kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1.0 - dropout, values.shape)
        return jnp.where(kept, values / (1.0 - dropout), 0.0)

    def layer(states: Array, numbered: tuple[Array, Parameters]) -> tuple[Array, None]:
        number, weights = numbered
        attended = _linear(_attend(heads, _linear(states, weights["attention"]), hidden), weights["attended"])
        states = _norm(states + drop(attended, 2 * number), weights["attended_norm"])
        inner = jax.nn.gelu(_linear(states, weights["inner"]), approximate=False)
        outer = _linear(inner, weights["outer"])
        return _norm(states + drop(outer, 2 * number + 1), weights["outer_norm"]), None

    layers = parameters["layers"]
    count = layers["inner"][1].shape[0]
    # Unrolled, a step takes a tenth less time.
    states, _ = jax.lax.scan(layer, states, (jnp.arange(count), layers), unroll=count)
    mean = (states * batch.mask[..., None]).sum(axis=1) / batch.mask.sum(axis=1, keepdims=True)
    return _linear(jnp.concatenate([mean, states[:, 0]], axis=1), parameters["head"])


class Trainer:
    """Takes the steps of a training run. The state of the optimizer is part of what `step` takes and returns."""

    def __init__(self, sizes: NetworkSizes, recipe: ReaderRecipe, steps: int) -> None:
        self._optimizer = _optimizer(recipe, steps)
        forward = partial(logits, sizes.heads)

        def loss(parameters: Parameters, batch: Batch, key: Array) -> Array:
            found = forward(parameters, batch, key, recipe.dropout)
            smoothed = batch.spam * (1.0 - recipe.label_smoothing) + recipe.label_smoothing / 2
            return jnp.mean(optax.sigmoid_binary_cross_entropy(found, smoothed))

        def step(parameters: Parameters, state: Any, batch: Batch, key: Array) -> tuple[Parameters, Any, Array]:
            value, gradients = jax.value_and_grad(loss)(parameters, batch, key)
            updates, state = self._optimizer.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state, value

        self.step: Callable[..., tuple[Parameters, Any, Array]] = jax.jit(step, donate_argnums=(0, 1))

    def initial_state(self, parameters: Parameters) -> Any:
        """Return the state of the optimizer before the first step."""
        return self._optimizer.init(parameters)


def to_network(sizes: NetworkSizes, words: Floats, parameters: Parameters) -> Network:
    """Return the trained network as whole numbers with their scales."""
    matrices, floats = {}, {}
    matrices["words"], floats["words_scale"] = quantize(words, axis=1)
    values = jax.tree.map(lambda array: np.asarray(array, np.float32), parameters)
    for name, (first, second) in values["layers"].items():
        if name in sizes.matrices():
            matrices[name], floats[f"{name}_scale"] = quantize(first, axis=1)
            floats[f"{name}_bias"] = second
        else:
            floats[f"{name}_gain"], floats[f"{name}_shift"] = first, second
    floats["embedded_norm_gain"], floats["embedded_norm_shift"] = values["embedded_norm"]
    floats["positions"], floats["segments"] = values["positions"], values["segments"]
    floats["head_weights"], floats["head_bias"] = values["head"][0], values["head"][1].reshape(1)
    return Network(sizes, matrices, floats)


def _optimizer(recipe: ReaderRecipe, steps: int) -> optax.GradientTransformation:
    """Return AdamW (Loshchilov and Hutter 2019) with a warm-up and a cosine decay, faster for the new last layer."""
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, recipe.learning_rate, max(1, int(recipe.warmup * steps)), max(2, steps)
    )

    def of_head(count: Array) -> Array:
        return recipe.head_factor * jnp.asarray(schedule(count))

    rates = {"body": schedule, "head": of_head}
    adam = {name: optax.adamw(rate, weight_decay=recipe.weight_decay) for name, rate in rates.items()}
    return optax.chain(optax.clip_by_global_norm(recipe.max_gradient_norm), optax.multi_transform(adam, _rate_names))


def _rate_names(parameters: Parameters) -> Parameters:
    """Return the name of the learning rate of each array."""
    return {
        name: jax.tree.map(lambda _, name=name: "head" if name == "head" else "body", part)
        for name, part in parameters.items()
    }


def _attend(heads: int, projected: Array, hidden: Array) -> Array:
    """Return scaled dot-product attention with several heads (Vaswani et al. 2017, section 3.2)."""
    rows, length, width = *projected.shape[:2], projected.shape[2] // 3

    def by_head(values: Array) -> Array:
        return values.reshape(rows, length, heads, width // heads).transpose(0, 2, 1, 3)

    queries, keys, values = map(by_head, jnp.split(projected, 3, axis=-1))
    products = queries @ keys.transpose(0, 1, 3, 2) * (width // heads) ** -0.5
    attended = jax.nn.softmax(products + hidden, axis=-1) @ values
    return attended.transpose(0, 2, 1, 3).reshape(rows, length, width)


def _linear(states: Array, weights: tuple[Array, Array]) -> Array:
    matrix, bias = weights
    # As a product of two matrices, its gradients take half the time.
    product = states.reshape(-1, states.shape[-1]) @ matrix
    return (product + bias).reshape(*states.shape[:-1], *matrix.shape[1:])


def _norm(states: Array, weights: tuple[Array, Array]) -> Array:
    """Return layer normalization (Ba, Kiros and Hinton 2016)."""
    centered = states - states.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    return centered * jax.lax.rsqrt(variance + _NORM_EPSILON) * weights[0] + weights[1]
