"""The labelled comments to measure with: a folder that is not part of the project."""

import os
from pathlib import Path

from benchmarks.rows import ROOT, Row, unmeasured
from moderation.training.corpus import Corpus, read_corpus
from moderation.training.fitting import TrainingResult, build_training_set, train
from moderation.training.recipe import Recipe
from moderation.training.relabelling import Relabelling

VARIABLE = "MODERATION_DATA"
RECIPE = ROOT / "data" / "recipe.toml"
STARTER = ROOT / "data" / "starter.csv"
RELABELLED = ROOT / "data" / "relabelled.tsv"


def folder() -> Path | None:
    """Return the folder that `MODERATION_DATA` names, or `None` if it is unset or does not exist."""
    path = os.environ.get(VARIABLE)
    return Path(path) if path and Path(path).is_dir() else None


def no_folder(name: str) -> list[Row]:
    """Return the row of a benchmark that needs the folder."""
    return [unmeasured(name, f"the data folder is absent; set {VARIABLE}")]


def read_all(data: Path) -> Corpus:
    """Read every corpus of the folder and the starter corpus, in the order of `corpora`, with the corrected labels."""
    return read_corpus(corpora(data), print, relabelling=Relabelling.from_file(RELABELLED))


def train_on_all(data: Path, recipe: Recipe) -> TrainingResult:
    """Train by the recipe on every corpus that `read_all` reads."""
    return train(build_training_set(read_all(data), recipe, print), recipe, print)


def corpora(data: Path) -> list[Path]:
    """Return the paths of the folder's corpora, sorted by name, then that of the starter corpus."""
    return [*sorted(data.glob("*.csv.gz")), STARTER]
