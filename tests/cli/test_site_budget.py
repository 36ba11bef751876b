"""`moderation site budget` and `moderation site recalibrate`."""

import pytest

from moderation.actions.sites import find_site
from moderation.cli.site_thresholds import parse_rate
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator
from tests.labelled_decisions import insert_labelled_decisions

BLOG = "https://blog.example"


def add_ham(settings: Settings, probabilities: list[float]) -> None:
    """Store decisions of these probabilities, labelled as ham."""
    services = open_services(settings)
    insert_labelled_decisions(services, find_site(services, BLOG), probabilities)
    services.engine.dispose()


def rates(lost: float, held: float, confidence: float, coverage: float) -> dict[str, float]:
    """Return a budget as the JSON has it."""
    return {"lost": lost, "held": held, "confidence": confidence, "coverage": coverage}


@pytest.mark.parametrize(
    ("text", "expected"), [("1/200", 0.005), ("0.005", 0.005), ("0.5%", 0.005), (" 5 % ", 0.05), ("1/20", 0.05)]
)
def test_a_rate_has_several_notations(text: str, expected: float) -> None:
    """A fraction, a decimal or a percentage."""
    assert parse_rate(text) == expected


@pytest.mark.parametrize("text", ["", "few", "1/0", "1/2/3", "%"])
def test_anything_else_is_refused(operator: Operator, text: str) -> None:
    """The error names the notations."""
    result = operator.run("site", "budget", BLOG, "--lost", text)
    assert result.exit_code == 2 and "1/200, 0.005 or 0.5%" in result.stderr


def test_a_budget_is_shown_changed_and_removed(operator: Operator) -> None:
    """A rate changes alone; --reset goes back to the budget of all sites."""
    first = operator.get_json("site", "budget", BLOG)
    assert (
        first["budget"] == {"lost": 0.005, "held": 0.05, "confidence": 0.95, "coverage": 0.8}
        and first["own_budget"] is None
    )
    changed = operator.get_json("site", "budget", BLOG, "--lost", "1/100", "--confidence", "90%")
    assert changed["budget"] == {"lost": 0.01, "held": 0.05, "confidence": 0.9, "coverage": 0.8}
    assert changed["own_budget"] == changed["budget"]
    shown = operator.get("site", "budget", BLOG)
    assert "lose at most 1 % of ham" in shown and "its own" in shown
    assert operator.get_json("site", "list")[0]["own_budget"] == changed["budget"]
    assert operator.get_json("site", "budget", BLOG, "--reset") == first


def test_the_budget_of_all_sites_is_a_setting(operator: Operator) -> None:
    """A site's own budget takes precedence."""
    other = Operator(
        operator.environment
        | {"MODERATION_MAX_LOST_RATE": "0.02", "MODERATION_CONFIDENCE": "0.9", "MODERATION_COVERAGE": "0.7"}
    )
    assert other.get_json("site", "budget", BLOG)["budget"] == rates(0.02, 0.05, 0.9, 0.7)
    operator.get("site", "budget", BLOG, "--lost", "1/50", "--held", "1/10")
    assert other.get_json("site", "budget", BLOG)["budget"] == {
        "lost": 0.02,
        "held": 0.1,
        "confidence": 0.95,
        "coverage": 0.8,
    }
    invalid = Operator(operator.environment | {"MODERATION_MAX_LOST_RATE": "0.5"})
    refused = invalid.run("site", "budget", BLOG)
    assert refused.exit_code == 2 and "0 < lost <= held" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((BLOG, "--lost", "1/2"), 2),
        ((BLOG, "--lost", "0"), 2),
        ((BLOG, "--confidence", "1"), 2),
        ((BLOG, "--lost", "1/200", "--reset"), 2),
        (("https://nobody.example",), 4),
    ],
)
def test_an_error_has_its_exit_code(operator: Operator, arguments: tuple[str, ...], code: int) -> None:
    """More lost than held, rates out of range, options that cannot be combined, an unknown site."""
    assert operator.run("site", "budget", *arguments).exit_code == code


def test_thresholds_are_set_from_ham(operator: Operator, settings: Settings) -> None:
    """A recalibration says what changed and what the next stage needs; a second one changes nothing."""
    operator.get("site", "add", "https://quiet.example")
    add_ham(settings, [0.1] * 58)
    assert "58" in operator.get("site", "recalibrate", BLOG)
    add_ham(settings, [0.2])
    blog, quiet = operator.get_json("site", "recalibrate")
    calibration = blog["calibration"]
    assert (blog["changed"], calibration["stage"]) == (True, "hold")
    assert (quiet["changed"], quiet["calibration"]["stage"]) == (False, "observe")
    assert (calibration["review"]["n"], calibration["review"]["errors"], calibration["spam"]) == (59, 0, None)
    assert calibration["review"]["bound"] <= calibration["review"]["max_rate"] == 0.05
    assert "598" in blog["next_stage"] and "59" in blog["next_stage"]
    assert "nothing was due" in operator.get("site", "recalibrate", BLOG)
    shown = operator.get("site", "budget", BLOG)
    assert "0 of 59 " in shown and "no guarantee yet" in shown
    assert "hold" in operator.get("site", "list") and "stage hold" in operator.get("site", "thresholds", BLOG)
    assert "stage hold" in operator.get("check", "hello", "--site", BLOG)
    assert operator.get_json("check", "hello", "--site", BLOG)["calibration"]["review"]["n"] == 59
    assert operator.get_json("check", "hello")["calibration"] is None


def test_own_thresholds_have_no_guarantee(operator: Operator) -> None:
    """A recalibration does not change them."""
    operator.get("site", "thresholds", BLOG, "--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    rollout = operator.get_json("site", "budget", BLOG)
    assert (rollout["calibration"], rollout["thresholds"]) == (None, {"review": 0.2, "spam": 0.8, "discard": 0.9})
    assert "without a guarantee" in operator.get("site", "budget", BLOG)
    assert "its own thresholds, nothing was due" in operator.get("site", "recalibrate", BLOG)


def test_a_rollout_is_shown_and_changed(operator: Operator) -> None:
    """A site can be cautious or only log, and returns to the default; all commands say what protects it."""
    assert operator.get_json("site", "rollout", BLOG)["rollout"] == "default"
    assert operator.get_json("site", "rollout", BLOG, "--cautious")["rollout"] == "cautious"
    logs = operator.get_json("site", "rollout", BLOG, "--observe")
    assert (logs["rollout"], logs["calibration"]["stage"]) == ("log", "log") and "only logs" in logs["protection"]
    for command in (("budget", BLOG), ("thresholds", BLOG), ("rollout", BLOG), ("list",)):
        assert "only logs" in operator.get("site", *command)
    assert "only logs" in operator.get("check", "hello", "--site", BLOG)
    assert operator.get_json("check", "hello", "--site", BLOG)["verdict"] == "publish"
    assert operator.get_json("site", "rollout", BLOG, "--default")["rollout"] == "default"
    assert operator.get_json("site", "list")[0]["rollout"] == "default"
    assert operator.run("site", "rollout", "https://nobody.example", "--observe").exit_code == 4
