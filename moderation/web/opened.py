"""What `create_app` was given, within reach of every view."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from moderation.actions.desk import Desk
from moderation.settings import Settings
from moderation.web.meters import Meters

_KEY = "moderation"


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts one application serves with."""

    desk: Desk
    settings: Settings
    meters: Meters


def attach(app: Flask, parts: Opened) -> None:
    """Keeps `parts` with the application."""
    app.extensions[_KEY] = parts


def opened() -> Opened:
    """The parts of the application that answers the current request."""
    return cast(Opened, current_app.extensions[_KEY])


def the_desk() -> Desk:
    """The desk of the application that answers the current request."""
    return opened().desk
