"""The WSGI application: one blueprint for each channel, and the settings, headers and errors that they share."""

import hashlib
import hmac
from datetime import timedelta
from pathlib import Path

from flask import Flask, redirect, url_for
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]  # ships no types
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.web import errors
from moderation.web.akismet.routes import akismet_blueprint
from moderation.web.api.views import api_blueprint
from moderation.web.compression import compress
from moderation.web.coral import coral_blueprint
from moderation.web.feed import feed_blueprint
from moderation.web.forwarding import ForwardedRequests, TrustedProxies
from moderation.web.health import HealthViews, Metrics
from moderation.web.log_format import log_requests
from moderation.web.privacy_page import privacy_blueprint
from moderation.web.queue.auth import init_login
from moderation.web.queue.views import queue_blueprint
from moderation.web.rate_limits import TokenBuckets
from moderation.web.requests import AppState, add_headers, attach_state, raise_refusal


def create_app(services: Services, settings: Settings) -> Flask:
    """Return a WSGI application that serves with `services`."""
    app = Flask("moderation.web", static_url_path=_static_url_path())
    _configure(app, services, settings)
    metrics = Metrics(services, settings.metrics_folder)
    check_rates = TokenBuckets(settings.max_checks_per_minute) if settings.max_checks_per_minute else None
    attach_state(app, AppState(services, settings, metrics, check_rates))
    if settings.access_log:
        log_requests(app)
    app.before_request(raise_refusal)
    app.after_request(add_headers)
    app.after_request(compress)
    errors.init_app(app)
    csrf = CSRFProtect(app)
    for blueprint in (api_blueprint(), akismet_blueprint(), coral_blueprint()):
        # Each request carries a key or a signature and no cookie, so another site cannot forge it.
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    app.register_blueprint(HealthViews(services, metrics).blueprint())
    app.register_blueprint(feed_blueprint())
    app.register_blueprint(privacy_blueprint())
    app.register_blueprint(queue_blueprint())
    app.add_url_rule("/", "root", _redirect_to_queue)
    init_login(app)
    app.wsgi_app = ForwardedRequests(  # type: ignore[method-assign]  # as Flask documents
        app.wsgi_app, TrustedProxies(settings.proxy_networks), settings.path_prefix
    )
    return app


def _configure(app: Flask, services: Services, settings: Settings) -> None:
    app.config.update(
        # Derived, because the secret itself keys the digests of site keys and must not sign cookies too.
        SECRET_KEY=hmac.new(services.secret, b"session cookies", hashlib.sha256).digest(),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        SESSION_COOKIE_NAME="moderation",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        # A moderator's page stays open for hours, so a form is valid as long as its session.
        WTF_CSRF_TIME_LIMIT=None,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider
    # The lines of a template that hold only its logic are no part of the page.
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # A redirect made by the router would repeat the caller's Host header in HTML, even to Akismet clients.
    app.url_map.merge_slashes = False


def _static_url_path() -> str:
    """Return the path of the static files, with a digest of all of them: a browser may keep each for good.

    One digest for all, so that a module finds the modules that it imports beside itself.
    """
    folder = Path(__file__).with_name("static")
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(f"{file.relative_to(folder).as_posix()}\0".encode() + file.read_bytes())
    return f"/static/{digest.hexdigest()[:16]}"


def _redirect_to_queue() -> AnyResponse:
    return redirect(url_for("queue.held"))
