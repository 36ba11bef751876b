"""`moderation train`, `evaluate`, `promote`, `rollback` and `models`: from labelled comments to the live model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from moderation.actions.published_models import roll_back
from moderation.actions.shadow import read_shadow
from moderation.cli._options import as_json, corpora_argument, input_file, labels_option, opened_services
from moderation.cli._output import echo_status, open_output, print_json, print_table
from moderation.cli._publishing import publisher
from moderation.domain.errors import InvalidInput, ModelUnavailable, NotFound
from moderation.domain.invisible import show_invisible
from moderation.domain.shadow import ShadowCounts
from moderation.domain.site import Site
from moderation.settings import Settings
from moderation.training import lifecycle
from moderation.training.corpus import SPAM_AND_HAM, LabelWords
from moderation.training.lifecycle import Evaluation, RegistryEntry
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling
from moderation.wiring import open_registry

_LISTED_METRICS = ("caught", "lost", "held")

# Without `-`: stdout has the figures.
_page_file = click.Path(dir_okay=False, path_type=Path)
_relabelled_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_id_argument = click.argument("model_id", metavar="ID")


@click.command()
@corpora_argument
@click.option("--recipe", "recipe_file", metavar="FILE", type=input_file, help="TOML file with training parameters.")
@click.option("--id", "model_id", metavar="ID", help="Name of the model (default: date and time).")
@click.option(
    "--relabelled", metavar="FILE", type=_relabelled_file, help="Corrected labels: source, id and letter in a line."
)
@labels_option
def train(
    files: tuple[Path, ...],
    recipe_file: Path | None,
    model_id: str | None,
    relabelled: Path | None,
    words: LabelWords,
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
    card = lifecycle.train(
        open_registry(Settings.from_environment()),
        files,
        recipe,
        model_id=model_id,
        report=echo_status,
        now=datetime.now(UTC),
        words=words,
        relabelling=Relabelling.from_file(relabelled) if relabelled else NOTHING_RELABELLED,
    )
    _print_metrics(card.metrics)
    click.echo(f"\nThe model {card.id} is in the registry. It is not live; `moderation promote {card.id}` promotes it.")


@click.command()
@corpora_argument
@click.option("--model", "model_ids", metavar="ID", multiple=True, help="Measure this model instead of the live one.")
@click.option("--report", "page", metavar="FILE", type=_page_file, help="Write an HTML page with curves and mistakes.")
@labels_option
@as_json
def evaluate(
    files: tuple[Path, ...], model_ids: tuple[str, ...], page: Path | None, words: LabelWords, as_json: bool
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
        _print_evaluations(lifecycle.evaluate(registry, files, ids, echo_status, words), as_json)
        return
    if any(page.exists() and file.exists() and page.samefile(file) for file in files):
        raise InvalidInput(f"--report would overwrite {page.name}, which is one of the files to measure on.")
    with open_output(page) as stream:
        evaluations = lifecycle.evaluate(registry, files, ids, echo_status, words)
        stream.write(lifecycle.render_report(evaluations, live))
    _print_evaluations(evaluations, as_json)
    echo_status(f"The report is in {page}. It quotes comments, so share it with care.")


@click.command()
@_id_argument
@click.option(
    "--against",
    "files",
    metavar="CORPUS",
    multiple=True,
    type=input_file,
    help="Compare with the live model on this file, which neither was trained on; may be repeated.",
)
@click.option("--force", is_flag=True, help="Promote the model against all objections, which the log keeps.")
@labels_option
def promote(model_id: str, files: tuple[Path, ...], force: bool, words: LabelWords) -> None:
    """Make the model ID the live one. Running servers use it from their next request on.

    With MODERATION_MODEL_SOURCE=database all machines do, within seconds.

    It must be better than the live one on the files of --against, and no worse in any respect. Otherwise it is refused
    with every reason, and exit code 3.
    """
    settings = Settings.from_environment()
    with publisher(settings) as publish:
        lifecycle.promote(
            open_registry(settings),
            model_id,
            files,
            force=force,
            report=echo_status,
            now=datetime.now(UTC),
            words=words,
            publish=publish,
        )
    click.echo(f"The model {model_id} is live. `moderation rollback` goes back.")


@click.command()
def rollback() -> None:
    """Go back to the previous live model."""
    settings = Settings.from_environment()
    if settings.model_source == "database":
        with opened_services(settings) as services:
            model_id = roll_back(services)
    else:
        model_id = open_registry(settings).rollback(datetime.now(UTC))
    click.echo(f"The model {model_id} is live again.")


@click.group()
def models() -> None:
    """List the models of the registry and show their cards."""


@models.command(name="list")
@as_json
def list_models(as_json: bool) -> None:
    """List the models with their thresholds and rates.

    A star marks the live model. The rates are those of the cards.
    """
    entries = lifecycle.list_models(open_registry(Settings.from_environment()))
    if as_json:
        print_json([_entry_to_dict(entry) for entry in entries])
    else:
        header = ("", "MODEL", "REVIEW", "SPAM", "DISCARD", *map(str.upper, _LISTED_METRICS), "")
        print_table(header, map(_entry_row, entries))


@models.command()
@as_json
def log(as_json: bool) -> None:
    """List the promotions and rollbacks, with the objections that --force overruled."""
    promotions = open_registry(Settings.from_environment()).promotions()
    if as_json:
        print_json([asdict(each) | {"at": each.at.isoformat()} for each in promotions])
        return
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M} UTC", each.model, each.former or "", each.way, "; ".join(each.objections))
        for each in promotions
    ]
    print_table(("AT", "MODEL", "FORMER", "BY", "OVERRULED"), rows)


@models.command()
@click.argument("model_id", metavar="[ID]", required=False)
@click.option("--stop", is_flag=True, help="End the comparison; the counts stay until the next one.")
@as_json
def shadow(model_id: str | None, stop: bool, as_json: bool) -> None:
    """Compare the model ID with each new decision, after its answer; without ID, show the counts so far.

    A running server compares some 25 decisions a second. It answers as without a shadow.
    """
    registry = open_registry(Settings.from_environment())
    if stop or model_id:
        registry.set_shadow(None if stop else model_id)
        click.echo("No model is compared." if stop else f"{model_id} is compared with each decision from now on.")
        return
    current = registry.shadow_id()
    if current is None:
        raise NotFound("No model is compared: name one, such as `moderation models shadow ID`.")
    with opened_services() as services:
        counted = read_shadow(services, current)
    if as_json:
        print_json({"model": current, "sites": [_shadow_as_json(site, counts) for site, counts in counted]})
        return
    click.echo(f"Shadow {current}")
    rows = [
        (site.url, f"{counts.started_at:%Y-%m-%d %H:%M} UTC", f"{before} -> {after}", f"{count:,}")
        for site, counts in counted
        for (before, after), count in counts.counts.most_common()
    ]
    print_table(("SITE", "SINCE", "VERDICT", "COMMENTS"), rows)
    for site, counts in counted:
        for decision_id, verdict in counts.changed:
            click.echo(f"{decision_id}  {verdict}  {site.url}")


@models.command()
@_id_argument
@as_json
def show(model_id: str, as_json: bool) -> None:
    """Show the card of the model ID.

    It has the training data, the figures and the limits of the model.
    """
    card = open_registry(Settings.from_environment()).card(model_id)
    if as_json:
        print_json(asdict(card))
        return
    click.echo(f"Model {card.id}, features {card.features_version}, SHA-256 {show_invisible(card.digest)}\n")
    thresholds = [(name, f"{threshold:.4f}") for name, threshold in asdict(card.thresholds).items()]
    print_table(("THRESHOLD", "VALUE"), thresholds)
    click.echo()
    for entry in fields(card.general_guarantees) if card.general_guarantees else ():
        click.echo(f"The {entry.name} threshold: {getattr(card.general_guarantees, entry.name)}.")
    if card.general_guarantees is None:
        click.echo("No general guarantee: sites block after their own ham has proved the thresholds.")
    click.echo()
    _print_metrics(card.metrics)
    if card.reader:
        click.echo()
        _print_reader(asdict(card.reader))
    click.echo()
    print_table(
        ("CORPUS", "SPAM", "HAM", "LICENCE"),
        [(corpus.source, str(corpus.spam), str(corpus.ham), corpus.licence) for corpus in card.corpora],
    )
    if card.sites:
        click.echo()
        sites = [(site.url, str(site.spam), str(site.ham), *_format_rates(site.metrics)) for site in card.sites]
        print_table(("SITE", "SPAM", "HAM", *map(str.upper, _LISTED_METRICS)), sites)
    if card.relabelling:
        click.echo(f"\nLabels were corrected by a file with SHA-256 {show_invisible(card.relabelling)}.")
    for name, guarantee in card.guarantees.items():
        click.echo(f"\nThe {show_invisible(name)} threshold: {guarantee}.")
    for caveat in card.caveats:
        click.echo(f"\n{show_invisible(caveat)}")


def _print_reader(reader: Mapping[str, Any]) -> None:
    asked = " and ".join(f"{share:.0%} of the {kind}" for kind, share in reader["asked"].items())
    shown = {name: show_invisible(reader[name]) for name in ("base", "base_licence", "digest", "alone")}
    click.echo(
        f"With a second reader, made from {shown['base']} ({shown['base_licence']}), SHA-256 {shown['digest']}. "
        f"It is asked about {show_invisible(asked)}. The model without it is {shown['alone']}:\n"
    )
    _print_metrics(reader["alone_metrics"])


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


def _print_metrics(metrics: Mapping[str, float]) -> None:
    print_table(("FIGURE", "VALUE"), [(name, f"{value:.4f}") for name, value in metrics.items()])


def _entry_row(entry: RegistryEntry) -> tuple[str, ...]:
    mark = "*" if entry.live else ""
    if entry.card is None:
        return mark, entry.id, *[""] * (3 + len(_LISTED_METRICS)), entry.load_error or ""
    thresholds = [f"{threshold:.4f}" for threshold in asdict(entry.card.thresholds).values()]
    return mark, entry.id, *thresholds, *_format_rates(entry.card.metrics), ""


def _format_rates(metrics: Mapping[str, float]) -> list[str]:
    return [f"{metrics[name]:.2%}" if name in metrics else "" for name in _LISTED_METRICS]


def _shadow_as_json(site: Site, counts: ShadowCounts) -> dict[str, Any]:
    return {
        "site": site.url,
        "since": counts.started_at.isoformat(),
        "compared": counts.counts.total(),
        "counts": [
            {"before": before, "after": after, "count": count} for (before, after), count in counts.counts.items()
        ],
        "changed": [{"decision": decision_id, "verdict": verdict} for decision_id, verdict in counts.changed],
    }


def _entry_to_dict(entry: RegistryEntry) -> dict[str, Any]:
    figures = {"thresholds": asdict(entry.card.thresholds), "metrics": entry.card.metrics} if entry.card else {}
    return {"id": entry.id, "live": entry.live, "load_error": entry.load_error, **figures}
