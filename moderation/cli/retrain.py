"""`moderation retrain`: a new model from the labels of all sites, beside a serving process."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from moderation.actions.labelling import export_labels
from moderation.actions.services import Services
from moderation.actions.sites import list_sites
from moderation.cli._label_audit import audit_site
from moderation.cli._options import input_file, opened_services
from moderation.cli._output import echo_status
from moderation.cli._publishing import publisher_of
from moderation.domain.errors import InvalidInput, PromotionRefused
from moderation.settings import Settings
from moderation.training import lifecycle
from moderation.training.low_priority import DEFAULT_MEMORY_MB, end_with_parent, low_priority
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling
from moderation.training.retraining import retrain as retrain_model
from moderation.wiring import open_registry


@click.command()
@click.argument("files", metavar="[CORPUS]...", nargs=-1, type=input_file)
@click.option("--recipe", "recipe_file", metavar="FILE", type=input_file, help="TOML file with training parameters.")
@click.option("--id", "model_id", metavar="ID", help="Name of the model (default: date and time).")
@click.option(
    "--relabelled",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="Corrected labels of the corpora: source, id and letter in a line.",
)
@click.option(
    "--memory", type=click.IntRange(256), default=DEFAULT_MEMORY_MB, show_default=True, help="Limit of memory in MB."
)
@click.option(
    "--parent",
    metavar="PID",
    type=click.IntRange(1),
    help="End when the process PID, which started this one, ends.",
)
@click.option("--no-promote", is_flag=True, help="Leave the model out of service even if it passes the gate.")
def retrain(
    files: tuple[Path, ...],
    recipe_file: Path | None,
    model_id: str | None,
    relabelled: Path | None,
    memory: int,
    parent: int | None,
    no_promote: bool,
) -> None:
    """Train on the labels of all sites and on files, and promote the model if it passes the gate.

    Runs beside the service, with the lowest priority, on one processor and in bounded memory. The newest fifth of each
    site's labels is held out for the comparison with the live model. A model that fails is refused with every reason
    and exit code 3, and stays in the registry. Before the training the labels are audited, as by `labels audit`.
    """
    if parent is not None:
        end_with_parent(parent)
    recipe = lifecycle.read_recipe(recipe_file)
    settings = Settings.from_environment()
    with low_priority(memory), opened_services(settings) as services, tempfile.TemporaryDirectory() as folder:
        _audit_labels(services)
        done = retrain_model(
            open_registry(settings),
            lambda: export_labels(services, None),
            files,
            recipe,
            folder=Path(folder),
            model_id=model_id,
            report=echo_status,
            now=datetime.now(UTC),
            relabelling=Relabelling.from_file(relabelled) if relabelled else NOTHING_RELABELLED,
            promote=not no_promote,
            publish=None if no_promote else publisher_of(services),
        )
    if done.objections:
        raise PromotionRefused(
            f"{done.card.id} was not promoted: {'; '.join(done.objections)}. "
            f"`moderation promote {done.card.id} --force` promotes it anyway."
        )
    state = "is live. `moderation rollback` goes back." if done.promoted else "passes the gate, and is not live."
    if done.card.general_guarantees is None:
        state += " It has no general guarantee: a site blocks more than blatant spam once its own ham proves how much."
    click.echo(f"The model {done.card.id} {state}")


def _audit_labels(services: Services) -> None:
    """Audit the labels of each site. Without cleanlab or memory for it the training goes on."""
    for site in list_sites(services):
        try:
            _, doubtful = audit_site(services, site)
        except InvalidInput as error:
            echo_status(f"No second look at labels: {error}")
            return
        except MemoryError:
            echo_status(f"{site.url}: no second look at labels, as --memory is too small for it.")
        else:
            echo_status(f"{site.url}: {len(doubtful)} labels for a second look.")
