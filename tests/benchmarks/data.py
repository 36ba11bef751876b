"""Where the labelled comments for measuring lie: a folder that is not part of the project."""

import os
from pathlib import Path

from moderation.learning.corpus import Corpus, read_corpus
from tests.benchmarks.rows import ROOT, Row

VARIABLE = "MODERATION_DATA"
RECIPE = ROOT / "data" / "recipe.toml"
STARTER = ROOT / "data" / "starter.csv"


def folder() -> Path | None:
    """The folder that `MODERATION_DATA` names, `None` where there is none."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named and Path(named).is_dir() else None


def absent(what: str) -> list[Row]:
    """The row of a benchmark that could not run."""
    return [Row(what, None, f"the data folder is absent; name it in {VARIABLE}")]


def read_all(data: Path) -> Corpus:
    """Every corpus of the folder and the starter corpus, in the order of their names."""
    return read_corpus(corpora(data), print)


def corpora(data: Path) -> list[Path]:
    """Every corpus of the folder in the order of their names, then the starter corpus."""
    return [*sorted(data.glob("*.csv.gz")), STARTER]
