"""Remembered devices: a signed cookie that a successful sign-in leaves, bound to the name and the password.

It signs no one in. During a flood of sign-ins it gives the moderator a place to wait in and own limits on failures.
"""

import secrets
from typing import NamedTuple

from flask import current_app, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from moderation.actions.moderators import find_moderator
from moderation.domain.decision import Moderator
from moderation.web.requests import services

COOKIE_NAME = "moderation-device"
COOKIE_SECONDS = 180 * 86_400

_ID_BYTES = 9


class _Device(NamedTuple):
    """The contents of the cookie."""

    id: str
    name: str
    password_version: str


def remembered_device(name: str) -> str | None:
    """Return the id of the calling device if the moderator `name` signed in on it with the present password."""
    try:
        device = _Device(*_serializer().loads(request.cookies.get(COOKIE_NAME, ""), max_age=COOKIE_SECONDS))
    except (BadData, TypeError):
        return None
    if device.name != name:
        return None
    moderator = find_moderator(services(), name)
    return device.id if moderator and moderator.password_version == device.password_version else None


def remember_device(response: Response, moderator: Moderator) -> None:
    """Leave the cookie on the device that receives the response."""
    device = _Device(secrets.token_urlsafe(_ID_BYTES), moderator.name, moderator.password_version)
    response.set_cookie(
        COOKIE_NAME,
        _serializer().dumps(device),
        max_age=COOKIE_SECONDS,
        path=url_for("queue.sign_in"),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=COOKIE_NAME)
