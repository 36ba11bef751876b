"""The applications of a serving process: `front` for `moderation serve`, `app` for any WSGI server.

`gunicorn moderation.wsgi:app` works too, with the limits of that server: only `front` reads a request before it takes a
thread. Importing this module opens the services, and starts the background jobs unless `moderation worker` runs them.
"""

import os

from moderation.actions.background import job_threads
from moderation.actions.published_models import following_threads
from moderation.actions.run_lock import Worker, join_run
from moderation.settings import Settings
from moderation.web.app import create_app
from moderation.web.front import Front
from moderation.web.log_format import configure_logging
from moderation.web.requests import state_of
from moderation.wiring import open_services, retraining_plan

configure_logging()
_settings = Settings.from_environment()
_services = open_services(_settings)
_run_lock = join_run(_settings.var, Worker(os.getpid(), os.getppid()))
app = create_app(_services, _settings)
front = Front(app, _settings)
_threads = following_threads(_services)
if _settings.jobs == "inside":
    _count, _retraining = state_of(app).metrics.count_question, retraining_plan(_settings)
    _threads += job_threads(_services, _settings.adviser_max_per_minute, _count, _retraining)
for _thread in _threads:
    _thread.start()
