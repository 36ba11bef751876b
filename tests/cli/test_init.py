"""`moderation init`: the first day, and every day after."""

import re

from moderation.actions.access import sign_in, site_of_key
from moderation.assembly import open_desk
from moderation.settings import Settings
from tests.cli.conftest import Operator


def facts(shown: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+(?: in)?) +(.+)$", shown, re.MULTILINE))


def test_the_first_run_gives_all_that_a_first_request_needs(newcomer: Operator, settings: Settings) -> None:
    """The key opens the site and the password lets the moderator in; where to go is said too."""
    told = facts(newcomer.get("init", "--site", "https://mine.example", "--moderator", "mara"))
    desk = open_desk(settings)
    assert site_of_key(desk, told["Key"]).url == "https://mine.example"
    assert sign_in(desk, "mara", told["Password"]).name == "mara"
    assert (told["Model"], told["Sign in"]) == ("small", "http://127.0.0.1:8000/queue")
    desk.engine.dispose()


def test_a_second_run_changes_nothing_and_shows_no_secret(newcomer: Operator) -> None:
    """It says what is there and how to get another key or password, and the ones in use stay unknown to it."""
    first = facts(newcomer.get("init"))
    second = newcomer.get("init")
    assert first["Key"] not in second and first["Password"] not in second
    assert "https://blog.example" in second and "site rotate-key" in second
    assert "moderator" in second and "moderator reset" in second
    assert len(newcomer.get_json("site", "list")) == len(newcomer.get_json("moderator", "list")) == 1


def test_a_later_run_adds_nothing(operator: Operator) -> None:
    """The names given to a later run are not added silently: it says which command does that."""
    done = operator.run("init", "--site", "https://other.example")
    assert done.exit_code == 0 and "moderation site add" in done.stderr
    assert [site["url"] for site in operator.get_json("site", "list")] == ["https://blog.example"]


def test_a_first_name_that_will_not_do_leaves_no_half(newcomer: Operator) -> None:
    """A refused address is said before anything but the empty database is made; the next run starts afresh."""
    assert newcomer.run("init", "--site", "blog").exit_code == 2
    assert "Key" in facts(newcomer.get("init"))


def test_without_a_model_it_says_so(newcomer: Operator, settings: Settings) -> None:
    """The database is made all the same; what is missing is named with its command."""
    bare = Operator(newcomer.environment | {"MODERATION_MODELS": str(settings.var / "none")})
    assert "moderation promote" in facts(bare.get("init"))["Model"]
