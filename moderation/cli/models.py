"""`moderation models`: what is on the shelf."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from moderation.actions.models import Shelved, list_models, show_model
from moderation.assembly import open_shelf
from moderation.cli.options import as_json
from moderation.cli.printing import print_json, print_table
from moderation.settings import Settings

_SHOWN = ("caught", "lost", "held")


@click.group(name="models")
def command() -> None:
    """The models on the shelf."""


@command.command(name="list")
@as_json
def list_all(as_json: bool) -> None:
    """List the models; a star marks the live one. Shares are those of the card."""
    found = list_models(open_shelf(Settings.from_environment()))
    if as_json:
        print_json([_described(one) for one in found])
    else:
        print_table(("", "MODEL", "REVIEW", "SPAM", "DISCARD", *map(str.upper, _SHOWN), ""), map(_row, found))


@command.command()
@click.argument("model_id", metavar="ID")
@as_json
def show(model_id: str, as_json: bool) -> None:
    """Show the card of the model ID: what it learnt from, how well it does, and what it is not for."""
    card = show_model(open_shelf(Settings.from_environment()), model_id)
    if as_json:
        print_json(asdict(card))
        return
    click.echo(f"Model {card.id}, features {card.features}, SHA-256 {card.digest}\n")
    print_table(("LINE", "FROM"), [(name, f"{line:.4f}") for name, line in asdict(card.lines).items()])
    click.echo()
    print_table(("FIGURE", "VALUE"), [(name, f"{value:.4f}") for name, value in card.metrics.items()])
    click.echo()
    print_table(
        ("CORPUS", "SPAM", "HAM", "LICENCE"),
        [(corpus.source, str(corpus.spam), str(corpus.ham), corpus.licence) for corpus in card.corpora],
    )
    if card.sites:
        click.echo()
        shown = [(one.url, str(one.spam), str(one.ham), *_shares(one.metrics)) for one in card.sites]
        print_table(("SITE", "SPAM", "HAM", *map(str.upper, _SHOWN)), shown)
    for name, certificate in card.certificates.items():
        click.echo(f"\nThe {name} line: {certificate}.")
    for caveat in card.caveats:
        click.echo(f"\n{caveat}")


def _row(one: Shelved) -> tuple[str, ...]:
    mark = "*" if one.live else ""
    if one.card is None:
        return mark, one.id, *[""] * (3 + len(_SHOWN)), one.problem or ""
    lines = [f"{line:.4f}" for line in asdict(one.card.lines).values()]
    return mark, one.id, *lines, *_shares(one.card.metrics), ""


def _shares(metrics: Mapping[str, float]) -> list[str]:
    return [f"{metrics[name]:.2%}" if name in metrics else "" for name in _SHOWN]


def _described(one: Shelved) -> dict[str, Any]:
    told = {"lines": asdict(one.card.lines), "metrics": one.card.metrics} if one.card else {}
    return {"id": one.id, "live": one.live, "problem": one.problem, **told}
