"""`moderation moderator`."""

import re
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
from tests.conftest import PASSWORD
from tests.mail_server import receiving_mail
from tests.totp import set_up


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


def test_roles_are_granted_and_revoked(operator: Operator, settings: Settings) -> None:
    """On one site or on all; the list shows them. One on the same site replaces the other."""
    operator.get("site", "add", "https://roles.example")
    added = operator.get_json("moderator", "add", "mara", "--role", "reader", "--site", "https://roles.example/")
    assert operator.get("moderator", "grant", "mara", "operator") == "mara is operator of all sites.\n"
    operator.get("moderator", "grant", "mara", "moderator", "--site", "https://roles.example")
    (mara,) = [person for person in operator.get_json("moderator", "list") if person["name"] == "mara"]
    on_site = {"role": "moderator", "site": "https://roles.example"}
    assert mara["roles"] == [{"role": "operator", "site": None}, on_site]
    assert "operator of all sites, moderator of https://roles.example" in operator.get("moderator", "list")
    services = open_services(settings)
    token = start_session(
        services, moderators.authenticate_moderator(services, "mara", added["password"]), timedelta(hours=1)
    )
    revoked = operator.get("moderator", "revoke", "mara", "--site", "https://roles.example")
    assert revoked == "mara has one other role now.\n" and session_moderator(services, token)
    assert operator.get("moderator", "revoke", "mara") == "mara has no role now.\n"
    assert session_moderator(services, token) is None
    services.engine.dispose()
    assert re.search("mara .* none", operator.get("moderator", "list"))


def test_the_first_moderator_is_an_owner_and_later_ones_are_not(operator: Operator) -> None:
    """A new person decides, and does not oversee."""
    operator.get_json("moderator", "add", "mara")
    roles = {person["name"]: person["roles"] for person in operator.get_json("moderator", "list")}
    assert roles == {"moderator": [{"role": "owner", "site": None}], "mara": [{"role": "moderator", "site": None}]}


def test_an_operator_resets_totp(operator: Operator, settings: Settings) -> None:
    """The list shows who has it. The reset ends the sessions and keeps the password; without TOTP it is an error."""
    operator.get("moderator", "add", "mara", "--password-file", "-", stdin=PASSWORD)
    services = open_services(settings)
    app = set_up(services, moderators.authenticate_moderator(services, "mara", PASSWORD))
    mara = moderators.authenticate_moderator(services, "mara", PASSWORD)
    token = start_session(services, mara, timedelta(hours=1), app.recovery_codes[0])
    assert [person["totp"] for person in operator.get_json("moderator", "list")] == [True, False]
    assert re.search("mara .* on ", operator.get("moderator", "list"))
    shown = operator.get("moderator", "reset-totp", "mara")
    assert shown == "mara signs in by the password alone. Ended sessions: 1.\n"
    assert session_moderator(services, token) is None
    services.engine.dispose()
    assert can_sign_in(settings, "mara", PASSWORD)
    assert [operator.run("moderator", "reset-totp", name).exit_code for name in ("mara", "stranger")] == [4, 4]
    assert "totp-reset" in operator.get("log", "export", "--person", "cli")


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
    [
        (("add", "moderator", "--generate"), 9),
        (("add", " ", "--generate"), 2),
        (("add", "mara", "--generate", "--site", "https://unknown.example"), 4),
        (("reset", "nobody", "--generate"), 4),
        (("grant", "nobody", "owner"), 4),
        (("grant", "moderator", "king"), 2),
        (("grant", "moderator", "owner", "--site", "https://unknown.example"), 4),
        (("revoke", "nobody"), 4),
    ],
)
def test_an_error_has_its_exit_code(operator: Operator, arguments: tuple[str, ...], code: int) -> None:
    """A taken name, an invalid name, an unknown moderator, site or role."""
    assert operator.run("moderator", *arguments).exit_code == code


def test_generated_passwords_differ() -> None:
    """Each is four groups of four letters."""
    passwords = {_options.generate_password() for _ in range(50)}
    assert len(passwords) == 50 and all(len(password.split("-")) == 4 for password in passwords)


def test_a_digest_is_set_tried_and_ended(operator: Operator) -> None:
    """A trial prints the error, also that there is no mail server."""
    operator.run("moderator", "add", "noah", "--generate")
    set_ = operator.run("moderator", "digest", "noah", "--email", "mara@blog.example", "--every", "hour")
    assert set_.stdout == "Digest of noah: every hour.\n" and "MODERATION_SMTP_HOST" in set_.stderr
    (listed,) = (each for each in operator.get_json("moderator", "list") if each["name"] == "noah")
    assert listed["digest"] == {"email": "mara@blog.example", "every": "hour", "last_error": ""}
    assert "hour, mara@blog.example" in operator.get("moderator", "list")
    with receiving_mail() as mailbox:
        mailing = Operator(
            operator.environment
            | {"MODERATION_PUBLIC_URL": "https://moderation.example/", "MODERATION_MAIL_FROM": "spam@blog.example"}
            | {"MODERATION_SMTP_HOST": "127.0.0.1", "MODERATION_SMTP_PORT": str(mailbox.port)}
        )
        refused = mailing.run("moderator", "digest", "noah", "--now")
        assert refused.exit_code == 2 and "STARTTLS" in refused.output and mailbox.mails == []
        mailing.environment["MODERATION_SMTP_SECURITY"] = "none"
        assert mailing.get("moderator", "digest", "noah", "--now") == "Digest of noah: sent.\n"
        assert mailbox.mails[0]["From"] == "spam@blog.example"
    assert operator.get("moderator", "digest", "noah", "--every", "off") == "Digest of noah: off.\n"
    assert operator.run("moderator", "digest", "noah", "--now").exit_code == 4
    for wrong in (["--every", "day"], ["--email", "a@b.example"], ["--every", "day", "--email", "noah"]):
        assert operator.run("moderator", "digest", "noah", *wrong).exit_code == 2
    assert operator.run("moderator", "digest", "nobody", "--every", "off").exit_code == 4


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"SMTP_HOST": "mail.example"}, "MODERATION_PUBLIC_URL and MODERATION_MAIL_FROM"),
        ({"SMTP_SECURITY": "none", "SMTP_USER": "mailer", "SMTP_PASSWORD": "hidden"}, "MODERATION_SMTP_USER"),
        ({"MAIL_FROM": "Mara <mara@blog.example>"}, "MODERATION_MAIL_FROM"),
        ({"PUBLIC_URL": "moderation.example"}, "MODERATION_PUBLIC_URL"),
    ],
)
def test_mail_settings_that_do_not_fit(operator: Operator, variables: dict[str, str], named: str) -> None:
    """Each is named before anything is sent, and no password is shown."""
    changed = Operator(operator.environment | {f"MODERATION_{name}": value for name, value in variables.items()})
    refused = changed.run("moderator", "list")
    assert refused.exit_code == 2 and named in refused.output and "hidden" not in refused.output


def test_a_feed_is_made_and_revoked(operator: Operator) -> None:
    """Its address is shown once, and begins with that of the service."""
    operator.run("moderator", "add", "noah", "--generate")
    public = Operator(operator.environment | {"MODERATION_PUBLIC_URL": "https://moderation.example/spam"})
    first = public.get("moderator", "feed", "noah")
    assert first.startswith("https://moderation.example/spam/feed.atom?token=")
    assert public.get("moderator", "feed", "noah") != first
    assert operator.get("moderator", "feed", "noah", "--revoke") == "noah has no feed.\n"
    assert operator.run("moderator", "feed", "nobody").exit_code == 4


def test_a_moderator_is_linked_to_a_person_of_the_provider(operator: Operator) -> None:
    """The list shows the subject. Without a provider, and without a link, there is an error with its remedy."""
    for name in ("Ann", "mara"):
        operator.get_json("moderator", "add", name)
    result = operator.run("moderator", "link", "mara", "a-1")
    assert result.exit_code == 4 and "MODERATION_OIDC_ISSUER" in result.stderr
    operator.environment.update(
        MODERATION_PUBLIC_URL="https://moderation.example",
        MODERATION_OIDC_ISSUER="https://login.example",
        MODERATION_OIDC_CLIENT_ID="moderation",
    )
    operator.get("moderator", "link", "mara", "a-1")
    subjects = {person["name"]: person["subject"] for person in operator.get_json("moderator", "list")}
    assert (subjects["Ann"], subjects["mara"]) == (None, "a-1")
    assert re.search(r"mara .* linked", operator.get("moderator", "list"))
    assert operator.run("moderator", "link", "Ann", "a-1").exit_code == 9
    assert "moderation moderator reset" in operator.get("moderator", "unlink", "mara")
    assert operator.run("moderator", "unlink", "mara").exit_code == 4
