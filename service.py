"""WSGI entry of a checkout, for another server than `moderation serve`: `gunicorn service:app`."""

from moderation.wsgi import app

__all__ = ["app"]
