"""A stored callback is claimed by one process at a time, and the newest result is delivered last."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue, Score
from moderation.domain.people import ALL_SITES
from moderation.domain.site import AkismetReviewSettings, Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import callbacks, comments, decisions, sites
from moderation.storage.callbacks import DueCallback, PendingCallback
from moderation.storage.engine import open_engine, write_transaction
from moderation.storage.migrate import upgrade
from moderation.storage.tables import callbacks as table

NOON = datetime(2026, 1, 2, 12, 0, 0, 345678, tzinfo=UTC)
SOON = NOON + timedelta(seconds=40)
LATER = NOON + timedelta(hours=1)
HAM, SPAM = LabelValue.HAM, LabelValue.SPAM


@pytest.fixture
def connection(new_database: Callable[[], str]) -> Iterator[Connection]:
    url = new_database()
    upgrade(url)
    engine = open_engine(url, busy_timeout_seconds=10)
    with write_transaction(engine) as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def site(connection: Connection) -> Site:
    return sites.add(connection, "https://blog.example", NOON)


@pytest.fixture
def comment_id(connection: Connection, site: Site) -> int:
    """Return the id of a comment that the blog holds as `d1`."""
    return hold(connection, site, "d1")


def hold(connection: Connection, site: Site, decision_id: str) -> int:
    comment = Comment("hello")
    score = Score(probability=0.5, logit=0.0, bias=0.0, reasons=(), model="m")
    thresholds = Thresholds(review=0.5, spam=0.9, discard=0.99)
    decision = Decision(
        decision_id, site.id, comment, score, thresholds, Verdict.REVIEW, degraded=False, decided_at=NOON
    )
    (comment_id,) = comments.add(connection, site.id, [(b"key", comment)], NOON)
    decisions.add(connection, [(decision, comment_id)], "akismet")
    callbacks.add(connection, PendingCallback(decision_id, site.id, "https://blog.example/hook", "encrypted", LATER))
    return comment_id


def due(connection: Connection, at: datetime = NOON) -> list[DueCallback]:
    return callbacks.due(connection, at, 10)


def claimed(connection: Connection, at: datetime = NOON) -> DueCallback:
    (callback,) = due(connection, at)
    claim = callbacks.claim(connection, callback, at + timedelta(seconds=30))
    assert claim is not None
    return claim


def last_error(connection: Connection) -> str | None:
    stored: str | None = connection.execute(select(table.c.last_error)).scalar_one()
    return stored


def test_nothing_is_due_before_a_decision(connection: Connection, comment_id: int) -> None:
    """A held comment has no result to deliver."""
    assert due(connection) == [] and callbacks.count(connection) == 0


def test_a_result_is_due_at_once(connection: Connection, site: Site, comment_id: int) -> None:
    """With everything that the call needs."""
    sites.set_akismet_review(connection, site.id, AkismetReviewSettings(private_callback=True))
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    expected = DueCallback(
        decision_id="d1",
        guid="d1",
        site_url="https://blog.example",
        private_callback=True,
        url="https://blog.example/hook",
        encrypted_key="encrypted",
        result=SPAM,
        attempts=0,
        next_attempt_at=NOON,
    )
    assert due(connection) == [expected] and callbacks.count(connection) == 1
    assert due(connection, NOON - timedelta(microseconds=1)) == []


def test_the_longest_due_comes_first(connection: Connection, site: Site) -> None:
    """And no more than the limit."""
    late, early = (hold(connection, site, name) for name in ("late", "early"))
    callbacks.set_result(connection, late, SPAM, SOON)
    callbacks.set_result(connection, early, SPAM, NOON)
    assert [callback.decision_id for callback in due(connection, SOON)] == ["early", "late"]
    assert [callback.decision_id for callback in callbacks.due(connection, SOON, 1)] == ["early"]


def test_one_process_gets_the_claim(connection: Connection, comment_id: int) -> None:
    """The second claim of the same callback fails."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    (callback,) = due(connection)
    assert callbacks.claim(connection, callback, SOON) == callback._replace(next_attempt_at=SOON, attempts=1)
    assert callbacks.claim(connection, callback, SOON) is None
    assert due(connection) == []


def test_a_claim_expires(connection: Connection, comment_id: int) -> None:
    """If its process died, the callback is due again, and the attempt counts."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    claimed(connection)
    assert due(connection) == []
    (again,) = due(connection, SOON)
    assert again.attempts == 1


def test_a_result_that_changed_before_the_claim_is_not_claimed(connection: Connection, comment_id: int) -> None:
    """Even if it changed at the same microsecond."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    (callback,) = due(connection)
    callbacks.set_result(connection, comment_id, HAM, NOON)
    assert callbacks.claim(connection, callback, SOON) is None


def test_a_delivered_callback_is_settled(connection: Connection, comment_id: int) -> None:
    """It is not due again."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    assert callbacks.mark_delivered(connection, claimed(connection), NOON)
    assert due(connection, LATER) == [] and callbacks.count(connection) == 0


def test_a_failure_is_retried_and_recorded(connection: Connection, comment_id: int) -> None:
    """The callback is due at the given time; after a success the error is gone."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    assert callbacks.mark_failed(connection, claimed(connection), "No.", LATER, NOON)
    assert last_error(connection) == "No."
    assert due(connection, SOON) == [] and callbacks.count(connection) == 1
    callbacks.mark_delivered(connection, claimed(connection, LATER), LATER)
    assert last_error(connection) is None


def test_an_abandoned_callback_keeps_its_error(connection: Connection, comment_id: int) -> None:
    """It is not due; a new label starts over."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    callbacks.mark_failed(connection, claimed(connection), "No.", None, NOON)
    assert due(connection, LATER) == [] and last_error(connection) == "No."
    callbacks.set_result(connection, comment_id, HAM, SOON)
    (again,) = due(connection, SOON)
    assert (again.attempts, again.result) == (0, HAM)


def test_failed_callbacks_are_listed_by_site(connection: Connection, site: Site, comment_id: int) -> None:
    """With their number and an error, abandoned or not; removed sites are left out."""
    other = hold(connection, site, "d2")
    for held_id in (comment_id, other):
        callbacks.set_result(connection, held_id, SPAM, NOON)
    assert callbacks.list_failed(connection, ALL_SITES) == []
    for again_at, callback in zip((LATER, None), due(connection), strict=True):
        claim = callbacks.claim(connection, callback, SOON)
        assert claim is not None and callbacks.mark_failed(connection, claim, "No.", again_at, NOON)
    assert callbacks.list_failed(connection, ALL_SITES) == [("https://blog.example", 2, "No.")]
    sites.remove(connection, site.id, NOON)
    assert callbacks.list_failed(connection, ALL_SITES) == []


def test_a_changed_result_is_delivered_next(connection: Connection, comment_id: int) -> None:
    """Neither success nor failure of the earlier result settles the new one."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    first = claimed(connection)
    callbacks.set_result(connection, comment_id, HAM, NOON)
    assert not callbacks.mark_delivered(connection, first, NOON)
    assert not callbacks.mark_failed(connection, first, "No.", LATER, NOON)
    assert claimed(connection).result is HAM and last_error(connection) is None


def test_the_newest_result_is_sent_last(connection: Connection, comment_id: int) -> None:
    """If two processes delivered both results at once, their order is unknown: the newest is delivered again."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    slow = claimed(connection)
    callbacks.set_result(connection, comment_id, HAM, NOON)
    assert callbacks.mark_delivered(connection, claimed(connection), NOON)
    assert not callbacks.mark_delivered(connection, slow, SOON)
    again = claimed(connection, SOON)
    assert again.result is HAM and callbacks.mark_delivered(connection, again, SOON)
    assert due(connection, LATER) == []


def test_the_same_result_is_not_delivered_again(connection: Connection, comment_id: int) -> None:
    """The late success of an expired claim changes nothing."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    slow = claimed(connection)
    assert callbacks.mark_delivered(connection, claimed(connection, SOON), SOON)
    assert not callbacks.mark_delivered(connection, slow, LATER)
    assert due(connection, LATER) == []


def test_a_withdrawn_result_is_not_delivered(connection: Connection, comment_id: int) -> None:
    """Not even if a call was under way."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    first = claimed(connection)
    callbacks.set_result(connection, comment_id, None, NOON)
    assert not callbacks.mark_delivered(connection, first, NOON)
    assert due(connection, LATER) == [] and callbacks.count(connection) == 0


def test_a_removed_site_is_not_called(connection: Connection, site: Site, comment_id: int) -> None:
    """And its encrypted keys are purged."""
    callbacks.set_result(connection, comment_id, SPAM, NOON)
    sites.remove(connection, site.id, NOON)
    assert due(connection) == [] and callbacks.count(connection) == 0
    assert callbacks.purge(connection, NOON) == 1


def test_only_old_settled_callbacks_are_purged(connection: Connection, site: Site, comment_id: int) -> None:
    """Pending callbacks stay at any age, and settled ones while their label may change."""
    pending = hold(connection, site, "d2")
    callbacks.set_result(connection, pending, SPAM, NOON)
    assert callbacks.purge(connection, LATER) == 0
    assert callbacks.purge(connection, LATER + timedelta(seconds=1)) == 1
    assert [callback.decision_id for callback in due(connection)] == ["d2"]
