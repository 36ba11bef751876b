"""`moderation train-reader`: a second reader for a model, trained on the model's own comments."""

from collections.abc import Mapping
from pathlib import Path

import click

from moderation.cli._options import corpora_argument, input_file, labels_option
from moderation.cli._output import echo_status, print_table
from moderation.domain.errors import InvalidInput, ModelUnavailable
from moderation.settings import Settings
from moderation.training.corpus import LabelWords
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling
from moderation.wiring import open_registry

_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@corpora_argument
@click.option("--model", "alone", metavar="ID", help="The model that gets a reader, in place of the live one.")
@click.option("--id", "model_id", metavar="ID", required=True, help="Name of the model with its reader.")
@click.option("--recipe", "recipe_file", metavar="FILE", type=input_file, help="TOML file with the reader's settings.")
@click.option("--base", "base_folder", metavar="FOLDER", type=_folder, help="Weights to start from, as files of BERT.")
@click.option("--relabelled", metavar="FILE", type=_file, help="The corrected labels that the model was trained with.")
@click.option("--composed", "composed_folder", metavar="FOLDER", type=_folder, help="Files of composed comments.")
@click.option(
    "--checkpoints",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where an interrupted run goes on from (default: a folder beside the database).",
)
@labels_option
def train_reader(
    files: tuple[Path, ...],
    alone: str | None,
    model_id: str,
    recipe_file: Path | None,
    base_folder: Path | None,
    relabelled: Path | None,
    composed_folder: Path | None,
    checkpoints: Path | None,
    words: LabelWords,
) -> None:
    """Train a second reader for a model and add both, under a new name, to the registry. It does not go live.

    CORPUS are the files that the model was trained on. The same command goes on with an interrupted run.
    """
    settings = Settings.from_environment()
    registry = open_registry(settings)
    alone = alone or registry.current_id()
    if alone is None:
        raise ModelUnavailable("No model is live; name one with --model.")
    try:
        # Its libraries are an extra.
        from moderation.training.composition import COMPOSED_COUNT, compose
        from moderation.training.reader.pretrained import PretrainedWeights
        from moderation.training.reader.recipe import ReaderRecipe
        from moderation.training.reader.training import train_reader as train
    except ModuleNotFoundError as error:
        raise InvalidInput(f"{error.name} is not installed: pip install 'moderation[reader-train]'.") from None
    recipe = ReaderRecipe.from_file(recipe_file) if recipe_file else ReaderRecipe()
    card = train(
        registry,
        files,
        alone,
        recipe,
        model_id=model_id,
        composed=compose(composed_folder, recipe.seed, COMPOSED_COUNT) if composed_folder else None,
        base=PretrainedWeights.from_folder(base_folder) if base_folder else PretrainedWeights.installed(),
        checkpoints=checkpoints or settings.var / "reader-training" / model_id,
        report=echo_status,
        words=words,
        relabelling=Relabelling.from_file(relabelled) if relabelled else NOTHING_RELABELLED,
    )
    _print_metrics(card.metrics, card.reader.alone_metrics if card.reader else {})
    click.echo(f"\nThe model {card.id} is in the registry. It is not live; `moderation promote {card.id}` promotes it.")


def _print_metrics(metrics: Mapping[str, float], alone: Mapping[str, float]) -> None:
    rows = [(name, f"{alone[name]:.4f}" if name in alone else "", f"{value:.4f}") for name, value in metrics.items()]
    print_table(("FIGURE", "ALONE", "WITH THE READER"), rows)
