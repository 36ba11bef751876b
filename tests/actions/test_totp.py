"""TOTP: codes are of this minute, of this moderator, and used once; changes take the password and a code."""

from base64 import b32encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from moderation.actions.account import confirm_totp, disable_totp, reset_totp, start_totp, totp_state
from moderation.actions.act_log import read_all
from moderation.actions.encryption import encrypt
from moderation.actions.moderators import (
    add_moderator,
    authenticate_moderator,
    find_moderator,
    list_moderators,
    remove_moderator,
    reset_password,
)
from moderation.actions.services import Services
from moderation.actions.sessions import session_moderator, start_session
from moderation.actions.totp import RECOVERY_CODES, digest_of
from moderation.domain.act_log import LogFilter
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed, Conflict, NotFound, StorageUnavailable
from moderation.domain.people import SiteScope
from moderation.settings import Settings
from moderation.storage import totp
from moderation.storage.engine import write_transaction
from moderation.storage.operator_tables import recovery_codes
from moderation.storage.operator_tables import totp as totp_table
from moderation.wiring import open_services
from tests.conftest import PASSWORD, Clock
from tests.totp import HOSTILE_CODES, App, set_up

HOUR = timedelta(hours=1)


@pytest.fixture
def app(services: Services, moderator: Moderator) -> App:
    """Return the app of mara."""
    return set_up(services, moderator)


def mara(services: Services) -> Moderator:
    found = find_moderator(services, "mara")
    assert found
    return found


def signs_in(services: Services, code: str, name: str = "mara") -> bool:
    """Return whether the password and a code start a session."""
    moderator = authenticate_moderator(services, name, PASSWORD)
    try:
        token = start_session(services, moderator, HOUR, code)
    except AuthenticationFailed:
        return False
    assert session_moderator(services, token) == moderator
    return True


def events(services: Services) -> list[tuple[str, str, str, str]]:
    """Return the changes of accounts in the log, the oldest first."""
    found = [(each.person, each.channel, each.event, each.detail) for each in read_all(services, LogFilter())]
    return [each for each in reversed(found) if each[2] != "grant"]


def test_a_code_is_needed_after_the_set_up(services: Services, moderator: Moderator, clock: Clock) -> None:
    """And not before the first code: a secret that was only shown changes nothing."""
    new = start_totp(services, moderator, PASSWORD)
    assert signs_in(services, "") and totp_state(services, mara(services)) == (None, 0)
    app = App(new.secret, confirm_totp(services, moderator, App(new.secret, []).code(clock.now), ""))
    assert not signs_in(services, "") and list_moderators(services) == [mara(services)]
    assert totp_state(services, mara(services)) == (clock.now, RECOVERY_CODES)
    clock.advance(30)
    assert signs_in(services, app.code(clock.now))


def test_the_address_for_the_app(services: Services, moderator: Moderator) -> None:
    """It names the host of the service, if that is known, and the moderator, with any characters."""
    assert start_totp(services, moderator, PASSWORD).address.startswith("otpauth://totp/Moderation:mara?secret=")
    public = replace(services, public_url="https://spam.example/queue")
    ann = add_moderator(services, "Ann & <b>: 😀", PASSWORD)
    address = start_totp(public, ann, PASSWORD).address
    assert address.startswith("otpauth://totp/spam.example:Ann%20%26%20%3Cb%3E%3A%20%F0%9F%98%80?secret=")


def test_the_code_of_the_standard(services: Services, moderator: Moderator, clock: Clock) -> None:
    """RFC 6238, appendix B: the secret and the codes of its table, of which apps show the last six digits."""
    secret = encrypt(services, b32encode(b"12345678901234567890").decode())
    with write_transaction(services.engine) as connection:
        totp.put_pending(connection, moderator.id, secret)
        assert totp.enable(connection, moderator.id, secret, 0, clock.now)
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")):
        clock.now = datetime.fromtimestamp(seconds, UTC)
        assert signs_in(services, code)


@pytest.mark.parametrize(
    ("steps", "is_right"), [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_clock_may_differ_by_one_step(services: Services, app: App, clock: Clock, steps: int, is_right: bool) -> None:
    """Codes of other times are refused."""
    clock.advance(300)
    assert signs_in(services, app.code(clock.now, steps)) == is_right


def test_a_code_works_once(services: Services, moderator: Moderator, clock: Clock) -> None:
    """Neither a second time nor after a later one, and not after it confirmed the set-up."""
    secret = start_totp(services, moderator, PASSWORD).secret
    app = App(secret, [])
    confirm_totp(services, moderator, app.code(clock.now), "")
    assert not signs_in(services, app.code(clock.now))
    clock.advance(60)
    assert signs_in(services, app.code(clock.now))
    assert [signs_in(services, app.code(clock.now, steps)) for steps in (0, -1)] == [False, False]
    clock.advance(30)
    assert signs_in(services, app.code(clock.now))


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_works_once_in_all_processes(
    services: Services, migrated_settings: Settings, app: App, clock: Clock, kind: str
) -> None:
    """Of eight sign-ins with one code at the same time, on two engines, one starts a session."""
    other = replace(open_services(migrated_settings), clock=clock)
    code = app.code(clock.now) if kind == "app" else app.recovery_codes[0]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: signs_in((services, other)[number % 2], code), range(8)))
    other.engine.dispose()
    assert sorted(answers) == [False] * 7 + [True]


def test_a_recovery_code_works_once(services: Services, app: App, clock: Clock) -> None:
    """In the place of a code, at any time, with other spaces and in capitals; the others stay, and the log names it."""
    clock.advance(10**7)
    first, second = app.recovery_codes[:2]
    assert signs_in(services, f" {first.upper().replace('-', ' ')}\n")
    assert not signs_in(services, first)
    assert totp_state(services, mara(services)).recovery_codes == RECOVERY_CODES - 1
    assert signs_in(services, second.replace("-", ""))
    assert events(services)[1:] == [("mara", "queue", "recovery-code", "mara")] * 2


@pytest.mark.parametrize("code", HOSTILE_CODES.values(), ids=HOSTILE_CODES)
def test_any_text_is_a_wrong_code(services: Services, moderator: Moderator, app: App, code: str) -> None:
    """At the sign-in, at each change, and as the first code; nothing is used up."""
    owner = mara(services)
    for attempt in (
        lambda: start_session(services, owner, HOUR, code),
        lambda: start_totp(services, owner, PASSWORD, code),
        lambda: disable_totp(services, owner, PASSWORD, code, ""),
    ):
        with pytest.raises(AuthenticationFailed, match="The code is wrong, or was used already"):
            attempt()
    start_totp(services, owner, PASSWORD, app.recovery_codes[0])
    with pytest.raises(AuthenticationFailed):
        confirm_totp(services, owner, code, "")
    assert totp_state(services, owner).recovery_codes == RECOVERY_CODES - 1
    assert len(events(services)) == 2


def test_a_foreign_code_is_refused(services: Services, app: App, clock: Clock) -> None:
    """Neither the app of another moderator nor a recovery code of hers signs in; both still work for her."""
    ann = set_up(services, add_moderator(services, "Ann", PASSWORD))
    for code in (ann.code(clock.now), ann.recovery_codes[0]):
        assert not signs_in(services, code) and signs_in(services, code, "Ann")


def test_spaces_do_not_matter(services: Services, app: App, clock: Clock) -> None:
    """Apps show a code in two groups."""
    code = app.code(clock.now)
    assert signs_in(services, f"\u00a0{code[:3]} {code[3:]} ")


def test_a_renewal_takes_password_and_code(services: Services, app: App, clock: Clock) -> None:
    """The former secret and its recovery codes work until the first code of the new one, and not afterwards."""
    for password, code in ((PASSWORD, ""), ("a wrong one", app.code(clock.now))):
        with pytest.raises(AuthenticationFailed):
            start_totp(services, mara(services), password, code)
    assert signs_in(services, app.code(clock.now)), "a wrong password uses no code"
    secret = start_totp(services, mara(services), PASSWORD, app.recovery_codes[0]).secret
    clock.advance(60)
    assert signs_in(services, app.code(clock.now))
    new = App(secret, confirm_totp(services, mara(services), App(secret, []).code(clock.now), ""))
    clock.advance(60)
    assert not any(signs_in(services, code) for code in (app.code(clock.now), *app.recovery_codes))
    assert signs_in(services, new.code(clock.now)) and signs_in(services, new.recovery_codes[0])
    assert [event for _, _, event, _ in events(services)] == [
        *("totp-enable", "recovery-code", "totp-renew", "recovery-code"),
    ]


def test_only_the_newest_secret_can_be_confirmed(services: Services, moderator: Moderator, clock: Clock) -> None:
    """A second one replaces the first; without any there is nothing to confirm."""
    with pytest.raises(Conflict, match="start again"):
        confirm_totp(services, moderator, "123456", "")
    first, second = (App(start_totp(services, moderator, PASSWORD).secret, []) for _ in range(2))
    with pytest.raises(AuthenticationFailed):
        confirm_totp(services, moderator, first.code(clock.now), "")
    assert confirm_totp(services, moderator, second.code(clock.now), "")
    with pytest.raises(Conflict):
        confirm_totp(services, mara(services), second.code(clock.now, 1), "")


def test_turning_off_takes_password_and_code(services: Services, app: App, clock: Clock) -> None:
    """Afterwards the password is enough, and nothing of the codes is left."""
    for password, code in ((PASSWORD, ""), ("a wrong one", app.code(clock.now))):
        with pytest.raises(AuthenticationFailed):
            disable_totp(services, mara(services), password, code, "")
    disable_totp(services, mara(services), PASSWORD, app.code(clock.now), "")
    assert signs_in(services, "") and totp_state(services, mara(services)) == (None, 0)
    with pytest.raises(Conflict):
        disable_totp(services, mara(services), PASSWORD, "", "")
    assert events(services)[-1] == ("mara", "queue", "totp-disable", "mara")


@pytest.mark.parametrize("change", ["enable", "renew", "disable"])
def test_a_change_ends_the_other_sessions(services: Services, moderator: Moderator, clock: Clock, change: str) -> None:
    """A stolen session does not outlive it; the session that made the change stays, and so do those of others."""
    app = set_up(services, moderator) if change != "enable" else None
    codes = iter(app.recovery_codes if app else [""] * 9)
    own, stolen = (start_session(services, mara(services), HOUR, next(codes)) for _ in range(2))
    ann = add_moderator(services, "Ann", PASSWORD)
    foreign = start_session(services, ann, HOUR)
    if change == "disable":
        disable_totp(services, mara(services), PASSWORD, next(codes), own)
    else:
        set_up(services, mara(services), own, next(codes))
    assert session_moderator(services, own) == mara(services) and session_moderator(services, foreign) == ann
    assert session_moderator(services, stolen) is None


def test_an_operator_resets_it(services: Services, app: App, clock: Clock) -> None:
    """For a lost app: all sessions end, the password is enough, and the log names the command line."""
    token = start_session(services, mara(services), HOUR, app.code(clock.now))
    assert reset_totp(services, "mara") == 1 and session_moderator(services, token) is None
    assert signs_in(services, "") and totp_state(services, mara(services)) == (None, 0)
    for name in ("mara", "stranger"):
        with pytest.raises(NotFound):
            reset_totp(services, name)
    assert events(services)[-1] == ("cli", "cli", "totp-reset", "mara")


def test_accounts_are_in_the_log_of_all_sites_alone(services: Services, app: App) -> None:
    """They are about no site."""
    assert list(read_all(replace(services, scope=SiteScope(frozenset({1}))), LogFilter())) == []
    of_mara = [each.event for each in read_all(services, LogFilter(person="mara"))]
    assert of_mara == ["totp-enable"]


def test_a_removed_moderator_leaves_no_secret(services: Services, app: App) -> None:
    """Nor recovery codes, also of a set-up that was not finished."""
    ann = add_moderator(services, "Ann", PASSWORD)
    start_totp(services, ann, PASSWORD)
    for name in ("Ann", "mara"):
        remove_moderator(services, name)
    with services.engine.connect() as connection:
        assert connection.execute(totp_table.select()).all() == connection.execute(recovery_codes.select()).all() == []
    assert events(services)[0][2] == "totp-enable"


@pytest.mark.parametrize(
    "overtaken_by",
    [
        lambda services: set_up(services, mara(services)),
        lambda services: reset_password(services, "mara", "another password"),
    ],
)
def test_a_sign_in_that_is_overtaken_starts_no_session(
    services: Services, moderator: Moderator, overtaken_by: Callable[[Services], object]
) -> None:
    """Between the password and the session TOTP was turned on: no session starts without a code."""
    overtaken_by(services)
    with pytest.raises(AuthenticationFailed):
        start_session(services, moderator, HOUR)


def test_a_change_that_is_overtaken_changes_nothing(services: Services, app: App, clock: Clock) -> None:
    """An operator has reset TOTP: its former owner neither renews nor turns off by an old page."""
    before = mara(services)
    start_totp(services, before, PASSWORD, app.recovery_codes[0])
    reset_totp(services, "mara")
    for attempt in (
        lambda: start_totp(services, before, PASSWORD, app.code(clock.now)),
        lambda: disable_totp(services, before, PASSWORD, app.recovery_codes[1], ""),
    ):
        with pytest.raises(AuthenticationFailed):
            attempt()
    with pytest.raises(Conflict):
        confirm_totp(services, before, app.code(clock.now), "")
    assert not mara(services).has_totp


def test_a_lost_secret_of_the_service_leaves_the_recovery_codes(services: Services, app: App, clock: Clock) -> None:
    """Codes of the app cannot be checked then, and are not accepted; a recovery code leads to a new app."""
    renewed = replace(services, secret=bytes(32))
    with pytest.raises(StorageUnavailable, match="do not belong together"):
        signs_in(renewed, app.code(clock.now))
    assert signs_in(renewed, app.recovery_codes[0])
    new = set_up(renewed, mara(renewed), code=app.recovery_codes[1])
    assert signs_in(renewed, new.code(clock.now))


@pytest.mark.sqlite("it reads the database file")
def test_neither_secret_nor_code_is_stored(services: Services, settings: Settings, app: App) -> None:
    """A copy of the database gives no code."""
    start_totp(services, mara(services), PASSWORD, app.recovery_codes[0])
    stored = b"".join(file.read_bytes() for file in Path(settings.var).glob("moderation.db*"))
    assert app.secret.encode() not in stored and digest_of(app.recovery_codes[1]).encode() in stored
    assert not any(code.encode() in stored or code.replace("-", "").encode() in stored for code in app.recovery_codes)


def test_recovery_codes_are_random(services: Services, app: App) -> None:
    """Ten different ones, of sixteen letters or digits that people tell apart."""
    assert len(set(app.recovery_codes)) == RECOVERY_CODES
    letters = set("".join(app.recovery_codes))
    assert letters.isdisjoint("0o1il") and all(len(code.replace("-", "")) == 16 for code in app.recovery_codes)
