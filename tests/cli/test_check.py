"""`moderation check`: one comment, judged for a person."""

import math
import re
from pathlib import Path

import pytest

from moderation.actions.sites import add_site
from moderation.settings import Settings
from moderation.web.api.schemas import JudgementResponse
from moderation.web.app import create_app
from moderation.wiring import open_services
from tests.cli.conftest import Operator

KEY = "0123456789ab"
HOSTILE = "casino\u202e bonus\x1b[31m \u200bhttp://casino.example"


def test_the_verdict_comes_first(newcomer: Operator) -> None:
    """The verdict, the probability, then each reason with its sentence; no database is needed."""
    first, second, *rest = newcomer.get("check", "Order cheap casino bonus at http://casino.example").splitlines()
    assert first.split(":")[0] in {"publish", "review", "spam", "discard"}
    assert re.fullmatch(r"Spam probability [\d.]+% by the model small \(thresholds: review .*\)", second)
    assert any("[WORDING]" in line for line in rest)


def test_the_weights_add_up(newcomer: Operator) -> None:
    """The weights shown add up to the last line, within their rounding."""
    shown = newcomer.get("check", "Order cheap casino bonus at http://casino.example").split("\n\n")[1].splitlines()
    weights = [float(line.split()[0]) for line in shown]
    assert sum(weights[:-1]) == pytest.approx(weights[-1], abs=0.005 * len(weights))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_hostile_text_cannot_steer_the_terminal(newcomer: Operator, options: tuple[str, ...]) -> None:
    """Escape sequences, direction marks and invisible characters are shown as code points."""
    shown = newcomer.get("check", HOSTILE, "--author", HOSTILE, "--url", HOSTILE, *options)
    assert not set(shown) & {"\x1b", "\u202e", "\u200b"}


def test_the_json_has_all_reasons(newcomer: Operator) -> None:
    """The JSON is a judgement of the API, with spans; weights and bias add up to the logit of the probability."""
    judgement = newcomer.get_json("check", "Order cheap casino bonus", "--email", "a@b.example", "--context", "Cooking")
    assert sum(reason["weight"] for reason in judgement["reasons"]) + judgement["bias"] == pytest.approx(
        judgement["logit"]
    )
    assert 1 / (1 + math.exp(-judgement["logit"])) == pytest.approx(judgement["probability"])
    assert any(reason.get("spans") for reason in judgement["reasons"])
    assert set(judgement) == {*JudgementResponse.model_fields, "similar_comments"}


def test_without_a_model_it_says_what_to_do(newcomer: Operator) -> None:
    """Exit code 5, and the command that promotes one."""
    bare = Operator(newcomer.environment | {"MODERATION_MODELS": newcomer.environment["MODERATION_VAR"]})
    result = bare.run("check", "hello")
    assert result.exit_code == 5 and "moderation promote" in result.stderr


def test_similar_comments_of_the_site_are_shown(operator: Operator, tmp_path: Path) -> None:
    """With --site, similar labelled comments are shown with visible code points; without it, none."""
    corpus = tmp_path / "labelled.csv"
    corpus.write_text(f"text,label\nOrder cheap {HOSTILE} today,spam\n", encoding="utf-8")
    operator.get("labels", "import", corpus, "--site", "https://blog.example")
    arguments = ("check", f"Order very cheap {HOSTILE} today")
    shown = operator.get(*arguments, "--site", "https://blog.example")
    assert re.search(
        r"^ +\d\d%  spam, labelled by import \(import\) on .*: Order cheap casino\[U\+202E\]", shown, re.MULTILINE
    )
    assert not set(shown) & {"\x1b", "\u202e", "\u200b"}
    assert "labelled comments" not in operator.get(*arguments)
    (similar,) = operator.get_json(*arguments, "--site", "https://blog.example")["similar_comments"]
    assert (similar["label"]["value"], similar["label"]["channel"]) == ("spam", "import")
    assert 0.3 <= similar["similarity"] < 1


def test_a_dash_reads_the_text_from_stdin(newcomer: Operator) -> None:
    """The line break at the end is not part of the comment."""
    text = "Order cheap casino bonus \u00fc"
    for stdin in (text, f"{text}\n", f"{text}\r\n"):
        assert newcomer.get("check", "-", "--json", stdin=stdin) == newcomer.get("check", text, "--json")
    refused = newcomer.run("check", "-", stdin="gr\u00fcn".encode("cp1252"))
    assert refused.exit_code == 2 and "iconv -f WINDOWS-1252 -t UTF-8" in refused.stderr


def test_text_that_begins_with_a_dash_goes_after_two_dashes(newcomer: Operator) -> None:
    """Otherwise it is an option, and unknown."""
    assert newcomer.run("check", "--buy now").exit_code == 2
    assert "by the model small" in newcomer.get("check", "--", "--buy now")


def test_the_json_is_that_of_the_api(operator: Operator, settings: Settings) -> None:
    """One schema: a preview has all fields of a decision but those of storing it."""
    comment = {"text": "Order cheap casino bonus at http://a.example", "author": "Ann", "lang": "en"}
    services = open_services(settings)
    add_site(services, "https://other.example", KEY)
    client = create_app(services, settings).test_client()
    headers = {"Authorization": f"Bearer {KEY}"}
    decision = client.post("/v1/score?spans=true", json=comment, headers=headers).get_json()
    services.engine.dispose()
    options = ("--author", "Ann", "--lang", "en", "--site", "https://other.example")
    judgement = operator.get_json("check", comment["text"], *options)
    assert judgement.pop("similar_comments") == []
    assert judgement == {name: value for name, value in decision.items() if name in judgement}
    assert decision.keys() - judgement.keys() == {"id", "decided_at", "label"}
