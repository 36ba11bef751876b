"""WSGI entry: `granian --interface wsgi moderation.wsgi:app`, or `gunicorn moderation.wsgi:app`.

Importing it opens the services and starts the background tasks.
"""

import os

from moderation.actions.background import BackgroundTasks
from moderation.actions.run_lock import Worker, join_run
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.log_format import configure_logging
from moderation.wiring import open_services

configure_logging()
_settings = Settings.from_environment()
_services = open_services(_settings)
_run_lock = join_run(_settings.var, Worker(os.getpid(), os.getppid()))
app = create_app(_services, _settings)
BackgroundTasks(_services).start()
