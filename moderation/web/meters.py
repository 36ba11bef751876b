"""Counts and times for Prometheus: of one worker, never of one comment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from moderation.actions.courier import count_due
from moderation.actions.desk import Desk
from moderation.actions.review import count_held
from moderation.domain.errors import ModerationError
from moderation.domain.judgement import Decision

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Meters:
    """The meters of one application, in a registry of their own.

    Each serving process keeps its own counts: with several workers a scrape meets one of them.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._decisions = Counter(
            "moderation_decisions", "Verdicts answered.", ("verdict", "door"), registry=self._registry
        )
        self._seconds = Histogram(
            "moderation_scoring_seconds",
            "Time from a parsed request to a stored decision; a batch counts once.",
            ("door",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._held = Gauge("moderation_held_items", "Decisions that wait for a person.", registry=self._registry)
        self._untold = Gauge(
            "moderation_callbacks_due", "Decisions that blogs are still to be told of.", registry=self._registry
        )
        self._model = Gauge(
            "moderation_model_info", "1 for the model that serves.", ("model",), registry=self._registry
        )

    @contextmanager
    def timing(self, door: str) -> Iterator[None]:
        """Times one scoring request of a door."""
        start = perf_counter()
        try:
            yield
        finally:
            self._seconds.labels(door).observe(perf_counter() - start)

    def count(self, decision: Decision, door: str) -> None:
        """Counts one verdict."""
        self._decisions.labels(decision.verdict.value, door).inc()

    def exposition(self, desk: Desk) -> bytes:
        """All meters in Prometheus' text format; what cannot be read right now is NaN or left out."""
        self._held.set(_counted(count_held, desk))
        self._untold.set(_counted(count_due, desk))
        self._model.clear()
        model = _serving_model(desk)
        if model is not None:
            self._model.labels(model).set(1)
        return generate_latest(self._registry)


def _counted(count: Callable[[Desk], int], desk: Desk) -> float:
    try:
        return count(desk)
    except ModerationError:
        return float("nan")


def _serving_model(desk: Desk) -> str | None:
    try:
        return desk.live.current().id
    except ModerationError:
        return None
