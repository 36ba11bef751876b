"""Blogs hear what moderators decided: at least once, the last word last, and nobody else hears it."""

import json
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
from sqlalchemy import text

from moderation.actions.access import add_site, remove_site, set_holding, set_policy
from moderation.actions.check import check_comment
from moderation.actions.courier import WAITS, Courier, count_due, forget_settled, tell_again, tell_blogs
from moderation.actions.desk import Desk
from moderation.actions.teach import label_decision, withdraw_label
from moderation.assembly import open_desk
from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision, LabelValue
from moderation.domain.site import Callback, Holding, Site
from moderation.settings import Settings
from moderation.storage.engine import reading, writing
from tests.conftest import HOLD_ALL, Clock
from tests.receiver import Receiver, receiving

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
KEY = "0123456789AB"
ROOT = Path(__file__).parents[2]


FORKING = """
import os, sys, threading, time
from moderation.actions.access import list_sites
from moderation.actions.courier import Courier, count_due
from moderation.actions.teach import label_decision
from moderation.assembly import open_desk
from moderation.domain.judgement import LabelValue
from moderation.settings import Settings

desk = open_desk(Settings.from_environment())
courier = Courier(desk, pause=0.01)
courier.start()
child = os.fork()
if child:
    courier.stop()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
label_decision(desk, list_sites(desk)[0], sys.argv[1], LabelValue.SPAM, "mara", "queue")
give_up = time.monotonic() + 20
while count_due(desk) and time.monotonic() < give_up:
    time.sleep(0.01)
sys.exit(0 if not count_due(desk) and threading.active_count() == 2 else 1)
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def blog(desk: Desk, receiver: Receiver) -> Site:
    """Our blog, on this machine: it holds every comment and may be called."""
    return let_in(desk, receiver)


def let_in(desk: Desk, receiver: Receiver) -> Site:
    add_site(desk, receiver.url)
    set_policy(desk, receiver.url, HOLD_ALL)
    return set_holding(desk, receiver.url, Holding(private_callback=True))


def held(desk: Desk, site: Site, receiver: Receiver, words: str = "hello") -> Decision:
    """A comment that the blog holds, and knows."""
    callback = Callback(receiver.callback, KEY)
    decision = check_comment(desk, site, Comment(words), door="akismet", callback=callback)
    receiver.known.add(decision.id)
    return decision


def decide(desk: Desk, decision: Decision, site: Site, value: LabelValue) -> None:
    label_decision(desk, site, decision.id, value, "mara", "queue")


def environment_of(settings: Settings) -> dict[str, str]:
    own = {"VAR": str(settings.var), "MODELS": str(settings.models), "DATABASE_URL": ""}
    return os.environ | {f"MODERATION_{name}": value for name, value in own.items()}


def problems(desk: Desk) -> list[str | None]:
    with reading(desk.engine) as connection:
        return list(connection.execute(text("SELECT problem FROM callbacks")).scalars())


@contextmanager
def working(desk: Desk, **options: float) -> Iterator[Courier]:
    courier = Courier(desk, **{"pause": 0.01, "seconds": 5.0, **options})
    courier.start()
    try:
        yield courier
    finally:
        courier.stop()


def wait_until_told(desk: Desk) -> None:
    give_up = monotonic() + 20
    while count_due(desk):
        assert monotonic() < give_up, problems(desk)
        Event().wait(0.01)


@pytest.mark.parametrize(("value", "result"), [(SPAM, "true"), (HAM, "false")])
def test_the_blog_hears_what_was_decided(
    desk: Desk, blog: Site, receiver: Receiver, value: LabelValue, result: str
) -> None:
    """Once, in Akismet's words, with the key that the blog sent."""
    decision = held(desk, blog, receiver)
    assert tell_blogs(desk) == 0
    decide(desk, decision, blog, value)
    assert count_due(desk) == 1
    assert tell_blogs(desk) == 1 and tell_blogs(desk) == 0 and count_due(desk) == 0
    (call,) = receiver.calls
    assert call.form == {
        "key": KEY,
        "endpoint": "comment-check",
        "comments[0][guid]": decision.id,
        "comments[0][result]": result,
    }
    assert receiver.outcomes == {decision.id: result}


def test_a_changed_mind_is_told_too(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """As often as people change it."""
    decision = held(desk, blog, receiver)
    for value in (SPAM, HAM, SPAM):
        decide(desk, decision, blog, value)
        assert tell_blogs(desk) == 1
    assert [call.form["comments[0][result]"] for call in receiver.calls] == ["true", "false", "true"]


def test_a_mind_changed_during_the_call_is_told_next(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """The call that was under way settles nothing."""
    decision = held(desk, blog, receiver)
    decide(desk, decision, blog, SPAM)
    receiver.open_door.clear()
    with ThreadPoolExecutor(1) as other:
        first = other.submit(tell_blogs, desk)
        assert receiver.arrived.wait(10)
        # No transaction is open while the blog thinks: another one gets through at once.
        decide(desk, decision, blog, HAM)
        receiver.open_door.set()
        assert first.result() == 0
    assert tell_blogs(desk) == 1
    assert receiver.outcomes == {decision.id: "false"}


def test_a_label_taken_back_is_not_told(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """The blog goes on waiting."""
    decision = held(desk, blog, receiver)
    decide(desk, decision, blog, SPAM)
    withdraw_label(desk, blog, decision.id, "mara", "queue")
    assert tell_blogs(desk) == 0 and receiver.calls == []


def test_several_workers_tell_it_once(desk: Desk, settings: Settings, blog: Site, receiver: Receiver) -> None:
    """Whoever claims it tells it; the others find nothing."""
    decisions = [held(desk, blog, receiver, f"hello {number}") for number in range(25)]
    for decision in decisions:
        decide(desk, decision, blog, SPAM)
    desks = [replace(open_desk(settings), clock=desk.clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as workers:
        rounds = [sum(workers.map(tell_blogs, desks)) for _ in range(3)]
    assert sum(rounds) == 25
    for each in desks:
        each.engine.dispose()
    assert sorted(call.form["comments[0][guid]"] for call in receiver.calls) == sorted(each.id for each in decisions)


def test_it_is_tried_again_with_growing_waits(
    desk: Desk, blog: Site, receiver: Receiver, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then given up, after some three days; the journal says so, without key, address or text."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    receiver.failing = 1_000
    for wait in WAITS:
        assert tell_blogs(desk) == 0
        clock.advance(wait.total_seconds() - 0.001)
        assert tell_blogs(desk) == 0
        clock.advance(0.001)
    assert count_due(desk) == 1 and tell_blogs(desk) == 0 and count_due(desk) == 0
    assert len(receiver.calls) == len(WAITS) + 1
    assert problems(desk) == ["The blog answered with status 503."]
    written = capsys.readouterr().err
    first, last = (json.loads(written.splitlines()[place]) for place in (0, -1))
    assert (first["again_in_seconds"], first["given_up"]) == (5, 0)
    assert (last["attempts"], last["again_in_seconds"], last["given_up"]) == (len(WAITS) + 1, None, 1)
    assert not any(secret in written for secret in (KEY, KEY.lower(), "127.0.0.1", "hello"))


def test_about_three_days() -> None:
    """Long enough for a weekend, and each wait is at least as long as the one before."""
    assert timedelta(days=3) <= sum(WAITS, timedelta()) < timedelta(days=4)
    assert list(WAITS) == sorted(WAITS)


def test_a_blog_that_comes_back_is_told(desk: Desk, blog: Site, receiver: Receiver, clock: Clock) -> None:
    """A failure or two lose nothing."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    receiver.failing = 2
    for wait in WAITS[:2]:
        assert tell_blogs(desk) == 0
        clock.advance(wait.total_seconds())
    assert tell_blogs(desk) == 1 and problems(desk) == [None]


def test_another_key_is_not_taken_for_success(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """The blog says 401, and so does the problem."""
    receiver.key = "ba9876543210"
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    assert tell_blogs(desk) == 0 and problems(desk) == ["The blog answered with status 401."]


def test_a_comment_the_blog_does_not_know_is_not_taken_for_success(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """It says 200 all the same."""
    decision = held(desk, blog, receiver)
    receiver.known.clear()
    decide(desk, decision, blog, SPAM)
    assert tell_blogs(desk) == 0 and "does not know the comment" in str(problems(desk))


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
def test_anything_but_a_confirmation_is_none(desk: Desk, blog: Site, receiver: Receiver, body: bytes) -> None:
    """A page in place of the webhook, or a body that would break a careless reader."""
    receiver.body = body
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    assert tell_blogs(desk) == 0 and count_due(desk) == 1


def test_a_redirect_is_a_failure(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """Wherever it leads."""
    with receiving() as elsewhere:
        receiver.redirect = elsewhere.callback
        decide(desk, held(desk, blog, receiver), blog, SPAM)
        assert tell_blogs(desk) == 0 and problems(desk) == ["The blog answered with status 307."]
        assert elsewhere.calls == []


def test_only_the_blog_itself_is_called(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """An address of another host or port that found its way into the database is not called."""
    with receiving() as elsewhere:
        decide(desk, held(desk, blog, elsewhere), blog, SPAM)
        assert tell_blogs(desk) == 0 and elsewhere.calls == []
    assert problems(desk) == ["The address that the blog gave is not its own."]


def test_a_private_address_needs_the_operators_leave(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """Leave is asked for at each call, not when the comment came in."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    set_holding(desk, blog.url, Holding(private_callback=False))
    assert tell_blogs(desk) == 0 and receiver.calls == []
    assert "private address" in str(problems(desk))


def test_a_removed_blog_is_not_called(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """And what was sealed for it is deleted."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    remove_site(desk, blog.url)
    assert tell_blogs(desk) == 0 and count_due(desk) == 0 and receiver.calls == []
    assert forget_settled(desk) == 1


def test_a_key_that_cannot_be_unsealed_is_a_problem_of_one(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """A secret that does not belong to the database: nothing is sent, nothing breaks."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    assert tell_blogs(replace(desk, secret=b"x" * 32)) == 0 and receiver.calls == []
    assert "sealed key cannot be read" in str(problems(desk))


def test_a_blog_out_of_reach_holds_no_other_up(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """It is tried once a round, and what else it is to be told is put off with it."""
    with receiving() as dead:
        silent = let_in(desk, dead)
        dead.open_door.clear()
        for number in range(3):
            decide(desk, held(desk, silent, dead, f"hello {number}"), silent, SPAM)
        decide(desk, held(desk, blog, receiver), blog, SPAM)
        assert tell_blogs(desk, seconds=0.3) == 1
        assert len(dead.calls) == 1 and problems(desk).count("The blog did not answer in time.") == 3
        dead.open_door.set()


def test_what_is_settled_is_forgotten_in_time(desk: Desk, blog: Site, receiver: Receiver, clock: Clock) -> None:
    """Thirty days after the blog published by itself, the key is no use any more."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    tell_blogs(desk)
    clock.advance(2 * 86_400 + 30 * 86_400)
    assert forget_settled(desk) == 0
    clock.advance(1)
    assert forget_settled(desk) == 1 and problems(desk) == []


def test_the_courier_tells_by_itself(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """What is decided while it works is told; it stops when it is told to, and starts again."""
    for _ in range(2):
        with working(desk):
            decide(desk, held(desk, blog, receiver), blog, SPAM)
            wait_until_told(desk)
    assert len(receiver.calls) == 2


def test_what_was_pending_survives_a_restart(desk: Desk, settings: Settings, blog: Site, receiver: Receiver) -> None:
    """A process that dies in the middle of a call leaves it to the next one, once its claim has run out."""
    decision = held(desk, blog, receiver)
    decide(desk, decision, blog, SPAM)
    receiver.open_door.clear()
    code = (
        "from moderation.actions.courier import tell_blogs; from moderation.assembly import open_desk;"
        "from moderation.settings import Settings; tell_blogs(open_desk(Settings.from_environment()), seconds=20)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment_of(settings)) as process:
        assert receiver.arrived.wait(30)
        process.kill()
    receiver.open_door.set()
    real = open_desk(settings)
    reopened = replace(real, clock=lambda: real.clock() + timedelta(minutes=5))
    assert count_due(reopened) == 1 and tell_blogs(reopened) == 1
    reopened.engine.dispose()
    assert receiver.outcomes == {decision.id: "true"} and len(receiver.calls) == 2


def test_trouble_does_not_end_the_rounds(
    desk: Desk, blog: Site, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal names it, and the next round works."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    with writing(desk.engine) as connection:
        connection.execute(text("ALTER TABLE callbacks RENAME TO gone"))
    seen = ""
    with working(desk):
        give_up = monotonic() + 20
        while "a round of telling blogs failed" not in seen:
            assert monotonic() < give_up
            seen += capsys.readouterr().err
        with writing(desk.engine) as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO callbacks"))
        wait_until_told(desk)
    assert len(receiver.calls) == 1


def test_stopping_takes_no_time(desk: Desk) -> None:
    """Between rounds it ends at once, however long the pause; stopping twice is stopping once."""
    courier = Courier(desk, pause=3_600)
    courier.start()
    began = monotonic()
    courier.stop()
    courier.stop()
    assert monotonic() - began < 1


def test_stopping_ends_a_round_early(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """The call under way is finished, the others are left to whoever comes next."""
    for number in range(3):
        decide(desk, held(desk, blog, receiver, f"hello {number}"), blog, SPAM)
    receiver.open_door.clear()
    stopping = Event()
    with ThreadPoolExecutor(1) as other:
        told = other.submit(tell_blogs, desk, stopping=stopping)
        assert receiver.arrived.wait(10)
        stopping.set()
        receiver.open_door.set()
        assert told.result() == 1
    assert count_due(desk) == 2


def test_a_forked_child_has_a_courier_of_its_own(
    desk: Desk, settings: Settings, blog: Site, receiver: Receiver, clock: Clock
) -> None:
    """As under a server that loads the application before it forks its workers: the parent's is stopped here."""
    # The child goes by the real clock, and would tidy away what is older than a month.
    clock.now = datetime.now(UTC)
    decision = held(desk, blog, receiver)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING, decision.id],
        cwd=ROOT,
        env=environment_of(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert receiver.outcomes == {decision.id: "true"} and len(receiver.calls) == 1


def test_a_blog_out_of_order_does_not_keep_others_waiting(desk: Desk, blog: Site, receiver: Receiver) -> None:
    """Whatever many it has to be told: in each round it has one chance, and the others are told."""
    receiver.failing = 1_000
    for number in range(30):
        decide(desk, held(desk, blog, receiver, f"hello {number}"), blog, SPAM)
    with receiving() as fair:
        other = let_in(desk, fair)
        decide(desk, held(desk, other, fair), other, SPAM)
        assert tell_blogs(desk) == 1
    assert len(receiver.calls) == 1


def test_what_was_given_up_can_be_told_again(desk: Desk, blog: Site, receiver: Receiver, clock: Clock) -> None:
    """An operator who has mended the blog need not ask the moderators once more."""
    decide(desk, held(desk, blog, receiver), blog, SPAM)
    receiver.failing = len(WAITS) + 1
    for wait in WAITS:
        tell_blogs(desk)
        clock.advance(wait.total_seconds())
    tell_blogs(desk)
    assert count_due(desk) == 0 and receiver.outcomes == {}
    assert tell_again(desk, blog) == 1 and tell_blogs(desk) == 1
    assert list(receiver.outcomes.values()) == ["true"]
    assert tell_again(desk, blog) == 0
