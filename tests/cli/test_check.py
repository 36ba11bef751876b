"""`moderation check`: one comment, judged for a person."""

import math
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Operator

HOSTILE = "casino\u202e bonus\x1b[31m \u200bhttp://casino.example"


def test_a_person_reads_the_verdict_first(newcomer: Operator) -> None:
    """The verdict, the chance, then each reason with its sentence; no database is needed."""
    first, second, *rest = newcomer.get("check", "Order cheap casino bonus at http://casino.example").splitlines()
    assert first.split(":")[0] in {"publish", "review", "spam", "discard"}
    assert "chance of spam by the model small" in second
    assert any("[WORDING]" in line for line in rest)


def test_the_account_adds_up(newcomer: Operator) -> None:
    """The weights shown sum up to the last line, to the rounding of each."""
    shown = newcomer.get("check", "Order cheap casino bonus at http://casino.example").split("\n\n")[1].splitlines()
    weights = [float(line.split()[0]) for line in shown]
    assert sum(weights[:-1]) == pytest.approx(weights[-1], abs=0.005 * len(weights))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_hostile_text_cannot_steer_the_terminal(newcomer: Operator, options: tuple[str, ...]) -> None:
    """Escape sequences, direction marks and invisible characters never reach the screen as they are."""
    shown = newcomer.get("check", HOSTILE, "--author", HOSTILE, "--url", HOSTILE, *options)
    assert not set(shown) & {"\x1b", "\u202e", "\u200b"}


def test_a_script_reads_the_whole_account(newcomer: Operator) -> None:
    """With --json all reasons are there, with spans; weights and bias add up to the logit of the probability."""
    told = newcomer.get_json("check", "Order cheap casino bonus", "--email", "a@b.example", "--context", "Cooking")
    assert sum(reason["weight"] for reason in told["reasons"]) + told["bias"] == pytest.approx(told["logit"])
    assert 1 / (1 + math.exp(-told["logit"])) == pytest.approx(told["probability"])
    assert told["model"] == "small" and set(told["thresholds"]) == {"review", "spam", "discard"}


def test_without_a_model_it_says_what_to_do(newcomer: Operator) -> None:
    """Exit code 5, and the command that makes one live."""
    bare = Operator(newcomer.environment | {"MODERATION_MODELS": newcomer.environment["MODERATION_VAR"]})
    done = bare.run("check", "hello")
    assert done.exit_code == 5 and "moderation promote" in done.stderr


def test_a_site_s_own_words_are_recalled(operator: Operator, tmp_path: Path) -> None:
    """With --site it names the labelled comments that are like this one, made harmless; without, none."""
    corpus = tmp_path / "labelled.csv"
    corpus.write_text(f"text,label\nOrder cheap {HOSTILE} today,spam\n", encoding="utf-8")
    operator.get("labels", "import", corpus, "--site", "https://blog.example")
    asked = ("check", f"Order very cheap {HOSTILE} today")
    told = operator.get(*asked, "--site", "https://blog.example")
    assert re.search(r"^ +\d\d%  spam, said import \(import\) on .*: Order cheap casino\[U\+202E\]", told, re.MULTILINE)
    assert not set(told) & {"\x1b", "\u202e", "\u200b"}
    assert "labelled comments" not in operator.get(*asked)
    (found,) = operator.get_json(*asked, "--site", "https://blog.example")["neighbours"]
    assert (found["label"], found["source"]) == ("spam", "import") and 0.3 <= found["alike"] < 1
