"""`moderation site budget` and `moderation site certify`."""

import pytest

from moderation.actions.access import find_site
from moderation.assembly import open_desk
from moderation.cli.site_budget import share
from moderation.settings import Settings
from tests.calibration import write_past
from tests.cli.conftest import Operator

BLOG = "https://blog.example"


def write(settings: Settings, probabilities: list[float]) -> None:
    desk = open_desk(settings)
    write_past(desk, find_site(desk, BLOG), probabilities)
    desk.engine.dispose()


@pytest.mark.parametrize(
    ("written", "meant"), [("1/200", 0.005), ("0.005", 0.005), ("0.5%", 0.005), (" 5 % ", 0.05), ("1/20", 0.05)]
)
def test_a_share_is_written_as_people_do(written: str, meant: float) -> None:
    """As a fraction, a decimal or a percentage."""
    assert share(written) == meant


@pytest.mark.parametrize("written", ["", "few", "1/0", "1/2/3", "%"])
def test_anything_else_is_no_share(operator: Operator, written: str) -> None:
    """It is refused before anything is changed."""
    assert operator.run("site", "budget", BLOG, "--lost", written).exit_code == 2


def test_a_budget_is_shown_changed_and_taken_away(operator: Operator) -> None:
    """A share that is given moves alone; --reset goes back to that of all sites."""
    first = operator.get_json("site", "budget", BLOG)
    assert first["budget"] == {"lost": 0.005, "held": 0.05, "confidence": 0.95} and not first["own_budget"]
    changed = operator.get_json("site", "budget", BLOG, "--lost", "1/100", "--confidence", "90%")
    assert changed["budget"] == {"lost": 0.01, "held": 0.05, "confidence": 0.9} and changed["own_budget"]
    shown = operator.get("site", "budget", BLOG)
    assert "lose at most 1 % of good comments" in shown and "its own" in shown
    assert operator.get_json("site", "list")[0]["budget"] == changed["budget"]
    assert operator.get_json("site", "budget", BLOG, "--reset") == first


def test_the_budget_of_all_sites_is_a_setting(operator: Operator) -> None:
    """And a site's own goes before it."""
    other = Operator(operator.environment | {"MODERATION_LOST_AT_MOST": "0.02", "MODERATION_CONFIDENCE": "0.9"})
    assert other.get_json("site", "budget", BLOG)["budget"] == {"lost": 0.02, "held": 0.05, "confidence": 0.9}
    operator.get("site", "budget", BLOG, "--lost", "1/50", "--held", "1/10")
    assert other.get_json("site", "budget", BLOG)["budget"] == {"lost": 0.02, "held": 0.1, "confidence": 0.95}
    odd = Operator(operator.environment | {"MODERATION_LOST_AT_MOST": "0.5"})
    refused = odd.run("site", "budget", BLOG)
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
def test_what_cannot_be_done_has_its_code(operator: Operator, arguments: tuple[str, ...], code: int) -> None:
    """More lost than held, shares that mean nothing, an unknown site."""
    assert operator.run("site", "budget", *arguments).exit_code == code


def test_lines_are_drawn_and_shown(operator: Operator, settings: Settings) -> None:
    """Certifying says what changed and what the next step needs; again, nothing is due."""
    operator.get("site", "add", "https://quiet.example")
    write(settings, [0.1] * 58)
    assert "there are 58." in operator.get("site", "certify", BLOG)
    write(settings, [0.2])
    drawn, quiet = operator.get_json("site", "certify")
    assert (drawn["changed"], drawn["step"], quiet["changed"], quiet["step"]) == (True, "hold", False, "observe")
    assert (drawn["review"]["n"], drawn["review"]["errors"], drawn["spam"]) == (59, 0, None)
    assert drawn["review"]["bound"] <= drawn["review"]["allowed"] == 0.05
    assert drawn["next"] == "The spam line is certified from 598 good comments; there are 59."
    assert "nothing was due" in operator.get("site", "certify", BLOG)
    shown = operator.get("site", "budget", BLOG)
    assert "0 of 59 good comments lie on or above it" in shown and "not certified" in shown
    assert "hold" in operator.get("site", "list") and "the step hold" in operator.get("site", "policy", BLOG)
    assert "step hold" in operator.get("check", "hello", "--site", BLOG)
    assert operator.get_json("check", "hello", "--site", BLOG)["standing"]["review"]["n"] == 59
    assert operator.get_json("check", "hello")["standing"] is None


def test_own_lines_need_no_certificate(operator: Operator) -> None:
    """What the operator drew stays as it is, and it is said that nothing vouches for it."""
    operator.get("site", "policy", BLOG, "--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    told = operator.get_json("site", "budget", BLOG)
    assert (told["step"], told["lines"]) == (None, {"review": 0.2, "spam": 0.8, "discard": 0.9})
    assert "no certificate" in operator.get("site", "budget", BLOG)
    assert "its own lines, nothing was due" in operator.get("site", "certify", BLOG)
