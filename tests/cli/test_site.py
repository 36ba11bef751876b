"""`moderation site`: sites, keys and thresholds."""

import pytest

from moderation.actions.sites import authenticate_site
from moderation.domain.errors import AuthenticationFailed
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator

BLOG = "https://blog.example"


def is_valid_key(settings: Settings, key: str) -> bool:
    """Return whether a site is authenticated by this key."""
    services = open_services(settings)
    try:
        authenticate_site(services, key)
    except AuthenticationFailed:
        return False
    finally:
        services.engine.dispose()
    return True


def test_a_script_adds_a_site_with_its_own_key(operator: Operator, settings: Settings) -> None:
    """The JSON has the normalised address and the key."""
    added = operator.get_json("site", "add", "https://New.example/", "--key", "0123456789AB")
    assert added == {"url": "https://new.example", "key": "0123456789ab"}
    assert is_valid_key(settings, "0123456789ab")


def test_a_person_is_shown_the_key(operator: Operator, settings: Settings) -> None:
    """Without --json the second line has the key."""
    key = operator.get("site", "add", "https://new.example").splitlines()[1].split()[1]
    assert is_valid_key(settings, key)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", BLOG), 9),
        (("add", "blog"), 2),
        (("add", "https://new.example", "--key", "short"), 2),
        (("remove", "https://nobody.example"), 4),
        (("rotate-key", "https://nobody.example"), 4),
        (("thresholds", BLOG, "--review", "0"), 2),
        (("thresholds", BLOG, "--review", "0.2", "--reset"), 2),
    ],
)
def test_an_error_has_its_exit_code(operator: Operator, arguments: tuple[str, ...], code: int) -> None:
    """A taken or malformed address, an unknown site, options that cannot be combined."""
    assert operator.run("site", *arguments).exit_code == code


def test_rotating_keeps_the_older_key_for_a_while(operator: Operator, settings: Settings) -> None:
    """The previous key works until the next rotation."""
    first, second, third = (operator.get_json("site", "rotate-key", BLOG)["key"] for _ in range(3))
    assert [is_valid_key(settings, key) for key in (first, second, third)] == [False, True, True]


def test_a_removed_site_has_no_access(operator: Operator, settings: Settings) -> None:
    """Its keys no longer work, and it is not listed."""
    key = operator.get_json("site", "rotate-key", BLOG)["key"]
    operator.get("site", "remove", BLOG)
    assert not is_valid_key(settings, key)
    assert operator.get_json("site", "list") == []


def test_a_site_leaves_the_rollout_with_its_own_thresholds(operator: Operator) -> None:
    """A threshold changes alone; the site then has no stage, until --reset."""
    rollout = operator.get_json("site", "thresholds", BLOG)
    assert rollout["own_thresholds"] is None
    assert rollout["stage"] == "observe" and rollout["thresholds"]["discard"] == 1
    changed = operator.get_json("site", "thresholds", BLOG, "--review", "0.2")
    assert changed["own_thresholds"] == changed["thresholds"] == rollout["thresholds"] | {"review": 0.2}
    assert changed["stage"] is None
    assert "0.2" in operator.get("site", "list")
    assert "its own thresholds, without a guarantee" in operator.get("site", "thresholds", BLOG)
    assert operator.get_json("site", "thresholds", BLOG, "--reset") == rollout
    assert "stage observe" in operator.get("site", "thresholds", BLOG)


def test_the_list_shows_the_stage_of_each_site(operator: Operator) -> None:
    """A dash if a site has its own thresholds; no model is needed."""
    operator.get("site", "add", "https://own.example")
    operator.get("site", "thresholds", "https://own.example", "--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    assert [site["stage"] for site in operator.get_json("site", "list")] == ["observe", None]
    _, observing, own = operator.get("site", "list").splitlines()
    assert observing.split()[1] == "observe" and own.split()[1:5] == ["-", "0.2", "0.8", "0.9"]
    bare = Operator(operator.environment | {"MODERATION_MODELS": "nowhere"})
    assert [site["stage"] for site in bare.get_json("site", "list")] == ["observe", None]
    assert BLOG in bare.get("site", "list")


def test_all_thresholds_at_once_need_no_model(operator: Operator, settings: Settings) -> None:
    """A site can be set up before there is a model."""
    bare = Operator(operator.environment | {"MODERATION_MODELS": str(settings.var / "none")})
    assert bare.run("site", "thresholds", BLOG, "--review", "0.2").exit_code == 5
    options = ("--review", "0.2", "--spam", "0.8", "--discard", "0.9")
    assert bare.get_json("site", "thresholds", BLOG, *options)["thresholds"] == {
        "review": 0.2,
        "spam": 0.8,
        "discard": 0.9,
    }


def test_before_init_the_command_is_named(newcomer: Operator) -> None:
    """Without a database the error names `moderation init`, with exit code 6."""
    result = newcomer.run("site", "list")
    assert result.exit_code == 6 and "moderation init" in result.stderr
