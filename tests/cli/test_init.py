"""`moderation init`: the first run, and every later one."""

import re

from moderation.actions.moderators import authenticate_moderator
from moderation.actions.sites import authenticate_site
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator


def facts(shown: str) -> dict[str, str]:
    """Return the values that `init` prints, by their names."""
    return dict(re.findall(r"^  (\w+(?: in)?) +(.+)$", shown, re.MULTILINE))


def test_the_first_run_prints_working_credentials(newcomer: Operator, settings: Settings) -> None:
    """The key authenticates the site and the password the moderator; the addresses to use are printed too."""
    printed = facts(newcomer.get("init", "--site", "https://mine.example", "--moderator", "mara"))
    services = open_services(settings)
    assert authenticate_site(services, printed["Key"]).url == "https://mine.example"
    assert authenticate_moderator(services, "mara", printed["Password"]).name == "mara"
    assert (printed["Model"], printed["Sign in"]) == ("small", "http://127.0.0.1:8000/queue")
    services.engine.dispose()


def test_a_second_run_changes_nothing_and_shows_no_secret(newcomer: Operator) -> None:
    """It lists the sites and moderators, and the commands for a new key and a new password."""
    first = facts(newcomer.get("init"))
    second = newcomer.get("init")
    assert first["Key"] not in second and first["Password"] not in second
    assert "https://blog.example" in second and "site rotate-key" in second
    assert "moderator" in second and "moderator reset" in second
    assert len(newcomer.get_json("site", "list")) == len(newcomer.get_json("moderator", "list")) == 1


def test_a_later_run_adds_nothing(operator: Operator) -> None:
    """It names the commands that add a site or a moderator."""
    result = operator.run("init", "--site", "https://other.example")
    assert result.exit_code == 0 and "moderation site add" in result.stderr
    assert [site["url"] for site in operator.get_json("site", "list")] == ["https://blog.example"]


def test_a_refused_address_leaves_an_empty_database(newcomer: Operator) -> None:
    """The next run creates the site and the moderator."""
    assert newcomer.run("init", "--site", "blog").exit_code == 2
    assert "Key" in facts(newcomer.get("init"))


def test_a_missing_model_is_reported(newcomer: Operator, settings: Settings) -> None:
    """The database is created anyway; the command that promotes a model is named."""
    bare = Operator(newcomer.environment | {"MODERATION_MODELS": str(settings.var / "none")})
    assert "moderation promote" in facts(bare.get("init"))["Model"]
