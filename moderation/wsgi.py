"""WSGI entry: `granian --interface wsgi moderation.wsgi:app`, or `gunicorn moderation.wsgi:app`.

Importing it opens the services and starts the background tasks.
"""

from moderation.actions.background import BackgroundTasks
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.log_format import configure_logging
from moderation.wiring import open_services

configure_logging()
_settings = Settings.from_environment()
_services = open_services(_settings)
app = create_app(_services, _settings)
BackgroundTasks(_services).start()
