"""An authenticator app: the codes of a secret at a time, and a moderator who has set one up."""

from datetime import datetime
from typing import NamedTuple

import pyotp

from moderation.actions.account import confirm_totp, start_totp
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from tests.conftest import PASSWORD

HOSTILE_CODES = {
    "empty": "",
    "short": "12345",
    "long": "1234567",
    "letters": "abcdef",
    "fullwidth digits": "１２３４５６",
    "Arabic digits": "١٢٣٤٥٦",
    "superscripts": "¹²³⁴⁵⁶",
    "a sign": "-12345",
    "a point": "123.456",
    "NUL": "123456\0",
    "half a pair": "\ud800",
    "direction": "\u202e654321",
    "statement": "' OR 1=1 --",
    "a recovery code of no one": "aaaa-bbbb-cccc-dddd",
    "many digits": "1" * 10_000,
    "many spaces": " " * 10_000 + "123456",
}
"""Codes that are wrong at any time, but for one of a million."""


class App(NamedTuple):
    """What a moderator has after the set-up: the secret, and the recovery codes."""

    secret: str
    recovery_codes: list[str]

    def code(self, at: datetime, steps: int = 0) -> str:
        """Return the code at a time, or some steps of 30 seconds later."""
        return pyotp.TOTP(self.secret).at(at, counter_offset=steps)


def set_up(services: Services, moderator: Moderator, session: str = "", code: str = "") -> App:
    """Turn the TOTP of a moderator on, or renew it by a code, with the code of a minute and a half ago.

    The codes of this moment are then still unused.
    """
    secret = start_totp(services, moderator, PASSWORD, code).secret
    app = App(secret, [])
    return app._replace(recovery_codes=confirm_totp(services, moderator, app.code(services.clock(), -1), session))
