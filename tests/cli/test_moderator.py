"""`moderation moderator`."""

from datetime import timedelta
from pathlib import Path

import pytest

from moderation.actions import moderators
from moderation.actions.sessions import session_moderator, start_session
from moderation.cli import _options
from moderation.domain.errors import AuthenticationFailed
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator


def can_sign_in(settings: Settings, name: str, password: str) -> bool:
    """Return whether a moderator has this password."""
    services = open_services(settings)
    try:
        moderators.authenticate_moderator(services, name, password)
    except AuthenticationFailed:
        return False
    finally:
        services.engine.dispose()
    return True


def test_a_script_gets_a_password(operator: Operator, settings: Settings) -> None:
    """With --json and no file, the password is generated and printed."""
    added = operator.get_json("moderator", "add", "mara")
    assert added["name"] == "mara" and can_sign_in(settings, "mara", added["password"])


def test_a_file_keeps_the_password_off_the_command_line(operator: Operator, settings: Settings, tmp_path: Path) -> None:
    """Only the first line is used, without its line break; it is not printed."""
    (tmp_path / "password").write_text("correct horse battery\nand a remark\n")
    shown = operator.get("moderator", "add", "mara", "--password-file", tmp_path / "password")
    assert "correct" not in shown and can_sign_in(settings, "mara", "correct horse battery")
    assert operator.get_json("moderator", "reset", "mara", "--password-file", tmp_path / "password") == {"name": "mara"}


def test_a_password_may_come_from_stdin(operator: Operator, settings: Settings) -> None:
    """`-` is stdin, for a password manager that writes to a pipe."""
    operator.get("moderator", "add", "mara", "--password-file", "-", stdin="correct horse battery\n")
    assert can_sign_in(settings, "mara", "correct horse battery")


def test_without_a_terminal_a_password_is_required(operator: Operator) -> None:
    """A script without a password gets an error with its options instead of waiting."""
    result = operator.run("moderator", "add", "mara")
    assert result.exit_code == 2 and "--password-file" in result.stderr and "--generate" in result.stderr


def test_a_person_is_asked_twice_without_an_echo(
    operator: Operator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the password is typed twice."""
    monkeypatch.setattr(_options, "_has_terminal", lambda: True)
    shown = operator.get("moderator", "add", "mara", stdin="correct horse\ncorrect horse\n")
    assert "correct" not in shown and can_sign_in(settings, "mara", "correct horse")


def test_a_reset_replaces_the_password(operator: Operator, settings: Settings) -> None:
    """The old one no longer works."""
    old = operator.get_json("moderator", "add", "mara")["password"]
    new = operator.get("moderator", "reset", "mara", "--generate").splitlines()[1].split()[1]
    assert can_sign_in(settings, "mara", new) and not can_sign_in(settings, "mara", old)


def test_a_removed_moderator_is_out(operator: Operator, settings: Settings) -> None:
    """A removed moderator cannot sign in and is not listed."""
    password = operator.get_json("moderator", "add", "mara")["password"]
    assert "mara" in operator.get("moderator", "list")
    operator.get("moderator", "remove", "mara")
    assert not can_sign_in(settings, "mara", password)
    assert [person["name"] for person in operator.get_json("moderator", "list")] == ["moderator"]


def test_an_operator_ends_all_sessions(operator: Operator, settings: Settings) -> None:
    """The password stays valid; an unknown name has its exit code."""
    password = operator.get_json("moderator", "add", "mara")["password"]
    services = open_services(settings)
    mara = moderators.authenticate_moderator(services, "mara", password)
    tokens = [start_session(services, mara, timedelta(hours=1)) for _ in range(2)]
    assert operator.get("moderator", "sign-out", "mara") == "mara is signed out. Ended sessions: 2.\n"
    assert [session_moderator(services, token) for token in tokens] == [None, None]
    services.engine.dispose()
    assert can_sign_in(settings, "mara", password)
    assert operator.run("moderator", "sign-out", "stranger").exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("add", "moderator"), 9), (("add", " "), 2), (("reset", "nobody"), 4)],
)
def test_an_error_has_its_exit_code(operator: Operator, arguments: tuple[str, ...], code: int) -> None:
    """A taken name, an invalid name, an unknown moderator."""
    assert operator.run("moderator", *arguments, "--generate").exit_code == code


def test_generated_passwords_differ() -> None:
    """Each is four groups of four letters."""
    passwords = {_options.generate_password() for _ in range(50)}
    assert len(passwords) == 50 and all(len(password.split("-")) == 4 for password in passwords)
