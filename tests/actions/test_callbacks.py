"""Blogs receive the outcome of the review: at least once, the newest label last, and only at their own address."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from sqlalchemy import text as sql

from moderation.actions import background, deliveries
from moderation.actions.background import BackgroundTasks
from moderation.actions.callbacks import (
    count_pending,
    deliver_due,
    plugin_change,
    purge_settled,
    retry_failed,
)
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.deliveries import RETRY_DELAYS
from moderation.actions.labelling import import_labels, label_comment, label_decision, withdraw_label
from moderation.actions.moderating import act
from moderation.actions.review import read_comment
from moderation.actions.services import Services
from moderation.actions.sites import add_site, find_site, remove_site, set_akismet_review, set_thresholds
from moderation.actions.undo import undo
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue, Moderator
from moderation.domain.queue import SeenComment, Verb
from moderation.domain.site import AkismetReviewSettings, Callback, ReviewAction, Site
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.storage.callbacks import MAX_DELAY
from moderation.storage.engine import read_transaction, write_transaction
from moderation.wiring import open_services
from tests.conftest import HOLD_ALL, Clock
from tests.receiver import Receiver, receiving

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
KEY = "0123456789AB"
NEW_KEY = "ba9876543210"
PUBLISH_ALL = Thresholds(1.0, 1.0, 1.0)
ROOT = Path(__file__).parents[2]


FORKING = """
import os, sys, threading, time
from moderation.actions.sites import list_sites
from moderation.actions import background, deliveries
from moderation.actions.callbacks import count_pending
from moderation.actions.labelling import label_decision
from moderation.wiring import open_services
from moderation.domain.decision import LabelValue
from moderation.settings import Settings

services = open_services(Settings.from_environment())
background.DELIVERY_PAUSE_SECONDS = 0.01
background_tasks = background.BackgroundTasks(services)
background_tasks.start()
child = os.fork()
if child:
    background_tasks.stop()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
label_decision(services, list_sites(services)[0], sys.argv[1], LabelValue.SPAM, "mara", "queue")
give_up = time.monotonic() + 20
while count_pending(services) and time.monotonic() < give_up:
    time.sleep(0.01)
sys.exit(0 if not count_pending(services) and threading.active_count() == 2 else 1)
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def blog(services: Services, receiver: Receiver) -> Site:
    """Return a site on this machine that holds every comment and may be called."""
    return add_blog(services, receiver)


def add_blog(services: Services, receiver: Receiver) -> Site:
    add_site(services, receiver.url)
    set_thresholds(services, receiver.url, HOLD_ALL)
    return set_akismet_review(services, receiver.url, AkismetReviewSettings(private_callback=True))


def held(services: Services, site: Site, receiver: Receiver, text: str = "hello") -> Decision:
    """Check a comment that the blog then holds and knows."""
    callback = Callback(receiver.callback, KEY)
    decision = check_comment(services, site, CheckRequest(Comment(text), channel="akismet", callback=callback)).decision
    receiver.known_guids.add(decision.id)
    return decision


def decide(services: Services, decision: Decision, site: Site, value: LabelValue) -> None:
    label_decision(services, site, decision.id, value, "mara", "queue")


def environment_of(settings: Settings) -> dict[str, str]:
    variables = {"VAR": str(settings.var), "MODELS": str(settings.models), "DATABASE_URL": settings.database_url}
    return os.environ | {f"MODERATION_{name}": value for name, value in variables.items()}


def errors(services: Services) -> list[str | None]:
    with read_transaction(services.engine) as connection:
        return list(connection.execute(sql("SELECT last_error FROM callbacks")).scalars())


@contextmanager
def delivering(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(background, "DELIVERY_PAUSE_SECONDS", 0.01)
    background_tasks = BackgroundTasks(services)
    background_tasks.start()
    try:
        yield
    finally:
        background_tasks.stop()


def wait_until_delivered(services: Services) -> None:
    give_up = monotonic() + 20
    while count_pending(services):
        assert monotonic() < give_up, errors(services)
        Event().wait(0.01)


@pytest.mark.parametrize(("value", "result"), [(SPAM, "true"), (HAM, "false")])
def test_the_blog_receives_the_outcome(
    services: Services, blog: Site, receiver: Receiver, value: LabelValue, result: str
) -> None:
    """Once, in Akismet's format, with the key that the blog sent."""
    decision = held(services, blog, receiver)
    assert deliver_due(services) == 0
    decide(services, decision, blog, value)
    assert count_pending(services) == 1
    assert deliver_due(services) == 1 and deliver_due(services) == 0 and count_pending(services) == 0
    (call,) = receiver.calls
    assert call.form == {
        "key": KEY,
        "endpoint": "comment-check",
        "comments[0][guid]": decision.id,
        "comments[0][result]": result,
    }
    assert receiver.results == {decision.id: result}


def test_a_changed_label_is_delivered(services: Services, blog: Site, receiver: Receiver) -> None:
    """Each time that it changes."""
    decision = held(services, blog, receiver)
    for value in (SPAM, HAM, SPAM):
        decide(services, decision, blog, value)
        assert deliver_due(services) == 1
    assert [call.form["comments[0][result]"] for call in receiver.calls] == ["true", "false", "true"]


def test_a_label_changed_during_the_call_is_delivered_next(services: Services, blog: Site, receiver: Receiver) -> None:
    """The call under way settles nothing."""
    decision = held(services, blog, receiver)
    decide(services, decision, blog, SPAM)
    receiver.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(deliver_due, services)
        assert receiver.arrived.wait(10)
        # No transaction is open during the call, so another one is not blocked.
        decide(services, decision, blog, HAM)
        receiver.may_answer.set()
        assert first.result() == 0
    assert deliver_due(services) == 1
    assert receiver.results == {decision.id: "false"}


def test_a_withdrawn_label_is_not_delivered(services: Services, blog: Site, receiver: Receiver) -> None:
    """The blog goes on holding the comment."""
    decision = held(services, blog, receiver)
    decide(services, decision, blog, SPAM)
    withdraw_label(services, blog, decision.id, "mara", "queue")
    assert deliver_due(services) == 0 and receiver.calls == []


def test_several_workers_deliver_once(services: Services, settings: Settings, blog: Site, receiver: Receiver) -> None:
    """A worker that claims a callback delivers it; the others find nothing due."""
    decisions = [held(services, blog, receiver, f"hello {number}") for number in range(25)]
    for decision in decisions:
        decide(services, decision, blog, SPAM)
    workers_services = [replace(open_services(settings), clock=services.clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as workers:
        rounds = [sum(workers.map(deliver_due, workers_services)) for _ in range(3)]
    assert sum(rounds) == 25
    for worker_services in workers_services:
        worker_services.engine.dispose()
    guids = sorted(call.form["comments[0][guid]"] for call in receiver.calls)
    assert guids == sorted(decision.id for decision in decisions)


def test_failures_are_retried_with_growing_delays(
    services: Services, blog: Site, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """After some three days the callback is abandoned; the log has no key, address or text."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    receiver.failures_left = 1_000
    for delay in RETRY_DELAYS:
        assert deliver_due(services) == 0
        clock.advance(delay.total_seconds() - 0.001)
        assert deliver_due(services) == 0
        clock.advance(0.001)
    assert count_pending(services) == 1 and deliver_due(services) == 0 and count_pending(services) == 0
    assert len(receiver.calls) == len(RETRY_DELAYS) + 1
    assert errors(services) == ["The blog answered with status 503."]
    records = [vars(record) for record in caplog.records if record.message == "callback failed"]
    first, last = records[0], records[-1]
    assert (first["levelno"], first["retry_in_seconds"], first["given_up"]) == (logging.WARNING, 5, 0)
    assert (last["attempts"], last["retry_in_seconds"], last["given_up"]) == (len(RETRY_DELAYS) + 1, None, 1)
    assert not any(secret in str(records) for secret in (KEY, KEY.lower(), "127.0.0.1", "hello"))


def test_retries_last_about_three_days() -> None:
    """Long enough for a weekend, and no delay is shorter than the one before."""
    assert timedelta(days=3) <= sum(RETRY_DELAYS, timedelta()) < timedelta(days=4)
    assert list(RETRY_DELAYS) == sorted(RETRY_DELAYS)


def test_a_blog_that_recovers_gets_its_callback(
    services: Services, blog: Site, receiver: Receiver, clock: Clock
) -> None:
    """A failure or two lose nothing."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    receiver.failures_left = 2
    for delay in RETRY_DELAYS[:2]:
        assert deliver_due(services) == 0
        clock.advance(delay.total_seconds())
    assert deliver_due(services) == 1 and errors(services) == [None]


def test_a_clock_set_back_by_a_day_postpones_nothing(
    services: Services, blog: Site, receiver: Receiver, clock: Clock
) -> None:
    """A due time that is further ahead than any delay comes from a clock that was wrong."""
    assert max(RETRY_DELAYS) + timedelta(minutes=2) < MAX_DELAY
    decide(services, held(services, blog, receiver), blog, SPAM)
    receiver.failures_left = 1
    assert deliver_due(services) == 0
    clock.advance(-86_400)
    assert deliver_due(services) == 1 and errors(services) == [None]


def test_a_refused_key_is_a_failure(services: Services, blog: Site, receiver: Receiver) -> None:
    """The blog answers 401, and the error says so."""
    receiver.key = "ba9876543210"
    decide(services, held(services, blog, receiver), blog, SPAM)
    assert deliver_due(services) == 0 and errors(services) == ["The blog answered with status 401."]


@pytest.mark.parametrize("thresholds", [HOLD_ALL, PUBLISH_ALL])
def test_the_key_that_the_blog_sent_last_is_used(
    services: Services, blog: Site, receiver: Receiver, thresholds: Thresholds
) -> None:
    """A callback of a comment held before the rotation carries the new key, as the blog knows no other."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    receiver.key = NEW_KEY
    site = set_thresholds(services, blog.url, thresholds)
    check_comment(
        services,
        site,
        CheckRequest(Comment("another"), channel="akismet", callback=Callback(receiver.callback, NEW_KEY)),
    )
    assert deliver_due(services) == 1


def test_an_unchanged_key_writes_nothing_more(services: Services, blog: Site, receiver: Receiver) -> None:
    """The encrypted form, which differs each time, is stored once."""
    sent = Callback(receiver.callback, KEY)
    assert plugin_change(services, blog, sent) is not None
    check_comment(services, blog, CheckRequest(Comment("hello"), channel="akismet", callback=sent))
    assert plugin_change(services, find_site(services, blog.url), sent) is None


def test_a_comment_unknown_to_the_blog_is_a_failure(services: Services, blog: Site, receiver: Receiver) -> None:
    """Although the blog answers 200."""
    decision = held(services, blog, receiver)
    receiver.known_guids.clear()
    decide(services, decision, blog, SPAM)
    assert deliver_due(services) == 0 and "does not know the comment" in str(errors(services))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"comments":[]}',
        b'{"comments":{}}',
        b'{"comments":{"other":{"status":"success"}}}',
        b"[" * 60_000,
        b"\xff\xfe",
        b"null",
        b"9" * 60_000,
    ],
)
def test_only_a_confirmation_is_a_success(services: Services, blog: Site, receiver: Receiver, body: bytes) -> None:
    """A web page in place of the webhook, or a body that would break a careless parser, is a failure."""
    receiver.body = body
    decide(services, held(services, blog, receiver), blog, SPAM)
    assert deliver_due(services) == 0 and count_pending(services) == 1


def test_a_redirect_is_a_failure(services: Services, blog: Site, receiver: Receiver) -> None:
    """It is not followed."""
    with receiving() as elsewhere:
        receiver.redirect = elsewhere.callback
        decide(services, held(services, blog, receiver), blog, SPAM)
        assert deliver_due(services) == 0 and errors(services) == ["The blog answered with status 307."]
        assert elsewhere.calls == []


def test_only_the_blog_itself_is_called(services: Services, blog: Site, receiver: Receiver) -> None:
    """An address of another host or port in the database is not called."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    with receiving() as elsewhere:
        with write_transaction(services.engine) as connection:
            connection.execute(sql("UPDATE callbacks SET url = :url"), {"url": elsewhere.callback})
        assert deliver_due(services) == 0 and elsewhere.calls == []
    assert errors(services) == ["The callback address is not on the blog's own host."]


def test_a_private_address_must_be_allowed(services: Services, blog: Site, receiver: Receiver) -> None:
    """The setting is checked at each call, not when the comment came in."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    set_akismet_review(services, blog.url, AkismetReviewSettings(private_callback=False))
    assert deliver_due(services) == 0 and receiver.calls == []
    assert "private address" in str(errors(services))


def test_a_removed_blog_is_not_called(services: Services, blog: Site, receiver: Receiver) -> None:
    """And its encrypted keys are purged."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    remove_site(services, blog.url)
    assert deliver_due(services) == 0 and count_pending(services) == 0 and receiver.calls == []
    assert purge_settled(services) == 1


def test_a_key_that_cannot_be_decrypted_is_a_failure(services: Services, blog: Site, receiver: Receiver) -> None:
    """With another secret nothing is sent and nothing breaks."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    assert deliver_due(replace(services, secret=b"x" * 32)) == 0 and receiver.calls == []
    assert "encrypted key cannot be read" in str(errors(services))


def test_an_unreachable_blog_does_not_delay_others(services: Services, blog: Site, receiver: Receiver) -> None:
    """It is called once a round, and its other callbacks are postponed as well."""
    with receiving() as unreachable:
        silent = add_blog(services, unreachable)
        unreachable.may_answer.clear()
        for number in range(3):
            decide(services, held(services, silent, unreachable, f"hello {number}"), silent, SPAM)
        decide(services, held(services, blog, receiver), blog, SPAM)
        assert deliver_due(services, seconds=0.3) == 1
        assert len(unreachable.calls) == 1 and errors(services).count("The host did not answer in time.") == 3
        unreachable.may_answer.set()


def test_settled_callbacks_are_purged(services: Services, blog: Site, receiver: Receiver, clock: Clock) -> None:
    """Thirty days after the blog published the comment itself, the key has no use."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    deliver_due(services)
    clock.advance(2 * 86_400 + 30 * 86_400)
    assert purge_settled(services) == 0
    clock.advance(1)
    assert purge_settled(services) == 1 and errors(services) == []


def test_the_background_task_delivers(
    services: Services, blog: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes are delivered while it runs; it stops and starts again."""
    for _ in range(2):
        with delivering(services, monkeypatch):
            decide(services, held(services, blog, receiver), blog, SPAM)
            wait_until_delivered(services)
    assert len(receiver.calls) == 2


def test_pending_callbacks_survive_a_restart(
    services: Services, settings: Settings, blog: Site, receiver: Receiver
) -> None:
    """A process that dies during a call leaves the callback to the next one, once its claim has expired."""
    decision = held(services, blog, receiver)
    decide(services, decision, blog, SPAM)
    receiver.may_answer.clear()
    code = (
        "from moderation.actions.callbacks import deliver_due; from moderation.wiring import open_services;"
        "from moderation.settings import Settings; deliver_due(open_services(Settings.from_environment()), seconds=20)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment_of(settings)) as process:
        assert receiver.arrived.wait(30)
        process.kill()
    receiver.may_answer.set()
    real = open_services(settings)
    reopened = replace(real, clock=lambda: real.clock() + timedelta(minutes=5))
    assert count_pending(reopened) == 1 and deliver_due(reopened) == 1
    reopened.engine.dispose()
    assert receiver.results == {decision.id: "true"} and len(receiver.calls) == 2


def test_an_error_does_not_end_the_deliveries(
    services: Services,
    blog: Site,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is logged, and a later round delivers."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    with write_transaction(services.engine) as connection:
        connection.execute(sql("ALTER TABLE callbacks RENAME TO gone"))
    with delivering(services, monkeypatch):
        give_up = monotonic() + 20
        while "job failed" not in caplog.messages:
            assert monotonic() < give_up
            Event().wait(0.01)
        with write_transaction(services.engine) as connection:
            connection.execute(sql("ALTER TABLE gone RENAME TO callbacks"))
        wait_until_delivered(services)
    assert len(receiver.calls) == 1


def test_stopping_ends_a_round_early(services: Services, blog: Site, receiver: Receiver) -> None:
    """The call under way ends, the others are left for the next round."""
    for number in range(3):
        decide(services, held(services, blog, receiver, f"hello {number}"), blog, SPAM)
    receiver.may_answer.clear()
    stop_event = Event()
    with ThreadPoolExecutor(1) as pool:
        delivered = pool.submit(deliver_due, services, stop_event=stop_event)
        assert receiver.arrived.wait(10)
        stop_event.set()
        receiver.may_answer.set()
        assert delivered.result() == 1
    assert count_pending(services) == 2


def test_a_forked_process_delivers(
    services: Services, settings: Settings, blog: Site, receiver: Receiver, clock: Clock
) -> None:
    """As under a server that loads the application before it forks: the parent's thread is stopped here."""
    # The child uses the real clock, by which older callbacks would be purged.
    clock.now = datetime.now(UTC)
    decision = held(services, blog, receiver)
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING, decision.id],
        cwd=ROOT,
        env=environment_of(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert receiver.results == {decision.id: "true"} and len(receiver.calls) == 1


def test_a_failing_blog_does_not_delay_others(services: Services, blog: Site, receiver: Receiver) -> None:
    """With any number of callbacks it is called once a round."""
    receiver.failures_left = 1_000
    for number in range(30):
        decide(services, held(services, blog, receiver, f"hello {number}"), blog, SPAM)
    with receiving() as working:
        other = add_blog(services, working)
        decide(services, held(services, other, working), other, SPAM)
        assert deliver_due(services) == 1
    assert len(receiver.calls) == 1


def test_abandoned_callbacks_can_be_retried(services: Services, blog: Site, receiver: Receiver, clock: Clock) -> None:
    """An operator who repaired the blog need not ask the moderators again."""
    decide(services, held(services, blog, receiver), blog, SPAM)
    receiver.failures_left = len(RETRY_DELAYS) + 1
    for delay in RETRY_DELAYS:
        deliver_due(services)
        clock.advance(delay.total_seconds())
    deliver_due(services)
    assert count_pending(services) == 0 and receiver.results == {}
    assert retry_failed(services, blog) == 1 and deliver_due(services) == 1
    assert list(receiver.results.values()) == ["true"]
    assert retry_failed(services, blog) == 0


BLOCK_ALL = Thresholds(1e-12, 1e-12, 1.0)
DISCARD_ALL = Thresholds(1e-12, 1e-12, 1e-12)


def answered(
    services: Services, receiver: Receiver, thresholds: Thresholds, text: str = "hello", url: str | None = None
) -> Decision:
    """Check a comment that its blog does not hold, and knows by the id of the decision."""
    site = set_thresholds(services, receiver.url, thresholds)
    request = CheckRequest(Comment(text), channel="akismet", callback=Callback(url or receiver.callback, KEY))
    result = check_comment(services, site, request)
    assert result.guid is None
    receiver.known_guids.add(result.decision.id)
    return result.decision


def stored(services: Services) -> int:
    with read_transaction(services.engine) as connection:
        return int(connection.execute(sql("SELECT count(*) FROM callbacks")).scalar_one())


@pytest.mark.parametrize(("thresholds", "value", "told"), [(BLOCK_ALL, HAM, "false"), (PUBLISH_ALL, SPAM, "true")])
def test_a_blog_is_told_of_what_it_does_not_hold(
    services: Services, blog: Site, receiver: Receiver, thresholds: Thresholds, value: LabelValue, told: str
) -> None:
    """Of a blocked comment that is ham and of a published one that is spam; nothing is stored before."""
    decision = answered(services, receiver, thresholds)
    assert stored(services) == 0
    decide(services, decision, blog, value)
    assert deliver_due(services) == 1 and receiver.results == {decision.id: told}


@pytest.mark.parametrize(
    ("thresholds", "value"), [(BLOCK_ALL, SPAM), (PUBLISH_ALL, HAM), (DISCARD_ALL, HAM), (DISCARD_ALL, SPAM)]
)
def test_a_blog_that_has_it_there_is_not_called(
    services: Services, blog: Site, receiver: Receiver, thresholds: Thresholds, value: LabelValue
) -> None:
    """A label that agrees moves nothing, and a discarded comment is nowhere."""
    decide(services, answered(services, receiver, thresholds), blog, value)
    assert stored(services) == 0 and count_pending(services) == 0


@pytest.mark.parametrize(
    ("review_action", "agreeing", "moving"),
    [(ReviewAction.PUBLISH, Verb.HAM, Verb.SPAM), (ReviewAction.SPAM_FOLDER, Verb.SPAM, Verb.HAM)],
)
def test_an_undo_leads_back_to_where_the_blog_had_it(
    services: Services,
    blog: Site,
    receiver: Receiver,
    clock: Clock,
    moderator: Moderator,
    review_action: ReviewAction,
    agreeing: Verb,
    moving: Verb,
) -> None:
    """A comment that was not moved costs no call, in any order of undos. One that was moved costs one."""
    set_akismet_review(services, blog.url, AkismetReviewSettings(review_action, private_callback=True))
    decision = answered(services, receiver, HOLD_ALL)

    def press(verb: Verb) -> int:
        act_id = act(services, [SeenComment(decision.id)], verb, moderator).act_id
        assert act_id is not None
        return act_id

    undo(services, press(agreeing), moderator)
    first, second = press(agreeing), press(moving)
    undo(services, second, moderator)
    undo(services, first, moderator)
    clock.advance(60)
    assert deliver_due(services) == 0 and stored(services) == 0
    first = press(moving)
    clock.advance(60)
    there, back = ("false", "true") if moving is Verb.HAM else ("true", "false")
    assert deliver_due(services) == 1 and receiver.results == {decision.id: there}
    undo(services, first, moderator)
    assert deliver_due(services) == 1 and receiver.results == {decision.id: back}


def test_a_moved_comment_is_remembered(
    services: Services, blog: Site, receiver: Receiver, clock: Clock, moderator: Moderator
) -> None:
    """Later than callbacks are kept: the blog has it elsewhere than the verdict says, also after a lost answer."""
    decision = answered(services, receiver, BLOCK_ALL)
    decide(services, decision, blog, HAM)
    assert deliver_due(services) == 1
    clock.advance(40 * 86_400)
    assert purge_settled(services) == 0
    decide(services, decision, blog, SPAM)
    assert deliver_due(services) == 1 and receiver.results == {decision.id: "true"}
    clock.advance(40 * 86_400)
    assert purge_settled(services) == 1


def test_labels_of_the_blog_and_of_files_call_nobody(services: Services, blog: Site, receiver: Receiver) -> None:
    """A blog knows what it sent itself, and the labels of a file are past."""
    answered(services, receiver, PUBLISH_ALL, "one")
    answered(services, receiver, PUBLISH_ALL, "two")
    label_comment(services, blog, Comment("one"), SPAM, "akismet", "akismet")
    import_labels(services, blog, [(Comment("two"), SPAM)])
    assert stored(services) == 0


def test_an_undo_tells_a_blog_the_opposite_of_what_it_confirmed(
    services: Services, blog: Site, receiver: Receiver, clock: Clock, moderator: Moderator
) -> None:
    """Within the grace nothing is called, and nothing stays stored."""
    decision = answered(services, receiver, BLOCK_ALL)
    for is_told in (False, True):
        act_id = act(services, [SeenComment(decision.id)], Verb.HAM, moderator).act_id
        assert act_id and stored(services) == 1 and deliver_due(services) == 0
        clock.advance(10 if is_told else 9)
        assert deliver_due(services) == is_told
        assert undo(services, act_id, moderator).was_told is is_told
        assert stored(services) == is_told
    assert deliver_due(services) == 1 and [*receiver.results.values()] == ["true"]
    assert len(receiver.calls) == 2
    comment = read_comment(services, decision.id).comment
    assert comment.label is None and comment.callback and comment.callback.told is SPAM


def test_the_last_callback_of_the_plugin_counts(services: Services, blog: Site, receiver: Receiver) -> None:
    """With its present key, also for decisions of before. One of another host is none."""
    first = answered(services, receiver, BLOCK_ALL, "one")
    moved = receiver.callback + "?moved=1"
    site = find_site(services, blog.url)
    request = CheckRequest(Comment("two"), channel="akismet", callback=Callback(moved, NEW_KEY))
    check_comment(services, site, request)
    receiver.key = NEW_KEY
    decide(services, first, blog, HAM)
    assert deliver_due(services) == 1 and receiver.calls[-1].path.endswith("?moved=1")
    elsewhere = answered(services, receiver, BLOCK_ALL, "three", "https://elsewhere.example/hook")
    decide(services, elsewhere, blog, HAM)
    assert count_pending(services) == 0 and not read_comment(services, elsewhere.id).comment.can_be_told


def test_a_forgotten_label_leaves_no_callback(services: Services, blog: Site, receiver: Receiver) -> None:
    """Unless the blog was told: it has the comment elsewhere since."""
    decision = answered(services, receiver, PUBLISH_ALL)
    decide(services, decision, blog, SPAM)
    withdraw_label(services, blog, decision.id, "mara", "queue")
    assert stored(services) == 0
    decide(services, decision, blog, SPAM)
    assert deliver_due(services) == 1
    withdraw_label(services, blog, decision.id, "mara", "queue")
    callback = read_comment(services, decision.id).comment.callback
    assert callback and (callback.told, callback.result) == (SPAM, None) and count_pending(services) == 0


def test_a_retried_check_of_a_told_comment_holds_nothing(services: Services, blog: Site, receiver: Receiver) -> None:
    """Its blog asks again with the same comment: the answer is that of before."""
    decision = answered(services, receiver, BLOCK_ALL)
    label_decision(services, blog, decision.id, HAM, "mara", "queue")
    withdraw_label(services, blog, decision.id, "mara", "queue")
    label_decision(services, blog, decision.id, HAM, "mara", "queue")
    again = CheckRequest(Comment("hello"), channel="akismet", callback=Callback(receiver.callback, KEY))
    assert check_comment(services, find_site(services, blog.url), again).guid is None


def test_the_key_of_a_removed_blog_is_deleted(services: Services, blog: Site, receiver: Receiver) -> None:
    """It is kept for decisions that nobody has questioned yet."""
    answered(services, receiver, BLOCK_ALL)
    query = sql("SELECT encrypted_plugin_key <> '', plugin_callback <> '' FROM sites")
    with read_transaction(services.engine) as connection:
        assert all(connection.execute(query).one())
    remove_site(services, blog.url)
    with read_transaction(services.engine) as connection:
        assert not any(connection.execute(query).one())


def test_a_confirmed_callback_is_kept_for_the_undo(
    services: Services, blog: Site, receiver: Receiver, clock: Clock, moderator: Moderator
) -> None:
    """Thirty days after the last confirmation, as an undo after that is refused."""
    decision = answered(services, receiver, PUBLISH_ALL)
    for verb in (Verb.SPAM, Verb.HAM):
        act(services, [SeenComment(decision.id)], verb, moderator)
        clock.advance(20 * 86_400)
        assert deliver_due(services) == 1
    clock.advance(11 * 86_400)
    assert purge_settled(services) == 0
    clock.advance(20 * 86_400)
    assert purge_settled(services) == 1


def test_a_round_begins_no_call_after_its_time(
    services: Services, blog: Site, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow blogs delay other jobs for a bounded time, and the blog that was left out comes first in the next round."""
    with receiving() as slow:
        other = add_blog(services, slow)
        decide(services, held(services, other, slow), other, SPAM)
        clock.advance(1)
        decide(services, held(services, blog, receiver), blog, SPAM)
        slow.may_answer.clear()
        monkeypatch.setattr(deliveries, "MAX_ROUND_SECONDS", 0.2)
        assert deliver_due(services, seconds=0.4) == 0 and (len(slow.calls), len(receiver.calls)) == (1, 0)
        assert deliver_due(services, seconds=0.4) == 1 and len(slow.calls) == 1
        slow.may_answer.set()
