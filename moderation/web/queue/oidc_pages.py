"""The sign-in through the OIDC provider: the way there, and the way back with its checks."""

import logging
from http import HTTPStatus

from flask import Blueprint, current_app, redirect, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from moderation.actions.identities import PENDING_SECONDS, admit
from moderation.actions.oidc import (
    CALLBACK_PATH,
    Answer,
    PendingSignIn,
    begin_sign_in,
    finish_sign_in,
    require_provider,
)
from moderation.actions.sessions import start_session
from moderation.domain.errors import AccessRefused, AuthenticationFailed, Conflict, ProviderUnavailable
from moderation.web.forwarding import network_of
from moderation.web.queue.auth import (
    asked_path,
    code_response,
    current_moderator,
    form_response,
    limit_response,
    session_lifetime,
    sign_ticket,
    signed_in,
    url_of,
)
from moderation.web.queue.own_paths import own_path
from moderation.web.queue.sign_in_limits import Limited, SignInLimits
from moderation.web.requests import app_state, services

logger = logging.getLogger(__name__)

COOKIE_NAME = "moderation-oidc"
MAX_NEXT_LENGTH = 1_000
"""Characters of a path that the cookie carries; a browser drops one above 4,096."""

_TOO_LATE = "The sign-in took too long, or began in another browser. Start again."


class OidcPages:
    """The pages of one application. Failures count like those of the password, by address."""

    def __init__(self, limits: SignInLimits) -> None:
        self._limits = limits

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the pages to the blueprint of the queue."""
        blueprint.add_url_rule("/queue/sign-in/oidc", "begin_oidc", self.begin)
        blueprint.add_url_rule(CALLBACK_PATH, "finish_oidc", self.finish)

    def begin(self) -> Response:
        """Redirect to the provider, and leave the secrets of the sign-in in a cookie. 503 if it does not answer."""
        if current_moderator() is not None:
            return redirect(url_of(asked_path()), 303)
        try:
            pending, address = begin_sign_in(services())
        except ProviderUnavailable as error:
            return _unavailable(error)
        response = redirect(address, 303)
        next_path = asked_path()
        _put_cookie(response, pending, next_path if len(next_path) <= MAX_NEXT_LENGTH else "")
        return response

    def finish(self) -> Response:
        """Sign in the person whom the provider sends back, or render the form of the password.

        Gives 401 for an answer that is not for this sign-in, 403 for a person without access, 429 and 503.
        """
        response = self._finish()
        response.delete_cookie(COOKIE_NAME, path=url_for("queue.sign_in"))
        return response

    def _finish(self) -> Response:
        require_provider(services())
        pending, next_path = _read_cookie()
        if pending is None:
            return form_response(401, _TOO_LATE)
        key = f"oidc {network_of(request.remote_addr)}"
        try:
            with self._limits.throttle.attempt(key):
                response = _sign_in(pending, next_path)
        except ProviderUnavailable as error:
            return _unavailable(error)
        except Limited as limited:
            return limit_response(form_response(429, str(limited)), limited)
        except (AuthenticationFailed, Conflict) as error:
            logger.warning("OIDC sign-in refused", extra={"problem": type(error).__name__})
            return form_response(403 if isinstance(error, AccessRefused) else 401, str(error))
        self._limits.throttle.reset(key)
        return response


def _sign_in(pending: PendingSignIn, next_path: str) -> Response:
    answer = Answer(*(request.args.get(name, "") for name in ("state", "code", "iss", "error")))
    person = finish_sign_in(services(), pending, answer)
    moderator = admit(services(), person, pending.state, needs_second_factor=app_state().settings.require_totp)
    if moderator.has_totp:
        return code_response(200, sign_ticket(moderator), next_path)
    factor = person.has_second_factor
    token = start_session(services(), moderator, session_lifetime(), has_second_factor=factor)
    return signed_in(moderator, token, next_path)


def _unavailable(error: ProviderUnavailable) -> Response:
    logger.warning("OIDC provider unavailable", extra={"problem": str(error)})
    return form_response(HTTPStatus.SERVICE_UNAVAILABLE, f"{error} A password still signs in.")


def _put_cookie(response: Response, pending: PendingSignIn, next_path: str) -> None:
    response.set_cookie(
        COOKIE_NAME,
        _serializer().dumps([*pending, next_path]),
        max_age=PENDING_SECONDS,
        path=url_for("queue.sign_in"),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        # The provider sends the browser back from another site, so `Strict` would withhold it.
        samesite="Lax",
    )


def _read_cookie() -> tuple[PendingSignIn | None, str]:
    """Return the secrets of the sign-in that this browser began, and the page that was asked for before it."""
    try:
        state, nonce, verifier, path = _serializer().loads(
            request.cookies.get(COOKIE_NAME, ""), max_age=PENDING_SECONDS
        )
    except (BadData, ValueError):
        return None, ""
    return PendingSignIn(state, nonce, verifier), own_path(path)


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=COOKIE_NAME)
