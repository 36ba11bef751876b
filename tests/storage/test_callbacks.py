"""Blogs that are to be told: claimed by one process at a time, and told the last word in the end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision, LabelValue, Score
from moderation.domain.policy import Policy, Verdict
from moderation.domain.site import Holding, Site
from moderation.storage import callbacks, comments, decisions, sites
from moderation.storage.callbacks import Due
from moderation.storage.engine import open_engine, writing
from moderation.storage.migrate import upgrade
from moderation.storage.tables import callbacks as table

NOON = datetime(2026, 1, 2, 12, 0, 0, 345678, tzinfo=UTC)
SOON = NOON + timedelta(seconds=40)
LATER = NOON + timedelta(hours=1)
HAM, SPAM = LabelValue.HAM, LabelValue.SPAM


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/moderation.db"
    upgrade(url)
    engine = open_engine(url, busy_seconds=0.01)
    with writing(engine) as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def site(connection: Connection) -> Site:
    return sites.add(connection, "https://blog.example", NOON)


@pytest.fixture
def comment_id(connection: Connection, site: Site) -> int:
    """A comment that the blog holds under the id `d1`."""
    return hold(connection, site, "d1")


def hold(connection: Connection, site: Site, decision_id: str) -> int:
    comment = Comment("hello")
    score = Score(probability=0.5, logit=0.0, bias=0.0, reasons=(), model="m")
    policy = Policy(review=0.5, spam=0.9, discard=0.99)
    decision = Decision(decision_id, site.id, comment, score, policy, Verdict.REVIEW, degraded=False, made_at=NOON)
    comment_id = comments.add(connection, site.id, "key", comment, NOON)
    decisions.add(connection, decision, comment_id, "akismet")
    callbacks.add(connection, decision_id, site.id, "https://blog.example/hook", "sealed", LATER)
    return comment_id


def due(connection: Connection, at: datetime = NOON) -> list[Due]:
    return list(callbacks.due(connection, at, 10))


def claimed(connection: Connection, at: datetime = NOON) -> Due:
    (found,) = due(connection, at)
    taken = callbacks.claim(connection, found, at + timedelta(seconds=30))
    assert taken is not None
    return taken


def problem(connection: Connection) -> str | None:
    stored: str | None = connection.execute(select(table.c.problem)).scalar_one()
    return stored


def test_nobody_is_told_before_a_person_spoke(connection: Connection, comment_id: int) -> None:
    """A comment that is held is no news."""
    assert due(connection) == [] and callbacks.count(connection) == 0


def test_a_word_is_due_at_once(connection: Connection, site: Site, comment_id: int) -> None:
    """With all that a call needs."""
    sites.set_holding(connection, site.id, Holding(private_callback=True))
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    expected = Due(
        decision_id="d1",
        guid="d1",
        site_url="https://blog.example",
        private_callback=True,
        url="https://blog.example/hook",
        sealed_key="sealed",
        result=SPAM,
        attempts=0,
        next_at=NOON,
    )
    assert due(connection) == [expected] and callbacks.count(connection) == 1
    assert due(connection, NOON - timedelta(microseconds=1)) == []


def test_the_longest_waiting_comes_first(connection: Connection, site: Site) -> None:
    """And no more than asked for."""
    late, early = (hold(connection, site, name) for name in ("late", "early"))
    callbacks.decide_of_comment(connection, late, SPAM, SOON)
    callbacks.decide_of_comment(connection, early, SPAM, NOON)
    assert [found.decision_id for found in due(connection, SOON)] == ["early", "late"]
    assert [found.decision_id for found in callbacks.due(connection, SOON, 1)] == ["early"]


def test_one_process_gets_it(connection: Connection, comment_id: int) -> None:
    """The second one to claim the same is told that somebody was faster."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    (found,) = due(connection)
    assert callbacks.claim(connection, found, SOON) == found._replace(next_at=SOON, attempts=1)
    assert callbacks.claim(connection, found, SOON) is None
    assert due(connection) == []


def test_a_claim_runs_out(connection: Connection, comment_id: int) -> None:
    """Whoever claimed it and died does not keep it: it is due again, and the attempt counts."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    claimed(connection)
    assert due(connection) == []
    (again,) = due(connection, SOON)
    assert again.attempts == 1


def test_a_word_that_changed_before_the_claim_is_not_sent(connection: Connection, comment_id: int) -> None:
    """Even at the same microsecond: what is claimed is what holds."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    (found,) = due(connection)
    callbacks.decide_of_comment(connection, comment_id, HAM, NOON)
    assert callbacks.claim(connection, found, SOON) is None


def test_told_is_told(connection: Connection, comment_id: int) -> None:
    """It is not due any more."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    assert callbacks.told(connection, claimed(connection), NOON)
    assert due(connection, LATER) == [] and callbacks.count(connection) == 0


def test_a_failure_comes_again_and_says_why(connection: Connection, comment_id: int) -> None:
    """At the time that was set; when it is told after all, the problem is gone."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    assert callbacks.failed(connection, claimed(connection), "No.", LATER, NOON)
    assert problem(connection) == "No."
    assert due(connection, SOON) == [] and callbacks.count(connection) == 1
    callbacks.told(connection, claimed(connection, LATER), LATER)
    assert problem(connection) is None


def test_given_up_stays_on_record(connection: Connection, comment_id: int) -> None:
    """Not due, with its problem; a person's next word starts anew."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    callbacks.failed(connection, claimed(connection), "No.", None, NOON)
    assert due(connection, LATER) == [] and problem(connection) == "No."
    callbacks.decide_of_comment(connection, comment_id, HAM, SOON)
    (again,) = due(connection, SOON)
    assert (again.attempts, again.result) == (0, HAM)


def test_who_was_not_told_is_known(connection: Connection, site: Site, comment_id: int) -> None:
    """With the trouble and its number, given up or not; a removed blog troubles nobody."""
    other = hold(connection, site, "d2")
    for word in (comment_id, other):
        callbacks.decide_of_comment(connection, word, SPAM, NOON)
    assert callbacks.untold(connection) == []
    for again_at, found in zip((LATER, None), due(connection), strict=True):
        taken = callbacks.claim(connection, found, SOON)
        assert taken is not None and callbacks.failed(connection, taken, "No.", again_at, NOON)
    assert callbacks.untold(connection) == [("https://blog.example", 2, "No.")]
    sites.remove(connection, site.id, NOON)
    assert callbacks.untold(connection) == []


def test_a_changed_mind_is_told_next(connection: Connection, comment_id: int) -> None:
    """Neither the success nor the failure of the word before settles the new one."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    first = claimed(connection)
    callbacks.decide_of_comment(connection, comment_id, HAM, NOON)
    assert not callbacks.told(connection, first, NOON)
    assert not callbacks.failed(connection, first, "No.", LATER, NOON)
    assert claimed(connection).result is HAM and problem(connection) is None


def test_the_last_word_is_the_last_one_sent(connection: Connection, comment_id: int) -> None:
    """When two processes told both words at once, the blog may have heard them in any order: it is told again."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    slow = claimed(connection)
    callbacks.decide_of_comment(connection, comment_id, HAM, NOON)
    assert callbacks.told(connection, claimed(connection), NOON)
    assert not callbacks.told(connection, slow, SOON)
    again = claimed(connection, SOON)
    assert again.result is HAM and callbacks.told(connection, again, SOON)
    assert due(connection, LATER) == []


def test_two_who_told_the_same_leave_it_at_that(connection: Connection, comment_id: int) -> None:
    """A claim that ran out is told by another; the late success of the first changes nothing."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    slow = claimed(connection)
    assert callbacks.told(connection, claimed(connection, SOON), SOON)
    assert not callbacks.told(connection, slow, LATER)
    assert due(connection, LATER) == []


def test_a_word_taken_back_is_not_told(connection: Connection, comment_id: int) -> None:
    """Not even while a call is under way."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    first = claimed(connection)
    callbacks.decide_of_comment(connection, comment_id, None, NOON)
    assert not callbacks.told(connection, first, NOON)
    assert due(connection, LATER) == [] and callbacks.count(connection) == 0


def test_a_removed_site_is_not_called(connection: Connection, site: Site, comment_id: int) -> None:
    """And its sealed keys go with the next tidying."""
    callbacks.decide_of_comment(connection, comment_id, SPAM, NOON)
    sites.remove(connection, site.id, NOON)
    assert due(connection) == [] and callbacks.count(connection) == 0
    assert callbacks.forget(connection, NOON) == 1


def test_only_what_is_settled_and_old_is_forgotten(connection: Connection, site: Site, comment_id: int) -> None:
    """What is still to be told stays, however old it is; so does what may be told another word soon."""
    pending = hold(connection, site, "d2")
    callbacks.decide_of_comment(connection, pending, SPAM, NOON)
    assert callbacks.forget(connection, LATER) == 0
    assert callbacks.forget(connection, LATER + timedelta(seconds=1)) == 1
    assert [found.decision_id for found in due(connection)] == ["d2"]
