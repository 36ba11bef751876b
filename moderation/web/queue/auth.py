"""Sign-in of moderators: the session, and the forms of the password and of the code with their limits."""

from datetime import timedelta
from math import ceil
from time import monotonic
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import (  # type: ignore[import-untyped]  # ships no types
    LoginManager,
    UserMixin,
    current_user,
    login_user,
    logout_user,
)
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]  # ships no types
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions.moderators import authenticate_moderator, find_moderator
from moderation.actions.sessions import end_session, end_sessions, has_second_factor, session_moderator, start_session
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed
from moderation.web.errors import error_response
from moderation.web.forwarding import network_of
from moderation.web.queue.carrying import confirmation_page, posted_decision, sign_decision, signed_decision
from moderation.web.queue.devices import remember_device, remembered_device
from moderation.web.queue.own_paths import own_path
from moderation.web.queue.sign_in_limits import Limited, SignInLimits
from moderation.web.requests import AUTHENTICATED, KEYED_PATHS, app_state, is_below, services

CODE_SECONDS = 300
"""Time for the code after the password."""

_MAX_NAME_LENGTH = 200


class SessionUser(UserMixin):  # type: ignore[misc]  # its base is untyped
    """A moderator in the form that Flask-Login needs."""

    def __init__(self, moderator: Moderator, token: str) -> None:
        self.moderator = moderator
        self.token = token

    def get_id(self) -> str:
        """Return the token of the session, which the signed cookie keeps."""
        return self.token


class ModeratorSessions(SecureCookieSessionInterface):
    """Sessions of moderators, in signed cookies. A request with a key gets none, as opening one takes time."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the request's cookie, or `None` for one that cannot be written."""
        return None if is_below(KEYED_PATHS, request.path) else super().open_session(app, request)

    def get_cookie_path(self, app: Flask) -> str:
        """Return the path of the service, so that no other service on the host of a proxy gets the cookie."""
        return f"{request.script_root}/"


def init_login(app: Flask) -> None:
    """Look the session up on each request, so that its end takes effect at once."""
    app.session_interface = ModeratorSessions()
    login_manager = LoginManager()
    login_manager.user_loader(_load_user)
    login_manager.init_app(app)


def current_moderator() -> Moderator | None:
    """Return the moderator who is signed in, if any."""
    return current_user.moderator if current_user.is_authenticated else None


def current_token() -> str:
    """Return the token of the session of this request, in which a moderator is signed in."""
    return str(current_user.token)


def must_set_up_totp(moderator: Moderator) -> bool:
    """Return whether the service requires TOTP of the moderator of this session, who has none.

    A second factor at the OIDC provider stands in for it.
    """
    is_required = app_state().settings.require_totp and not moderator.has_totp
    return is_required and not has_second_factor(services(), current_token())


class SignInView:
    """The two pages of the sign-in of one application, with their limits: the password, and the code of TOTP."""

    def __init__(self) -> None:
        self.limits = SignInLimits(monotonic)

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the pages to the blueprint of the queue."""
        blueprint.add_url_rule("/queue/sign-in", "sign_in", self.show)
        blueprint.add_url_rule("/queue/sign-in", "submit_sign_in", self.submit, methods=["POST"])
        blueprint.add_url_rule("/queue/sign-in/code", "submit_code", self.submit_code, methods=["POST"])

    def show(self) -> AnyResponse:
        """Render the form, or redirect a moderator who is signed in."""
        if current_moderator() is not None:
            return redirect(url_of(asked_path()))
        return form_response(200)

    def submit(self) -> AnyResponse:
        """Sign in, or ask for the code of a moderator with TOTP.

        Renders the form again with 401 for a wrong name or password, 429 after too many failures.
        """
        # PostgreSQL refuses text with a NUL, and no name has one.
        name = request.form.get("name", "").replace("\0", "").strip()[:_MAX_NAME_LENGTH]
        address, device = network_of(request.remote_addr), remembered_device(name)
        # By name and address, because a stranger who fails must not lock the moderator out.
        key = f"device {device}" if device else f"{address} {name.casefold()}"
        try:
            with self.limits.throttle.attempt(key):
                with self.limits.turn(address, is_device=device is not None):
                    moderator = authenticate_moderator(services(), name, request.form.get("password", ""))
                token = None if moderator.has_totp else start_session(services(), moderator, session_lifetime())
        except Limited as limited:
            return limit_response(form_response(429, str(limited), name), limited)
        except AuthenticationFailed:
            return form_response(401, "The name or the password is wrong.", name)
        self.limits.throttle.reset(key)
        if token is None:
            return code_response(200, sign_ticket(moderator), asked_path())
        return signed_in(moderator, token, asked_path())

    def submit_code(self) -> AnyResponse:
        """Sign a moderator in whose password was right, or render the page of the code again: 401, 429."""
        ticket = request.form.get("ticket", "")
        moderator = _ticket_owner(ticket)
        if moderator is None:
            return form_response(401, "The code came too late. Sign in again.")
        device = remembered_device(moderator.name)
        # By moderator at all addresses: only a person with the password can fail here, and may have many addresses.
        key = f"code by device {device}" if device else f"code of {moderator.id}"
        try:
            with self.limits.throttle.attempt(key):
                token = start_session(services(), moderator, session_lifetime(), request.form.get("code", ""))
        except Limited as limited:
            return limit_response(code_response(429, ticket, asked_path(), str(limited)), limited)
        except AuthenticationFailed as error:
            return code_response(401, ticket, asked_path(), str(error))
        return signed_in(moderator, token, asked_path())


def session_lifetime() -> timedelta:
    """Return the time after which a session ends."""
    return current_app.permanent_session_lifetime


def signed_in(moderator: Moderator, token: str, next_path: str) -> AnyResponse:
    """Put a moderator's session in the cookie, and lead to the page that was asked for."""
    # A fresh session, so that nothing planted before the sign-in survives it.
    session.clear()
    session.permanent = True
    login_user(SessionUser(moderator, token))
    carried = signed_decision(request.form.get("carried", ""))
    if must_set_up_totp(moderator):
        response = redirect(url_for("queue.account"), 303)
    else:
        response = make_response(confirmation_page(carried, moderator)) if carried else redirect(url_of(next_path), 303)
    remember_device(response, moderator)
    return response


def sign_ticket(moderator: Moderator) -> str:
    """Return a signed text that the password of a moderator was right, or that the OIDC provider signed them in."""
    return str(_tickets().dumps([moderator.name, moderator.password_version]))


def code_response(status: int, ticket: str, next_path: str, error: str = "") -> Response:
    """Render the form of the code, for the owner of a ticket."""
    carried = request.form.get("carried", "")
    page = render_template("queue/code.html", error=error, ticket=ticket, next_path=next_path, carried=carried)
    return make_response(page, status)


def form_response(status: int, error: str = "", name: str = "", carried: str = "") -> Response:
    """Render the form of the password, with the way to the OIDC provider if there is one."""
    context = {
        "error": error,
        "name": name,
        "next_path": asked_path(),
        "carried": carried or request.form.get("carried", ""),
        "provider": urlsplit(app_state().settings.oidc_issuer).netloc,
    }
    return make_response(render_template("queue/sign_in.html", **context), status)


def url_of(path: str) -> str:
    """Return the address of a path of `asked_path`: that of the queue if it is empty."""
    return request.script_root + path if path else url_for("queue.held")


def asked_path() -> str:
    """Return the path that was asked for: only one of the queue, so that a link cannot lead to another host."""
    return own_path(request.values.get("next", ""))


def limit_response(response: Response, limited: Limited) -> Response:
    """Add the time of the next attempt to a response."""
    response.headers["Retry-After"] = str(max(1, ceil(limited.wait_seconds)))
    return response


def ask_again(error: HTTPException) -> AnyResponse:
    """Return the response to a form whose session has ended, or whose token is of an earlier session.

    The decision that a page brought is carried to the sign-in, or to the press that confirms it if the moderator has
    signed in meanwhile. A script gets the error, and sends the form as a page does.
    """
    decision = posted_decision()
    is_script = request.accept_mimetypes.best == "application/json"
    if decision is not None and not is_script:
        moderator = current_moderator()
        if moderator is not None and not must_set_up_totp(moderator):
            return make_response(confirmation_page(decision, moderator))
        return form_response(401, carried=sign_decision(decision))
    if current_moderator() is None and not is_script and not isinstance(error, CSRFError):
        return redirect(url_for("queue.sign_in"), 303)
    return error_response(error)


def sign_out() -> AnyResponse:
    """End the session, or all sessions of the moderator, and redirect to the sign-in page."""
    if current_user.is_authenticated and request.form.get("everywhere") == "1":
        end_sessions(services(), current_user.moderator.name)
    elif current_user.is_authenticated:
        end_session(services(), current_user.token)
    logout_user()
    session.clear()
    flash("You are signed out.", "success")
    return redirect(url_for("queue.sign_in"), 303)


def _load_user(token: str) -> SessionUser | None:
    moderator = session_moderator(services(), token)
    if moderator is None:
        return None
    request.environ[AUTHENTICATED] = True
    return SessionUser(moderator, token)


def _ticket_owner(ticket: str) -> Moderator | None:
    """Return the moderator of a ticket of the last `CODE_SECONDS`, with the same password and still with TOTP."""
    try:
        name, password_version = _tickets().loads(ticket, max_age=CODE_SECONDS)
    except BadData:
        return None
    moderator = find_moderator(services(), name)
    is_same = moderator and moderator.password_version == password_version and moderator.has_totp
    return moderator if is_same else None


def _tickets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="ticket for a code")
