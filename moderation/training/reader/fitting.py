"""Fits the network to drawn comments, step by step. An interrupted run goes on from its last checkpoint."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np

from moderation.reader.network import Network
from moderation.training.reader.encoder import Trainer, to_network
from moderation.training.reader.pretrained import PretrainedWeights
from moderation.training.reader.recipe import ReaderRecipe
from moderation.training.reader.sequences import Sequences

_CHECKPOINT_STEPS = 100

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file with the state of one run after some steps. `run` names the run: another one does not go on from it."""

    path: Path
    run: str

    def save(self, step: int, leaves: Sequence[object]) -> None:
        """Replace the file, atomically."""
        draft = self.path.with_suffix(".draft")
        with draft.open("wb") as file:
            np.savez(file, *[np.asarray(leaf) for leaf in leaves], run=np.array(self.run), step=np.array(step))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def load(self, count: int) -> tuple[int, list[np.ndarray]] | None:
        """Return the step and the arrays of the file, `None` without a usable one of this run."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                if str(file["run"]) == self.run:
                    return int(file["step"]), [file[f"arr_{number}"] for number in range(count)]
        except (OSError, ValueError, KeyError):
            pass
        return None


# The networks of one run have as many steps each, and are compiled once.
_trainer = lru_cache(1)(Trainer)


def fit(
    base: PretrainedWeights,
    sequences: Sequences,
    batches: Sequence[Sequence[int]],
    recipe: ReaderRecipe,
    checkpoint: Checkpoint,
    report: Report,
) -> Network:
    """Return the network after one step for each batch, in whole numbers.

    The same batches, recipe and machine give the same weights, with or without an interruption.
    """
    trainer = _trainer(base.sizes, recipe, len(batches))
    parameters = jax.tree.map(jax.numpy.asarray, base.parameters)
    leaves, structure = jax.tree.flatten((parameters, trainer.initial_state(parameters)))
    first = 0
    if saved := checkpoint.load(len(leaves)):
        first, leaves = saved
        report(f"{checkpoint.path.stem}: goes on after step {first}.")
    parameters, state = jax.tree.unflatten(structure, [jax.numpy.asarray(leaf) for leaf in leaves])
    key, losses = jax.random.key(recipe.seed), []
    for number in range(first, len(batches)):
        batch = sequences.batch(batches[number], base.words)
        parameters, state, loss = trainer.step(parameters, state, batch, jax.random.fold_in(key, number))
        losses.append(float(loss))
        if (number + 1) % _CHECKPOINT_STEPS == 0 or number + 1 == len(batches):
            checkpoint.save(number + 1, jax.tree.leaves((parameters, state)))
            report(f"{checkpoint.path.stem}: step {number + 1} of {len(batches)}, loss {np.mean(losses):.3f}.")
            losses = []
    return to_network(base.sizes, base.words, parameters)
