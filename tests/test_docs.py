"""The pages under docs/ are kept complete by these tests; `tests/web` does the same for docs/http.md."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from moderation.cli.program import COMMANDS
from moderation.domain.errors import OUTCOMES
from moderation.features.signals.visits import GIVEN_SIGNALS
from moderation.scoring.reasons import SENTENCES
from moderation.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by the words it is called with."""
    for name in COMMANDS:
        command = import_module(f"moderation.cli.{name}").command
        if isinstance(command, click.Group):
            for part, child in command.commands.items():
                yield f"moderation {name} {part}", child
        else:
            yield f"moderation {name}", command


def reason_rows() -> list[str]:
    """The rows of both tables of docs/reasons.md."""
    given = {signal.code: f" {signal.weight:+.1f} |" for signal in GIVEN_SIGNALS}
    return [f"| `{code}` | {sentence} |{given.get(code, '')}" for code, sentence in SENTENCES.items()]


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_every_setting_is_documented(field: str) -> None:
    """Its variable stands in a row of docs/settings.md, with its sentence."""
    known = Settings.model_fields[field]
    variable = str(known.validation_alias or f"MODERATION_{field.upper()}")
    (row,) = re.findall(rf"^\| `{variable}` \|.*$", page("settings.md"), re.MULTILINE)
    assert (known.description or "").rstrip(".") in row
    if isinstance(known.default, int | float | str):
        assert str(known.default).lower() in row or (known.default == "" and "empty" in row)


@pytest.mark.parametrize(("words", "command"), list(commands()))
def test_every_command_and_option_is_documented(words: str, command: click.Command) -> None:
    """docs/cli.md names the command and, in its row or paragraph, each of its options."""
    assert command.help, f"{words} has no help"
    (told,) = re.findall(rf"^(?:\| )?`{re.escape(words)}[` ](?:[^\n]+\n)+?(?=\||\n|\Z)", page("cli.md"), re.MULTILINE)
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert option in told, f"{option} of `{words}` is not in docs/cli.md"


def test_every_exit_code_is_documented() -> None:
    """Each error of the tree stands in the row of its code."""
    table = page("cli.md").partition("## Exit codes")[2]
    for kind, row in OUTCOMES.items():
        (line,) = re.findall(rf"^\| {row.exit_code} \|.*$", table, re.MULTILINE)
        assert kind.__name__ in line or row.exit_code == 1


def test_every_error_is_documented_for_callers() -> None:
    """Each status that an error may leave with stands in docs/http.md."""
    for row in OUTCOMES.values():
        assert re.search(rf"^\| {row.status} \|", page("http.md"), re.MULTILINE) or row.status == 409


def test_every_reason_is_documented() -> None:
    """docs/reasons.md holds each code with its sentence, in the order of the code, and no other."""
    assert re.findall(r"^\| `.*$", page("reasons.md"), re.MULTILINE) == reason_rows()


def test_every_figure_is_documented() -> None:
    """A figure that the default card names is explained in docs/cli.md."""
    table = page("cli.md").partition("The figures")[2].partition("## Labels")[0]
    for figure in ("caught", "blocked", "lost", "held", "roc_auc", "mcc_at_half", "brier_even", "caught_at_1_percent"):
        assert f"`{figure}`" in table


def test_the_readme_stays_short() -> None:
    """At most 120 lines: what it is, how to start it, one request, where to read on."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{path.name}" for path in sorted(DOCS.glob("*.md")))])
def test_no_link_leads_nowhere(name: str) -> None:
    """Every relative link of a page leads to a file that is there."""
    source = ROOT / name
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", source.read_text(encoding="utf-8")):
        assert (source.parent / target).exists(), f"{name} links to {target}"
