"""`moderation moderator`."""

from pathlib import Path

import pytest

from moderation.actions import access
from moderation.assembly import open_desk
from moderation.cli import passwords
from moderation.domain.errors import NotSignedIn
from moderation.settings import Settings
from tests.cli.conftest import Operator


def lets_in(settings: Settings, name: str, password: str) -> bool:
    desk = open_desk(settings)
    try:
        access.sign_in(desk, name, password)
    except NotSignedIn:
        return False
    finally:
        desk.engine.dispose()
    return True


def test_a_script_gets_a_password(operator: Operator, settings: Settings) -> None:
    """With --json and no file the password is made up and told."""
    added = operator.get_json("moderator", "add", "mara")
    assert added["name"] == "mara" and lets_in(settings, "mara", added["password"])


def test_a_file_keeps_the_password_off_the_command_line(operator: Operator, settings: Settings, tmp_path: Path) -> None:
    """Only the first line counts, without its end; it is not shown again."""
    (tmp_path / "password").write_text("correct horse battery\nand a remark\n")
    shown = operator.get("moderator", "add", "mara", "--password-file", tmp_path / "password")
    assert "correct" not in shown and lets_in(settings, "mara", "correct horse battery")
    assert operator.get_json("moderator", "reset", "mara", "--password-file", tmp_path / "password") == {"name": "mara"}


def test_a_password_may_come_from_stdin(operator: Operator, settings: Settings) -> None:
    """`-` is stdin, for what a password manager pipes in."""
    operator.get("moderator", "add", "mara", "--password-file", "-", typed="correct horse battery\n")
    assert lets_in(settings, "mara", "correct horse battery")


def test_without_a_terminal_nobody_is_asked(operator: Operator) -> None:
    """A script that gives no password is told its choices instead of waiting for ever."""
    done = operator.run("moderator", "add", "mara")
    assert done.exit_code == 2 and "--password-file" in done.stderr and "--generate" in done.stderr


def test_a_person_is_asked_twice_without_an_echo(
    operator: Operator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the password is typed, and typed again."""
    monkeypatch.setattr(passwords, "_has_terminal", lambda: True)
    shown = operator.get("moderator", "add", "mara", typed="correct horse\ncorrect horse\n")
    assert "correct" not in shown and lets_in(settings, "mara", "correct horse")


def test_a_reset_replaces_the_password(operator: Operator, settings: Settings) -> None:
    """The old one works no more."""
    old = operator.get_json("moderator", "add", "mara")["password"]
    new = operator.get("moderator", "reset", "mara", "--generate").splitlines()[1].split()[1]
    assert lets_in(settings, "mara", new) and not lets_in(settings, "mara", old)


def test_a_removed_moderator_is_out(operator: Operator, settings: Settings) -> None:
    """And the list shows those who are left."""
    password = operator.get_json("moderator", "add", "mara")["password"]
    assert "mara" in operator.get("moderator", "list")
    operator.get("moderator", "remove", "mara")
    assert not lets_in(settings, "mara", password)
    assert [person["name"] for person in operator.get_json("moderator", "list")] == ["moderator"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("add", "moderator"), 9), (("add", " "), 2), (("reset", "nobody"), 4)],
)
def test_what_cannot_be_done_has_its_code(operator: Operator, arguments: tuple[str, ...], code: int) -> None:
    """Taken, unusable, unknown: a script can tell them apart."""
    assert operator.run("moderator", *arguments, "--generate").exit_code == code


def test_made_up_passwords_differ() -> None:
    """Each is four groups of four letters."""
    made = {passwords.made_up() for _ in range(50)}
    assert len(made) == 50 and all(len(password.split("-")) == 4 for password in made)
