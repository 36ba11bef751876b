"""A reader is trained on the comments of its model, with the same bytes each time, also after an interruption."""

import csv
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moderation.domain.comment import Comment
from moderation.domain.errors import Conflict, InvalidInput
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.model_card import ModelCard
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import READER_FILE
from moderation.scoring.batches import parsed_probabilities
from moderation.training import lifecycle
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.reader.pretrained import PretrainedWeights
from moderation.training.reader.recipe import ReaderRecipe
from moderation.training.reader.training import train_reader
from moderation.training.recipe import Recipe
from tests.models import STARTER, ignore
from tests.reader.tiny import write_pretrained

# Each trains networks, for seconds.
pytestmark = pytest.mark.e2e

RECIPE = ReaderRecipe(
    rows_per_label=48, batch_size=16, folds=2, learning_rate=1e-3, base="tiny", base_licence="MIT", layers=2
)
"""Six steps for each of three networks."""


def write_files(folder: Path) -> list[Path]:
    """Write three files of 80 labelled comments, each of which is a site."""
    with STARTER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    spam, ham = ([row for row in rows if row["label"] == label] for label in ("spam", "ham"))
    paths = []
    for number in range(3):
        path = folder / f"site-{number}.csv"
        chosen = itertools.chain(spam[number * 40 : number * 40 + 40], ham[number * 40 : number * 40 + 40])
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(chosen)
        paths.append(path)
    return paths


class Workshop:
    """A registry with a model, its files, and base weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = ModelRegistry(folder / "models")
        self.files = write_files(folder)
        self.base = PretrainedWeights.from_folder(write_pretrained(folder / "base"))
        now = datetime(2026, 1, 1, tzinfo=UTC)
        lifecycle.train(
            self.registry, self.files, Recipe(folds=3), model_id="alone", report=ignore, now=now, executor=ONE_PROCESSOR
        )

    def train(
        self,
        model_id: str,
        recipe: ReaderRecipe = RECIPE,
        report: Callable[[str], None] = ignore,
        files: list[Path] | None = None,
        alone: str = "alone",
    ) -> ModelCard:
        return train_reader(
            self.registry,
            files or self.files,
            alone,
            recipe,
            model_id=model_id,
            composed=None,
            base=self.base,
            checkpoints=self.folder / model_id,
            report=report,
        )


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    workshop.train("first")
    return workshop


def test_the_model_is_added_with_its_reader(workshop: Workshop) -> None:
    """Its card has origin, figures and thresholds with and without the reader, and it judges."""
    card, alone = workshop.registry.card("first"), workshop.registry.card("alone")
    assert card.reader
    assert (card.reader.alone, card.reader.alone_thresholds) == ("alone", alone.thresholds)
    assert (card.reader.base, card.reader.base_licence, card.reader.base_digest) == (
        "tiny",
        "MIT",
        workshop.base.digest,
    )
    assert card.digest == alone.digest
    assert card.reader.alone_metrics.keys() == card.metrics.keys()
    assert 0.0 < card.reader.asked["spam"] <= 1.0
    model = workshop.registry.load("first")
    assert (model.id, model.thresholds, model.reader_problem) == ("first", card.thresholds, "")
    assert 0.0 < parsed_probabilities(model, [ParsedComment(Comment("Thanks for this."))])[0] < 1.0


class Interrupted(Exception):
    """Stands for a power failure."""


def test_the_same_run_gives_the_same_bytes_also_after_an_interruption(workshop: Workshop) -> None:
    """The finished parts of a run are not done again."""

    def interrupt(message: str) -> None:
        if message.startswith("fold-2: step"):
            raise Interrupted

    with pytest.raises(Interrupted):
        workshop.train("second", report=interrupt)
    said: list[str] = []
    card = workshop.train("second", report=said.append)
    assert [message for message in said if "goes on" in message] == [
        "fold-1: goes on after step 6.",
        "fold-2: goes on after step 6.",
    ]
    first = workshop.registry.card("first")
    assert card.reader == first.reader
    content = [(workshop.registry.folder / name / READER_FILE).read_bytes() for name in ("first", "second")]
    assert content[0] == content[1]
    assert not (workshop.folder / "second").exists()


def test_another_seed_gives_another_reader(workshop: Workshop) -> None:
    """A checkpoint of other settings is not continued."""
    card = workshop.train("third", replace(RECIPE, seed=2))
    first = workshop.registry.card("first").reader
    assert card.reader
    assert first
    assert card.reader.digest != first.digest


def test_a_reader_is_refused_for_other_comments(workshop: Workshop) -> None:
    """Its calibration would flatter it."""
    with pytest.raises(InvalidInput, match=r"other files\. They differ in: site-2"):
        workshop.train("fourth", files=workshop.files[:2])
    with pytest.raises(InvalidInput, match="has a reader"):
        workshop.train("fourth", alone="first")
    with pytest.raises(InvalidInput, match="base_digest"):
        workshop.train("fourth", replace(RECIPE, base_digest="0" * 64))
    with pytest.raises(Conflict):
        workshop.train("first")
