"""WSGI entry: `granian --interface wsgi service:app`, or `gunicorn service:app`."""

from moderation.actions.courier import Courier
from moderation.actions.upkeep import Upkeep
from moderation.assembly import open_desk
from moderation.settings import Settings
from moderation.web.app import create_app

_settings = Settings.from_environment()
_desk = open_desk(_settings)
app = create_app(_desk, _settings)
Courier(_desk).start()
Upkeep(_desk).start()
