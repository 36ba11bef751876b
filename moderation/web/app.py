"""The application: one blueprint for each door, and what all doors share."""

import hashlib
import hmac
from datetime import timedelta

from flask import Flask, redirect, url_for
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]  # ships no types
from werkzeug.wrappers import Response

from moderation.actions.desk import Desk
from moderation.settings import Settings
from moderation.web import errors, headers, request_ids
from moderation.web.akismet.routes import akismet_blueprint
from moderation.web.api.routes import api_blueprint
from moderation.web.health import health_blueprint
from moderation.web.meters import Meters
from moderation.web.opened import Opened, attach
from moderation.web.queue.routes import queue_blueprint
from moderation.web.queue.session import install_sign_in


def create_app(desk: Desk, settings: Settings) -> Flask:
    """A WSGI application that serves `desk`; nothing is shared between two of them but the desk."""
    app = Flask("moderation.web")
    _configure(app, desk, settings)
    attach(app, Opened(desk, settings, Meters()))
    request_ids.install(app)
    headers.install(app)
    errors.install(app)
    _open_doors(app)
    install_sign_in(app)
    return app


def _configure(app: Flask, desk: Desk, settings: Settings) -> None:
    app.config.update(
        # A key of its own: what signs cookies must not be what keys the digests of site keys.
        SECRET_KEY=hmac.new(desk.secret, b"session cookies", hashlib.sha256).digest(),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        SESSION_COOKIE_NAME="moderation",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        # A form may be as old as the session it belongs to: a moderator's page lies open for hours.
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider
    # A redirect made by the router would repeat the caller's Host header, in HTML, even to Akismet's clients.
    app.url_map.merge_slashes = False


def _open_doors(app: Flask) -> None:
    csrf = CSRFProtect(app)
    for keyed in (api_blueprint(), akismet_blueprint()):
        # Callers of these prove themselves by key on each request; no cookie means nothing to forge.
        csrf.exempt(keyed)
        app.register_blueprint(keyed)
    app.register_blueprint(health_blueprint())
    app.register_blueprint(queue_blueprint())
    app.add_url_rule("/", "root", _to_the_queue)


def _to_the_queue() -> Response:
    return redirect(url_for("queue.held"))
