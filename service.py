"""WSGI entry: `granian --interface wsgi service:app`, or `gunicorn service:app`."""

from moderation.assembly import open_desk
from moderation.settings import Settings
from moderation.web.app import create_app

_settings = Settings.from_environment()
app = create_app(open_desk(_settings), _settings)
