"""`moderation train` and `evaluate`: a model from labelled comments, and models measured on others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from moderation.cli._cluster import cluster_option, opened_executor
from moderation.cli._options import as_json, corpora_argument, input_file, labels_option
from moderation.cli._output import echo_status, open_output, print_json, print_table
from moderation.domain.errors import InvalidInput, ModelUnavailable
from moderation.settings import Settings
from moderation.training import lifecycle
from moderation.training.corpus import SPAM_AND_HAM, LabelWords
from moderation.training.executors import ALL_PROCESSORS, ONE_PROCESSOR
from moderation.training.lifecycle import Evaluation
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling
from moderation.wiring import open_registry

# Without `-`: stdout has the figures.
_page_file = click.Path(dir_okay=False, path_type=Path)
_relabelled_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@corpora_argument
@click.option("--recipe", "recipe_file", metavar="FILE", type=input_file, help="TOML file with training parameters.")
@click.option("--id", "model_id", metavar="ID", help="Name of the model (default: date and time).")
@click.option(
    "--relabelled", metavar="FILE", type=_relabelled_file, help="Corrected labels: source, id and letter in a line."
)
@labels_option
@cluster_option
def train(
    files: tuple[Path, ...],
    recipe_file: Path | None,
    model_id: str | None,
    relabelled: Path | None,
    words: LabelWords,
    cluster: str | None,
) -> None:
    """Train a model on files of labelled comments and add it to the registry. It does not go live.

    CORPUS is CSV, JSON Lines (plain or gzip'd) or Parquet, with at least the columns text and label (spam or ham), or -
    for stdin. Each file is one source. The figures are measured on sources held out in turn.
    """
    recipe = lifecycle.read_recipe(Path("/dev/stdin") if recipe_file == Path("-") else recipe_file)
    if words != SPAM_AND_HAM:
        # The digests on the card do not say how the words of the files were read.
        meanings = ", ".join(f"{word} as {value or 'neither'}" for word, value in words.items())
        recipe = replace(recipe, caveats=(*recipe.caveats, f"Label words were read as follows: {meanings}."))
    relabelling = Relabelling.from_file(relabelled) if relabelled else NOTHING_RELABELLED
    with opened_executor(cluster, ALL_PROCESSORS) as executor:
        card = lifecycle.train(
            open_registry(Settings.from_environment()),
            files,
            recipe,
            model_id=model_id,
            report=echo_status,
            now=datetime.now(UTC),
            words=words,
            relabelling=relabelling,
            executor=executor,
        )
    print_metrics(card.metrics)
    click.echo(f"\nThe model {card.id} is in the registry. It is not live; `moderation promote {card.id}` promotes it.")


@click.command()
@corpora_argument
@click.option("--model", "model_ids", metavar="ID", multiple=True, help="Measure this model instead of the live one.")
@click.option("--report", "page", metavar="FILE", type=_page_file, help="Write an HTML page with curves and mistakes.")
@labels_option
@cluster_option
@as_json
def evaluate(
    files: tuple[Path, ...],
    model_ids: tuple[str, ...],
    page: Path | None,
    words: LabelWords,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Measure models on files of labelled comments, at the models' thresholds. --model may be repeated.

    A model does well on its training data: use comments that it has not seen. Rates are in percent: spam caught (held
    or blocked) and blocked, ham lost (blocked) and held. The page of --report is one HTML file and quotes comments.
    With several models, it compares the others with the live one, or else with the first.
    """
    registry = open_registry(Settings.from_environment())
    live = registry.current_id()
    ids = model_ids or ((live,) if live else ())
    if not ids:
        raise ModelUnavailable("No model is live; name one with --model.")
    if page is None:
        with opened_executor(cluster, ONE_PROCESSOR) as executor:
            evaluations = lifecycle.evaluate(registry, files, ids, echo_status, words, executor)
        _print_evaluations(evaluations, as_json)
        return
    if cluster:
        raise click.UsageError("--report quotes comments, so that it needs their texts here: leave out --cluster.")
    if any(page.exists() and file.exists() and page.samefile(file) for file in files):
        raise InvalidInput(f"--report would overwrite {page.name}, which is one of the files to measure on.")
    with open_output(page) as stream:
        evaluations = lifecycle.evaluate(registry, files, ids, echo_status, words)
        stream.write(lifecycle.render_report(evaluations, live))
    _print_evaluations(evaluations, as_json)
    echo_status(f"The report is in {page}. It quotes comments, so share it with care.")


def print_metrics(metrics: Mapping[str, float]) -> None:
    """Print the figures of a model card as a table."""
    print_table(("FIGURE", "VALUE"), [(name, f"{value:.4f}") for name, value in metrics.items()])


def _print_evaluations(evaluations: Sequence[Evaluation], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"model": evaluation.model, "metrics": evaluation.metrics, "sources": evaluation.rows()}
                for evaluation in evaluations
            ]
        )
        return
    for evaluation in evaluations:
        click.echo(f"Model {evaluation.model}")
        click.echo(evaluation.format_table())
        click.echo("  ".join(f"{name} {value:.4f}" for name, value in evaluation.metrics.items()) + "\n")
