"""WSGI entry of a checkout: `granian --interface wsgi service:app`, or `gunicorn service:app`."""

from moderation.wsgi import app

__all__ = ["app"]
