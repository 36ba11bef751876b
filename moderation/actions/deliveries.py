"""Deliver rows of the database to other hosts: at least once, with retries, shared by several processes.

Callbacks, webhooks and digests each are an `Outbox`. `deliver_round` runs one round of deliveries;
`moderation.actions.background` repeats it.
"""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.outbound.addresses import DeliveryError
from moderation.storage.engine import read_transaction

logger = logging.getLogger(__name__)

CALL_TIMEOUT_SECONDS = 10.0
MAX_ROUND_SECONDS = 30.0
"""Time after which a round begins no further call, so that slow receivers cannot delay other jobs for longer."""
RETRY_DELAYS = tuple(timedelta(seconds=delay) for delay in (5, 30, 120, 600, 3_600, 21_600, *[43_200] * 6))
"""Delays between the attempts. After the last one, some three days in all, a delivery is abandoned."""
NEVER_SET = Event()

_CLAIM_MARGIN_SECONDS = 30.0


class Delivery(Protocol):
    """A row that waits for a delivery."""

    @property
    def attempts(self) -> int:
        """Number of attempts, a claimed one included."""


Row = TypeVar("Row", bound=Delivery)


class NotAccepted(Exception):
    """The receiver answered, but did not accept this delivery. It may accept others."""


class ReceiverUnavailable(Exception):
    """The receiver answers every call with an error."""


@dataclass(frozen=True, slots=True)
class Outbox(Generic[Row]):
    """One kind of deliveries, as functions.

    `due` returns the rows that are due at a time, the longest due first. `claim` reserves a row for this process until
    a time, and returns `None` if another process was faster. `deliver` makes one call within some seconds. It raises
    `NotAccepted`, or `ReceiverUnavailable` or `DeliveryError` if the next call to the same `receiver` would fail, too.
    `mark_delivered` returns whether the row is settled. `mark_failed` gets the problem and the time of the next
    attempt, `None` after the last one. `failure_event` is logged with `log_fields` of the row.
    """

    failure_event: str
    due: Callable[[Connection, datetime], Sequence[Row]]
    receiver: Callable[[Row], Hashable]
    claim: Callable[[Connection, Row, datetime], Row | None]
    deliver: Callable[[Services, Row, float], None]
    mark_delivered: Callable[[Connection, Row, datetime], bool]
    mark_failed: Callable[[Connection, Row, str, datetime | None, datetime], object]
    log_fields: Callable[[Row], Mapping[str, Any]]


def deliver_round(services: Services, outbox: Outbox[Row], seconds: float, stop_event: Event = NEVER_SET) -> int:
    """Deliver the rows that are due, each call within `seconds`, and return how many were settled.

    A receiver that fails is not called again in this round, and none takes longer than twice `seconds`. No call begins
    after `MAX_ROUND_SECONDS` or once `stop_event` is set. Raises `StorageUnavailable`: rows that were being delivered
    are then delivered again when their claim has expired.
    """
    with read_transaction(services.engine) as connection:
        due = outbox.due(connection, services.clock())
    by_receiver: dict[Hashable, list[Row]] = {}
    # In the order of `due`: a receiver that was left out by a long round comes first in the next one.
    for row in due:
        by_receiver.setdefault(outbox.receiver(row), []).append(row)
    end = monotonic() + MAX_ROUND_SECONDS
    return sum(_deliver_to_one(services, outbox, rows, seconds, end, stop_event) for rows in by_receiver.values())


def _deliver_to_one(
    services: Services,
    outbox: Outbox[Row],
    due: Sequence[Row],
    seconds: float,
    round_end: float,
    stop_event: Event,
) -> int:
    delivered, end = 0, min(monotonic() + seconds, round_end)
    for place, row in enumerate(due):
        if stop_event.is_set() or monotonic() > end:
            break
        claimed = _claim(services, outbox, [row], seconds)
        if not claimed:
            continue
        try:
            outbox.deliver(services, claimed[0], seconds)
            delivered += _mark_delivered(services, outbox, claimed[0])
        except NotAccepted as error:
            _postpone(services, outbox, claimed, str(error))
        except (DeliveryError, ReceiverUnavailable) as error:
            # The next call would fail like this one, while other receivers wait.
            claimed += _claim(services, outbox, due[place + 1 :], seconds)
            _postpone(services, outbox, claimed, str(error))
            break
    return delivered


def _claim(services: Services, outbox: Outbox[Row], due: Sequence[Row], seconds: float) -> list[Row]:
    # A claim lasts longer than any call, or two processes would make the same delivery at once.
    until = services.clock() + timedelta(seconds=_CLAIM_MARGIN_SECONDS + 2 * seconds)

    def claim(connection: Connection) -> list[Row]:
        return [claimed for row in due if (claimed := outbox.claim(connection, row, until))]

    return services.writer.run(claim)


def _mark_delivered(services: Services, outbox: Outbox[Row], claimed: Row) -> bool:
    return services.writer.run(lambda connection: outbox.mark_delivered(connection, claimed, services.clock()))


def _postpone(services: Services, outbox: Outbox[Row], claimed: Sequence[Row], problem: str) -> None:
    now = services.clock()
    delays = [_retry_delay(row.attempts) for row in claimed]

    def mark_failed(connection: Connection) -> None:
        for row, delay in zip(claimed, delays, strict=True):
            outbox.mark_failed(connection, row, problem, now + delay if delay else None, now)

    services.writer.run(mark_failed)
    logger.warning(
        outbox.failure_event,
        extra={
            **outbox.log_fields(claimed[0]),
            "problem": problem,
            "attempts": claimed[0].attempts,
            "retry_in_seconds": delays[0].total_seconds() if delays[0] else None,
            "postponed": len(claimed),
            "given_up": delays.count(None),
        },
    )


def _retry_delay(attempts: int) -> timedelta | None:
    """Return the delay after this many attempts; `None` after the last one."""
    return RETRY_DELAYS[attempts - 1] if attempts <= len(RETRY_DELAYS) else None
