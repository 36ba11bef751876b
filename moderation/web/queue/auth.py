"""Sign-in of moderators: the session, the form, and a limit on failed attempts."""

import re
from collections import deque
from datetime import datetime, timedelta
from math import ceil
from threading import Lock

from flask import (
    Flask,
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
from flask_login import (  # type: ignore[import-untyped]  # ships no types
    LoginManager,
    UserMixin,
    current_user,
    login_user,
    logout_user,
)
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions.moderators import authenticate_moderator
from moderation.actions.sessions import end_session, end_sessions, session_moderator, start_session
from moderation.domain.decision import Moderator
from moderation.domain.errors import AuthenticationFailed
from moderation.web.requests import services

MAX_FAILURES = 10
FAILURE_WINDOW = timedelta(minutes=5)

_MAX_TRACKED_NAMES = 10_000
_MAX_NAME_LENGTH = 200
_QUEUE_URL = re.compile(r"/queue(?:/[0-9]{1,10})?(?:\?(?:(?:before=[0-9]{1,10}|skipped=1|soon=1)&?){1,2})?")


class SessionUser(UserMixin):  # type: ignore[misc]  # its base is untyped
    """A moderator in the form that Flask-Login needs."""

    def __init__(self, moderator: Moderator, token: str) -> None:
        self.moderator = moderator
        self.token = token

    def get_id(self) -> str:
        """Return the token of the session, which the signed cookie keeps."""
        return self.token


def init_login(app: Flask) -> None:
    """Look the session up on each request, so that its end takes effect at once."""
    login_manager = LoginManager()
    login_manager.user_loader(_load_user)
    login_manager.init_app(app)


def current_moderator() -> Moderator | None:
    """Return the moderator who is signed in, if any."""
    return current_user.moderator if current_user.is_authenticated else None


class SignInView:
    """The sign-in page of one application, with its count of failed attempts."""

    def __init__(self) -> None:
        self._throttle = Throttle()

    def show(self) -> AnyResponse:
        """Render the form, or redirect a moderator who is signed in."""
        if current_moderator() is not None:
            return redirect(_next_url())
        return _form_response(200)

    def submit(self) -> AnyResponse:
        """Sign in, or render the form again: 401 for a wrong name or password, 429 after too many failures."""
        # PostgreSQL refuses text with a NUL, and no name has one.
        name = request.form.get("name", "").replace("\0", "").strip()[:_MAX_NAME_LENGTH]
        clock = services().clock
        wait_time = self._throttle.wait_time(name, clock())
        if wait_time:
            return _throttled_response(name, wait_time)
        try:
            moderator = authenticate_moderator(services(), name, request.form.get("password", ""))
            token = start_session(services(), moderator, current_app.permanent_session_lifetime)
        except AuthenticationFailed:
            self._throttle.record_failure(name, clock())
            return _form_response(401, "The name or the password is wrong.", name)
        self._throttle.reset(name)
        # A fresh session, so that nothing planted before the sign-in survives it.
        session.clear()
        session.permanent = True
        login_user(SessionUser(moderator, token))
        return redirect(_next_url(), 303)


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


class Throttle:
    """Counts failed sign-ins of each name, in this process only.

    After `MAX_FAILURES` failures within `FAILURE_WINDOW`, the name waits until the oldest of them leaves the window.
    """

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime]] = {}
        self._lock = Lock()

    def wait_time(self, name: str, now: datetime) -> timedelta:
        """Return how long the name must wait; zero if it may try."""
        with self._lock:
            failures = self._recent_failures(name.casefold(), now)
            if len(failures) < MAX_FAILURES:
                return timedelta()
            return failures[-MAX_FAILURES] + FAILURE_WINDOW - now

    def record_failure(self, name: str, now: datetime) -> None:
        """Count one failure."""
        with self._lock:
            key = name.casefold()
            failures = self._recent_failures(key, now)
            failures.append(now)
            self._failures.pop(key, None)
            self._failures[key] = failures
            while len(self._failures) > _MAX_TRACKED_NAMES:
                del self._failures[next(iter(self._failures))]

    def reset(self, name: str) -> None:
        """Delete the failures of the name."""
        with self._lock:
            self._failures.pop(name.casefold(), None)

    def _recent_failures(self, key: str, now: datetime) -> deque[datetime]:
        failures = self._failures.get(key, deque())
        while failures and now - failures[0] >= FAILURE_WINDOW:
            failures.popleft()
        return failures


def _load_user(token: str) -> SessionUser | None:
    moderator = session_moderator(services(), token)
    return SessionUser(moderator, token) if moderator else None


def _throttled_response(name: str, wait_time: timedelta) -> Response:
    seconds = max(1, ceil(wait_time.total_seconds()))
    response = _form_response(429, f"Too many failures for this name. Try again in {ceil(seconds / 60)} min.", name)
    response.headers["Retry-After"] = str(seconds)
    return response


def _form_response(status: int, error: str = "", name: str = "") -> Response:
    page = render_template("queue/sign_in.html", error=error, name=name, next_url=_next_url())
    return make_response(page, status)


def _next_url() -> str:
    """Return the page to show after sign-in: only a page of the queue, so that a link cannot lead to another host."""
    url = request.values.get("next", "")
    return url if _QUEUE_URL.fullmatch(url) else url_for("queue.held")
