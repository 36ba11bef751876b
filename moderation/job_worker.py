"""The process of `moderation worker`: runs the background jobs until it is stopped, and answers no request.

`moderation worker` becomes this process, which imports little.
"""

import logging
import signal
from contextlib import suppress
from time import sleep

from moderation.actions.background import BackgroundTasks, job_threads
from moderation.actions.opinions import Outcome
from moderation.actions.published_models import following_threads
from moderation.settings import Settings
from moderation.web.log_format import configure_logging
from moderation.wiring import open_services, retraining_plan

logger = logging.getLogger("moderation.job_worker")

_WAKE_SECONDS = 1.0


def main() -> None:
    """Run all jobs until SIGTERM or SIGINT. A call to another host that is under way ends first, within seconds."""
    configure_logging()
    settings = Settings.from_environment()
    services, retraining = open_services(settings), retraining_plan(settings)
    threads = following_threads(services)
    threads += job_threads(services, settings.adviser_max_per_minute, _count_nothing, retraining)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            for thread in threads:
                thread.start()
            logger.info("worker started")
            while True:
                # Not without an end: a signal that another thread received is handled when this one wakes.
                sleep(_WAKE_SECONDS)
    finally:
        # A second signal must not interrupt the records of deliveries.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        _stop(threads)
    logger.info("worker stopped")


def _stop(threads: list[BackgroundTasks]) -> None:
    # All of them first, so that their waits are one.
    for thread in threads:
        thread.stop_soon()
    for thread in threads:
        thread.stop()


def _count_nothing(_outcome: Outcome, _seconds: float) -> None:
    """Count no question: the metrics are those of the serving processes."""


if __name__ == "__main__":
    main()
