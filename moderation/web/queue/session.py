"""Who is signed in: Flask-Login's view of a moderator."""

from flask import Flask, session
from flask_login import (  # type: ignore[import-untyped]  # ships no types
    LoginManager,
    UserMixin,
    current_user,
    login_user,
    logout_user,
)

from moderation.actions.access import find_moderator
from moderation.domain.site import Moderator
from moderation.web.opened import the_desk


class SignedIn(UserMixin):  # type: ignore[misc]  # its base is untyped
    """A moderator as Flask-Login wants one."""

    def __init__(self, moderator: Moderator) -> None:
        self.moderator = moderator

    def get_id(self) -> str:
        """Id and stamp: no session outlives its password, nor passes to whom a database gives the same id."""
        return f"{self.moderator.id}@{self.moderator.stamp}"


def install_sign_in(app: Flask) -> None:
    """Looks the moderator up on each request: who was removed, or given another password, is out at once."""
    logins = LoginManager()
    logins.user_loader(_load)
    logins.init_app(app)


def signed_in_moderator() -> Moderator | None:
    """The moderator whose session sent the current request."""
    return current_user.moderator if current_user.is_authenticated else None


def begin_session(moderator: Moderator) -> None:
    """Signs the moderator in with a fresh session; nothing of an earlier one stays."""
    session.clear()
    session.permanent = True
    login_user(SignedIn(moderator))


def end_session() -> None:
    """Signs out."""
    logout_user()
    session.clear()


def _load(token: str) -> SignedIn | None:
    number = token.partition("@")[0]
    if not number.isdecimal():
        return None
    moderator = find_moderator(the_desk(), int(number))
    if moderator is None:
        return None
    found = SignedIn(moderator)
    return found if found.get_id() == token else None
