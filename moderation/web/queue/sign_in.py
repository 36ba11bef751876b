"""Signing in and out."""

from datetime import timedelta
from math import ceil

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import access
from moderation.domain.errors import NotSignedIn
from moderation.web.opened import the_desk
from moderation.web.queue.places import safe_place
from moderation.web.queue.session import begin_session, end_session, signed_in_moderator
from moderation.web.queue.throttle import Throttle

_NAME_LENGTH = 200


class Entrance:
    """The sign-in page of one application, with its own count of failures."""

    def __init__(self) -> None:
        self._throttle = Throttle()

    def show(self) -> AnyResponse:
        """The form, or straight on for whoever is signed in."""
        if signed_in_moderator() is not None:
            return redirect(_destination())
        return _form(200)

    def enter(self) -> AnyResponse:
        """Signs in, or shows the form again: 401 for a wrong name or password, 429 after too many of them."""
        # A NUL is in no name, and PostgreSQL refuses text that has one.
        name = request.form.get("name", "").replace("\0", "").strip()[:_NAME_LENGTH]
        desk = the_desk()
        wait = self._throttle.wait(name, desk.clock())
        if wait:
            return _too_many(name, wait)
        try:
            moderator = access.sign_in(desk, name, request.form.get("password", ""))
        except NotSignedIn:
            self._throttle.failed(name, desk.clock())
            return _form(401, "The name or the password is wrong.", name)
        self._throttle.succeeded(name)
        begin_session(moderator)
        return redirect(_destination(), 303)


def leave() -> AnyResponse:
    """Signs out."""
    end_session()
    flash("You are signed out.", "done")
    return redirect(url_for("queue.sign_in"), 303)


def _too_many(name: str, wait: timedelta) -> Response:
    seconds = max(1, ceil(wait.total_seconds()))
    response = _form(429, f"Too many failures for this name. Try again in {ceil(seconds / 60)} min.", name)
    response.headers["Retry-After"] = str(seconds)
    return response


def _form(status: int, fault: str = "", name: str = "") -> Response:
    page = render_template("queue/sign_in.html", fault=fault, name=name, place=_destination())
    return make_response(page, status)


def _destination() -> str:
    return safe_place(request.values.get("next", ""), url_for("queue.held"))
