"""`moderation promote`, `rollback` and `models`: from the registry to the live model."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from moderation.actions.published_models import roll_back
from moderation.actions.shadow import read_shadow
from moderation.cli._options import as_json, input_file, labels_option, opened_services
from moderation.cli._output import echo_status, print_json, print_table
from moderation.cli._publishing import publisher
from moderation.cli.training import print_metrics
from moderation.domain.errors import NotFound
from moderation.domain.invisible import show_invisible
from moderation.domain.shadow import ShadowCounts
from moderation.domain.site import Site
from moderation.settings import Settings
from moderation.training import lifecycle
from moderation.training.corpus import LabelWords
from moderation.training.lifecycle import RegistryEntry
from moderation.wiring import open_registry

_LISTED_METRICS = ("caught", "lost", "held")

_id_argument = click.argument("model_id", metavar="ID")


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
    print_metrics(card.metrics)
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
    print_metrics(reader["alone_metrics"])


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
