"""Ask the operator's own model about held comments, one at a time. People see its opinion; no verdict follows it."""

import logging
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from math import inf
from secrets import token_hex
from threading import Event
from time import monotonic

from moderation.actions.services import Services
from moderation.domain.decision import Decision
from moderation.domain.opinions import Opinion, read_answer, write_question
from moderation.outbound.addresses import DeliveryError
from moderation.outbound.chat import ChatServer, ask
from moderation.storage import opinions
from moderation.storage.engine import read_transaction
from moderation.storage.opinions import Question

logger = logging.getLogger(__name__)

RETRY_DELAYS = (timedelta(minutes=1), timedelta(minutes=10))
"""Delays between the attempts. After the last one the comment stays without an opinion."""
FIRST_REST_SECONDS = 30.0
MAX_REST_SECONDS = 600.0
"""Rests of a server that fails. Each failure in a row doubles the rest, up to this limit."""

_CLAIM_MARGIN = timedelta(seconds=30)
_MARKER_BYTES = 16


class Outcome(StrEnum):
    """The end of a question. `NO_OPINION` is an answer without one, and `FAILED` is no answer."""

    ANSWERED = "answered"
    NO_OPINION = "no_opinion"
    FAILED = "failed"


Observer = Callable[[Outcome, float], None]
"""Counts a question by its outcome and its seconds."""


class Asking:
    """A job that asks about the newest held comment without an opinion, if the server does not rest."""

    def __init__(
        self, services: Services, adviser: ChatServer, observe: Observer, clock: Callable[[], float] = monotonic
    ) -> None:
        self._services = services
        self._adviser = adviser
        self._observe = observe
        self._clock = clock
        self._rest_seconds = 0.0
        self._rests_until = -inf

    def __call__(self, stop_event: Event) -> bool:
        """Ask about one comment. Returns false: the next question waits for a pause."""
        if self._clock() >= self._rests_until and not stop_event.is_set():
            claimed = self._claim()
            if claimed is not None:
                self._ask(claimed)
        return False

    def _claim(self) -> Question | None:
        now = self._services.clock()
        with read_transaction(self._services.engine) as connection:
            question = opinions.next_question(connection, now)
        if question is None:
            return None
        # A claim lasts longer than any call, or two processes would ask the same at once.
        until = now + _CLAIM_MARGIN + 2 * timedelta(seconds=self._adviser.seconds)
        return self._services.writer.run(
            lambda connection: opinions.claim(connection, question, self._adviser.model, now, until)
        )

    def _ask(self, claimed: Question) -> None:
        began = self._clock()
        try:
            answer = ask(self._adviser, write_question(claimed.comment, token_hex(_MARKER_BYTES)))
        except DeliveryError as error:
            self._observe(Outcome.FAILED, self._clock() - began)
            self._rest(str(error))
            self._postpone(claimed, str(error))
            return
        opinion = read_answer(answer, self._adviser.model)
        self._observe(Outcome.ANSWERED if opinion else Outcome.NO_OPINION, self._clock() - began)
        self._end_rest()
        self._services.writer.run(lambda connection: opinions.settle(connection, claimed, opinion))

    def _postpone(self, claimed: Question, problem: str) -> None:
        is_last = claimed.attempts > len(RETRY_DELAYS)
        again_at = None if is_last else self._services.clock() + RETRY_DELAYS[claimed.attempts - 1]
        self._services.writer.run(lambda connection: opinions.mark_failed(connection, claimed, problem, again_at))

    def _rest(self, problem: str) -> None:
        if not self._rest_seconds:
            logger.warning("adviser failed", extra={"model": self._adviser.model, "problem": problem})
        self._rest_seconds = min(2 * self._rest_seconds or FIRST_REST_SECONDS, MAX_REST_SECONDS)
        self._rests_until = self._clock() + self._rest_seconds

    def _end_rest(self) -> None:
        if self._rest_seconds:
            logger.info("adviser answers again", extra={"model": self._adviser.model})
        self._rest_seconds = 0.0


def find_opinion(services: Services, decision: Decision) -> Opinion | None:
    """Return the model's opinion on the comment of a stored decision; `None` if there is none."""
    with read_transaction(services.engine) as connection:
        return opinions.find(connection, decision.site_id, decision.id)
