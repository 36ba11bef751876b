"""`moderation site`."""

import pytest

from moderation.actions.access import site_of_key
from moderation.assembly import open_desk
from moderation.domain.errors import NotSignedIn
from moderation.settings import Settings
from tests.cli.conftest import Operator

BLOG = "https://blog.example"


def opens(settings: Settings, key: str) -> bool:
    desk = open_desk(settings)
    try:
        site_of_key(desk, key)
    except NotSignedIn:
        return False
    finally:
        desk.engine.dispose()
    return True


def test_a_script_adds_a_site_with_its_own_key(operator: Operator, settings: Settings) -> None:
    """With --json the answer is the address as it is kept, and the key."""
    added = operator.get_json("site", "add", "https://New.example/", "--key", "0123456789AB")
    assert added == {"url": "https://new.example", "key": "0123456789ab"}
    assert opens(settings, "0123456789ab")


def test_a_person_is_shown_the_key(operator: Operator, settings: Settings) -> None:
    """Without --json the key stands at the end of a line of its own."""
    key = operator.get("site", "add", "https://new.example").splitlines()[1].split()[1]
    assert opens(settings, key)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", BLOG), 9),
        (("add", "blog"), 2),
        (("add", "https://new.example", "--key", "short"), 2),
        (("remove", "https://nobody.example"), 4),
        (("rotate-key", "https://nobody.example"), 4),
        (("policy", BLOG, "--review", "0"), 2),
        (("policy", BLOG, "--review", "0.2", "--reset"), 2),
    ],
)
def test_what_cannot_be_done_has_its_code(operator: Operator, arguments: tuple[str, ...], code: int) -> None:
    """Taken, malformed, unknown, out of order: a script can tell them apart."""
    assert operator.run("site", *arguments).exit_code == code


def test_rotating_keeps_the_older_key_for_a_while(operator: Operator, settings: Settings) -> None:
    """A blog has until the next rotation to take the new key up."""
    first, second, third = (operator.get_json("site", "rotate-key", BLOG)["key"] for _ in range(3))
    assert [opens(settings, key) for key in (first, second, third)] == [False, True, True]


def test_a_removed_site_is_out(operator: Operator, settings: Settings) -> None:
    """Its keys stop working, and the list does not show it any more."""
    key = operator.get_json("site", "rotate-key", BLOG)["key"]
    operator.get("site", "remove", BLOG)
    assert not opens(settings, key)
    assert operator.get_json("site", "list") == []


def test_lines_are_those_of_the_ladder_until_drawn(operator: Operator) -> None:
    """A line that is given moves alone, and leaves the ladder, which is said; --reset goes back to it."""
    followed = operator.get_json("site", "policy", BLOG)
    assert followed["policy"] is None and followed["step"] == "observe" and followed["lines"]["discard"] == 1
    drawn = operator.get_json("site", "policy", BLOG, "--review", "0.2")
    assert drawn["policy"] == drawn["lines"] == followed["lines"] | {"review": 0.2}
    assert drawn["step"] is None
    assert "0.2" in operator.get("site", "list")
    assert "its own lines, no certificate" in operator.get("site", "policy", BLOG)
    assert operator.get_json("site", "policy", BLOG, "--reset") == followed
    assert "the step observe" in operator.get("site", "policy", BLOG)


def test_the_list_shows_each_step(operator: Operator) -> None:
    """A dash where a site keeps its own lines; no model is needed to list."""
    operator.get("site", "add", "https://own.example")
    operator.get("site", "policy", "https://own.example", "--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    assert [site["step"] for site in operator.get_json("site", "list")] == ["observe", None]
    _, fresh, own = operator.get("site", "list").splitlines()
    assert fresh.split()[1] == "observe" and own.split()[1:5] == ["-", "0.2", "0.8", "0.9"]
    bare = Operator(operator.environment | {"MODERATION_MODELS": "nowhere"})
    assert [site["step"] for site in bare.get_json("site", "list")] == ["observe", None]
    assert BLOG in bare.get("site", "list")


def test_all_lines_at_once_need_no_model(operator: Operator, settings: Settings) -> None:
    """A site may be set up before any model is there."""
    bare = Operator(operator.environment | {"MODERATION_MODELS": str(settings.var / "none")})
    assert bare.run("site", "policy", BLOG, "--review", "0.2").exit_code == 5
    lines = ("--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    assert bare.get_json("site", "policy", BLOG, *lines)["lines"] == {"review": 0.2, "spam": 0.8, "discard": 0.9}


def test_before_init_the_command_is_named(newcomer: Operator) -> None:
    """Without a database every command that needs one says what to run, with exit code 6."""
    done = newcomer.run("site", "list")
    assert done.exit_code == 6 and "moderation init" in done.stderr
