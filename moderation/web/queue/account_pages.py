"""The page of a person's own account: TOTP with its recovery codes, within the limits of the sign-in."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import account
from moderation.actions.account import NewSecret
from moderation.actions.identities import is_linked
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed, Conflict
from moderation.web.forwarding import network_of
from moderation.web.queue.auth import current_token, limit_response, must_set_up_totp
from moderation.web.queue.forms import acting_moderator
from moderation.web.queue.sign_in_limits import Limited, SignInLimits
from moderation.web.requests import app_state, services

_GROUP = 4
"""Letters of a secret before a space, for a person who types it."""


class AccountPages:
    """The pages of one application. Passwords and codes have the limits of the sign-in."""

    def __init__(self, limits: SignInLimits) -> None:
        self._limits = limits

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the pages to the blueprint of the queue."""
        blueprint.add_url_rule("/queue/account", "account", self.show)
        blueprint.add_url_rule("/queue/account/totp", "start_totp", self.start, methods=["POST"])
        blueprint.add_url_rule("/queue/account/totp/confirm", "confirm_totp", self.confirm, methods=["POST"])
        blueprint.add_url_rule("/queue/account/totp/disable", "disable_totp", self.disable, methods=["POST"])

    def show(self) -> Response:
        """Render the state of the account, with the forms that change it."""
        return _account_response(200)

    def start(self) -> AnyResponse:
        """Render a new secret, once. Takes the password, and with TOTP also a code: 401 for a wrong one, 429."""
        moderator = acting_moderator()
        try:
            with self._password_attempt(moderator):
                new = account.start_totp(services(), moderator, *_password_and_code())
        except (AuthenticationFailed, Limited) as error:
            return _refusal(moderator, error)
        return _new_secret_response(200, new)

    def confirm(self) -> AnyResponse:
        """Put the new secret in force by a code, and render the recovery codes, once. 401 for a wrong code, 429."""
        moderator = acting_moderator()
        try:
            with self._limits.throttle.attempt(_key(moderator)):
                codes = account.confirm_totp(services(), moderator, request.form.get("code", ""), current_token())
        except Conflict as error:
            flash(str(error), "warning")
            return redirect(url_for("queue.account"), 303)
        except AuthenticationFailed as error:
            return _new_secret_response(401, error=str(error))
        except Limited as limited:
            return limit_response(_new_secret_response(429, error=str(limited)), limited)
        return make_response(render_template("queue/recovery_codes.html", codes=codes))

    def disable(self) -> AnyResponse:
        """Turn TOTP off. Takes the password and a code: 401 for a wrong one, 429. Not where TOTP is required."""
        moderator = acting_moderator()
        try:
            if app_state().settings.require_totp:
                raise Conflict("This service requires codes at the sign-in: you can only renew them.")
            with self._password_attempt(moderator):
                account.disable_totp(services(), moderator, *_password_and_code(), current_token())
        except Conflict as error:
            flash(str(error), "warning")
        except (AuthenticationFailed, Limited) as error:
            return _refusal(moderator, error)
        else:
            flash("You sign in by your password alone now.", "success")
        return redirect(url_for("queue.account"), 303)

    @contextmanager
    def _password_attempt(self, moderator: Moderator) -> Iterator[None]:
        # A person in a session waits in the place of remembered devices, ahead of strangers.
        turn = self._limits.turn(network_of(request.remote_addr), is_device=True)
        with self._limits.throttle.attempt(_key(moderator)), turn:
            yield


def _key(moderator: Moderator) -> str:
    # By account: a stolen session must not serve to guess the password.
    return f"account {moderator.id}"


def _password_and_code() -> tuple[str, str]:
    return request.form.get("password", ""), request.form.get("code", "")


def _refusal(moderator: Moderator, error: AuthenticationFailed | Limited) -> Response:
    if isinstance(error, Limited):
        return limit_response(_account_response(429, str(error)), error)
    wrong = "The password or the code is wrong, or the code was used already."
    return _account_response(401, wrong if moderator.has_totp else "The password is wrong.")


def _account_response(status: int, error: str = "") -> Response:
    moderator = acting_moderator()
    page = render_template(
        "queue/account.html",
        state=account.totp_state(services(), moderator),
        error=error,
        is_linked=is_linked(services(), moderator),
        is_required=app_state().settings.require_totp,
        must_set_up=must_set_up_totp(moderator),
    )
    return make_response(page, status)


def _new_secret_response(status: int, new: NewSecret | None = None, error: str = "") -> Response:
    """Render the form of the first code: with the new secret once, and without it after a wrong code."""
    groups = [new.secret[start : start + _GROUP] for start in range(0, len(new.secret), _GROUP)] if new else []
    picture = _qr_code(new.address) if new else ""
    context = {"new": new, "groups": groups, "picture": picture, "error": error}
    return make_response(render_template("queue/new_secret.html", **context), status)


def _qr_code(address: str) -> Markup:
    """Return a QR code as SVG without a style, which the policy of the page would refuse."""
    # Imported here, as most processes never draw one.
    import segno

    code = segno.make_qr(address)
    return Markup(code.svg_inline(omitsize=True, dark="#000", light="#fff", svgclass="qr-code", lineclass=None))
