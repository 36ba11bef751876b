"""`/livez`, `/readyz` and `/metrics`: liveness, readiness, and metrics for Prometheus."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import inf, nan
from pathlib import Path
from time import monotonic

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from moderation.actions.alarms import count_alarms
from moderation.actions.callbacks import count_pending
from moderation.actions.digests import count_failing_digests
from moderation.actions.disk import free_bytes
from moderation.actions.jobs import list_jobs
from moderation.actions.opinions import Outcome
from moderation.actions.readiness import readiness
from moderation.actions.review import count_held
from moderation.actions.services import Services
from moderation.actions.webhooks import count_messages
from moderation.domain.alarms import AlarmKind
from moderation.domain.decision import Decision
from moderation.domain.errors import ModerationError
from moderation.domain.jobs import JobRun
from moderation.scoring.second_reader import ReaderState
from moderation.web.api.health_schemas import HealthCheckResponse, LivenessResponse, ReadinessResponse

MAX_COUNT_AGE_SECONDS = 5.0
"""Age up to which a count is given again: counting 100,000 waiting items takes milliseconds, in which others wait."""

MAX_READINESS_AGE_SECONDS = 1.0
"""Age up to which the state of the service is given again: anybody may ask, and the checks write to the disk."""

_ADVISER_BUCKETS_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 120.0)
_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_MESSAGE_COUNTS: dict[str, Callable[[Services], int]] = {
    "waiting": count_messages,
    "given_up": partial(count_messages, abandoned=True),
}


class Metrics:
    """Counters and times of one application, never of one comment.

    With `multiprocess_folder`, a scrape adds up the counts of all processes. prometheus_client stores them there
    if the environment variable `PROMETHEUS_MULTIPROC_DIR` names the folder.
    """

    def __init__(self, services: Services, multiprocess_folder: Path | None) -> None:
        self._services = services
        self._registry = CollectorRegistry()
        self._registry.register(_StateCollector(services))
        registry: CollectorRegistry | None = self._registry
        if multiprocess_folder is not None:
            MultiProcessCollector(self._registry, str(multiprocess_folder))  # type: ignore[no-untyped-call]  # untyped there
            registry = None
        self.decisions = Counter(
            "moderation_decisions", "Verdicts answered.", ("verdict", "channel"), registry=registry
        )
        self._reading = _ReaderMetrics(registry)
        self.unavailable = Counter(
            "moderation_unavailable", "Requests answered with 503.", ("error",), registry=registry
        )
        self.wrong_keys = Counter(
            "moderation_wrong_keys", "Requests with a missing, unknown or retired key.", registry=registry
        )
        self.rate_limited = Counter(
            "moderation_rate_limited", "Checks refused because of the site's rate.", ("channel",), registry=registry
        )
        self.connections_closed = Counter(
            "moderation_connections_closed", "Connections ended because of a cap.", registry=registry
        )
        self.scoring_seconds = Histogram(
            "moderation_scoring_seconds",
            "Time from a parsed request to a stored decision; a batch counts once.",
            ("channel",),
            buckets=_BUCKETS_SECONDS,
            registry=registry,
        )
        self._adviser_seconds = Histogram(
            "moderation_adviser_seconds",
            "Time of a question to the operator's own model.",
            ("outcome",),
            buckets=_ADVISER_BUCKETS_SECONDS,
            registry=registry,
        )

    def count_question(self, outcome: Outcome, seconds: float) -> None:
        """Count a question to the operator's own model."""
        self._adviser_seconds.labels(outcome).observe(seconds)

    def count(self, decision: Decision, channel: str) -> None:
        """Count a decision that was made for a request."""
        self.decisions.labels(decision.verdict, channel).inc()
        self._reading.count(decision, self._services.live_model.take_reading_times())

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _ReaderMetrics:
    """How often the second reader is asked, and how long it takes."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._decisions = Counter(
            "moderation_second_reader",
            "Decisions for which the second reader was asked or skipped.",
            ("state",),
            registry=registry,
        )
        self._seconds = Histogram(
            "moderation_reading_seconds",
            "Time of the second reader for a comment, with the wait for its turn.",
            buckets=_BUCKETS_SECONDS,
            registry=registry,
        )

    def count(self, decision: Decision, seconds: Iterable[float]) -> None:
        """Count a decision, and the times of the comments read since the last one."""
        state = ReaderState.of(decision.score.reasons)
        if state is not ReaderState.NOT_ASKED:
            self._decisions.labels(state).inc()
        for each in seconds:
            self._seconds.observe(each)


class _StateCollector(Collector):
    """Gauges that are read from the database, the disks and the model registry at a scrape, so that all workers agree.

    The counts of the database are kept for `MAX_COUNT_AGE_SECONDS`.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._alarm_counts = {kind.value: partial(count_alarms, kind=kind) for kind in AlarmKind}
        self._counts: dict[Callable[[Services], int], tuple[float, int]] = {}
        self._jobs: tuple[float, list[JobRun]] = (-inf, [])

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges: NaN for a count that cannot be read, no model if there is none."""
        held, pending = self._count(count_held), self._count(count_pending)
        yield GaugeMetricFamily("moderation_held_items", "Decisions that wait for a person.", held)
        yield GaugeMetricFamily(
            "moderation_callbacks_pending", "Decisions that are still to be delivered to blogs.", pending
        )
        messages = GaugeMetricFamily(
            "moderation_webhook_messages", "Messages for webhooks that wait or were given up.", labels=["state"]
        )
        for state, count in _MESSAGE_COUNTS.items():
            messages.add_metric([state], self._count(count))
        yield messages
        failing = self._count(count_failing_digests)
        yield GaugeMetricFamily("moderation_digests_failing", "Digests that failed at the last attempt.", failing)
        alarms = GaugeMetricFamily("moderation_alarms", "Sites with an alarm.", labels=["alarm"])
        for kind, count in self._alarm_counts.items():
            alarms.add_metric([kind], self._count(count))
        yield alarms
        free = GaugeMetricFamily(
            "moderation_disk_free_bytes", "Space for more data on the disk of a part of the state.", labels=["part"]
        )
        for part, free_space in free_bytes(self._services).items():
            free.add_metric([part], free_space)
        yield free
        yield from self._job_gauges()
        model = self._services.live_model.get()
        live_model = GaugeMetricFamily("moderation_model_info", "1 for the live model.", labels=["model"])
        if model is not None:
            live_model.add_metric([model.id], 1.0)
        yield live_model

    def _job_gauges(self) -> Iterator[Metric]:
        """Yield the gauges of the jobs: none for one that has never run, or if the database cannot be read."""
        succeeded = GaugeMetricFamily(
            "moderation_job_last_success_timestamp_seconds", "Time of the last success of a job.", labels=["job"]
        )
        seconds = GaugeMetricFamily("moderation_job_duration_seconds", "Time of a job's last run.", labels=["job"])
        failures = GaugeMetricFamily("moderation_job_failures", "Failures of a job in a row.", labels=["job"])
        for run in self._list_jobs():
            if run.succeeded_at is not None:
                succeeded.add_metric([run.name], run.succeeded_at.timestamp())
            seconds.add_metric([run.name], run.seconds)
            failures.add_metric([run.name], run.failures)
        yield from (succeeded, seconds, failures)

    def _list_jobs(self) -> list[JobRun]:
        read_at, runs = self._jobs
        if monotonic() - read_at < MAX_COUNT_AGE_SECONDS:
            return runs
        try:
            runs = list_jobs(self._services)
        except ModerationError:
            return []
        self._jobs = monotonic(), runs
        return runs

    def _count(self, count: Callable[[Services], int]) -> float:
        read_at, number = self._counts.get(count, (-inf, 0))
        if monotonic() - read_at < MAX_COUNT_AGE_SECONDS:
            return number
        try:
            number = count(self._services)
        except ModerationError:
            return nan
        self._counts[count] = monotonic(), number
        return number


class HealthViews:
    """The endpoints of one application for its operators and supervisors."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self._services = services
        self._metrics = metrics
        self._readiness = ("", 503)
        self._checked_at = -inf

    def blueprint(self) -> Blueprint:
        """Return the blueprint of `/livez`, `/readyz` and `/metrics`."""
        blueprint = Blueprint("health", __name__)
        blueprint.add_url_rule("/livez", view_func=self.livez)
        blueprint.add_url_rule("/readyz", view_func=self.readyz)
        blueprint.add_url_rule("/metrics", view_func=self.metrics)
        return blueprint

    def livez(self) -> Response:
        """Answer that the process is alive."""
        return Response(LivenessResponse(alive=True).model_dump_json(ensure_ascii=True), mimetype="application/json")

    def readyz(self) -> Response:
        """Answer 200 if comments can be judged and stored, else 503; each failed check has its cause."""
        if monotonic() - self._checked_at >= MAX_READINESS_AGE_SECONDS:
            checks = {check.name: HealthCheckResponse.model_validate(check) for check in readiness(self._services)}
            body = ReadinessResponse(ready=all(check.ready for check in checks.values()), checks=checks)
            self._readiness = body.model_dump_json(ensure_ascii=True), 200 if body.ready else 503
            # After the checks, which may wait for a lock.
            self._checked_at = monotonic()
        return Response(*self._readiness, mimetype="application/json")

    def metrics(self) -> Response:
        """Return the metrics in Prometheus' text format."""
        return Response(self._metrics.render(), content_type=CONTENT_TYPE_LATEST)
