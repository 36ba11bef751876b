"""Counting is exact: each comment once, by its newest decision and its last label, in the period it belongs to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Connection

from moderation.actions.desk import Desk
from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision, Label, LabelValue, Score
from moderation.domain.policy import Policy, Verdict
from moderation.domain.site import Site
from moderation.storage import comments, decisions, labels
from moderation.storage.counts import Tally, calls, first_at, tallies
from moderation.storage.engine import writing

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
SCORE = Score(probability=0.5, logit=0.0, bias=0.0, reasons=(), model="small")
OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11, 12))
MONTHS = [OCTOBER, NOVEMBER]
A_TICK = timedelta(microseconds=1)


class Log:
    """Writes comments, decisions and labels of one site at any time."""

    def __init__(self, connection: Connection, site: Site) -> None:
        self.connection, self.site_id = connection, site.id
        self._ids = count()

    def comment(self, at: datetime, verdict: Verdict) -> int:
        comment_id = comments.add(self.connection, self.site_id, "key", Comment(text="Hello"), at)
        self.decide(comment_id, at, verdict)
        return comment_id

    def decide(self, comment_id: int, at: datetime, verdict: Verdict) -> None:
        name, policy = f"{self.site_id:016x}{next(self._ids):016x}", Policy(0.5, 0.9, 0.99)
        decision = Decision(name, self.site_id, Comment(text=""), SCORE, policy, verdict, False, at)
        decisions.supersede(self.connection, comment_id)
        decisions.add(self.connection, decision, comment_id, "akismet")

    def label(self, comment_id: int, value: LabelValue | None, at: datetime = DECEMBER, source: str = "api") -> None:
        labels.append(self.connection, self.site_id, comment_id, Label(value, "mara", source, at))

    def tally(self) -> Tally:
        """Of all time."""
        (found,) = tallies(self.connection, self.site_id, [OCTOBER])
        return found


@pytest.fixture
def connection(desk: Desk, site: Site, teammate_site: Site) -> Iterator[Connection]:
    with writing(desk.engine) as connection:
        yield connection


@pytest.fixture
def log(connection: Connection, site: Site) -> Log:
    return Log(connection, site)


@pytest.mark.parametrize(
    ("verdict", "tally"),
    [
        (Verdict.PUBLISH, Tally(published=1)),
        (Verdict.REVIEW, Tally(held=1)),
        (Verdict.SPAM, Tally(stopped=1)),
        (Verdict.DISCARD, Tally(stopped=1)),
    ],
)
def test_each_verdict_has_its_place(log: Log, verdict: Verdict, tally: Tally) -> None:
    """Spam and the blatant are one, what is held is neither published nor stopped."""
    log.comment(NOVEMBER, verdict)
    assert log.tally() == tally


def test_nothing_is_counted_where_nothing_came(log: Log) -> None:
    """No row gives noughts, and no first time."""
    assert log.tally() == Tally()
    assert first_at(log.connection, log.site_id) is None


@pytest.mark.parametrize(
    ("verdict", "value", "part"),
    [
        (Verdict.PUBLISH, SPAM, {"missed": 1}),
        (Verdict.PUBLISH, HAM, {}),
        (Verdict.REVIEW, SPAM, {"held_spam": 1}),
        (Verdict.REVIEW, HAM, {}),
        (Verdict.SPAM, HAM, {"wronged": 1}),
        (Verdict.SPAM, SPAM, {}),
        (Verdict.DISCARD, HAM, {"wronged": 1}),
        (Verdict.DISCARD, SPAM, {}),
    ],
)
def test_a_label_counts_where_it_contradicts_us(
    log: Log, verdict: Verdict, value: LabelValue, part: dict[str, int]
) -> None:
    """Of what was held we said nothing that could be contradicted, but a person's `spam` is told apart."""
    comment_id = log.comment(NOVEMBER, verdict)
    before = log.tally()
    log.label(comment_id, value)
    assert log.tally() == before._replace(**part)


def test_of_all_labels_the_last_one_counts(log: Log) -> None:
    """However often people change their minds, and in whatever months."""
    comment_id = log.comment(OCTOBER, Verdict.PUBLISH)
    for value, missed in ((SPAM, 1), (HAM, 0), (SPAM, 1)):
        log.label(comment_id, value)
        assert log.tally() == Tally(published=1, missed=missed)


def test_withdrawn_labels_count_for_nothing(log: Log) -> None:
    """As if nobody had ever said a word."""
    comment_id = log.comment(OCTOBER, Verdict.SPAM)
    log.label(comment_id, HAM)
    log.label(comment_id, None)
    assert log.tally() == Tally(stopped=1)


def test_a_comment_that_was_checked_again_counts_once(log: Log) -> None:
    """With the newest verdict and in its month; a label is held against that verdict, whenever it was given."""
    comment_id = log.comment(OCTOBER, Verdict.PUBLISH)
    log.label(comment_id, SPAM, at=OCTOBER)
    log.decide(comment_id, NOVEMBER, Verdict.REVIEW)
    log.decide(comment_id, NOVEMBER + A_TICK, Verdict.SPAM)
    assert tallies(log.connection, log.site_id, MONTHS) == [Tally(), Tally(stopped=1)]
    assert tallies(log.connection, log.site_id, [OCTOBER], NOVEMBER) == [Tally()]
    log.label(comment_id, HAM)
    assert tallies(log.connection, log.site_id, MONTHS) == [Tally(), Tally(stopped=1, wronged=1)]


def test_two_decisions_of_one_moment_count_once(log: Log) -> None:
    """A clock that stands still changes no figure."""
    comment_id = log.comment(OCTOBER, Verdict.SPAM)
    log.decide(comment_id, OCTOBER, Verdict.SPAM)
    log.label(comment_id, HAM)
    assert log.tally() == Tally(stopped=1, wronged=1)


def test_a_comment_lies_in_the_period_of_its_decision(log: Log) -> None:
    """To the microsecond: a start belongs to its period, an end does not."""
    log.comment(OCTOBER - A_TICK, Verdict.SPAM)
    log.comment(OCTOBER, Verdict.SPAM)
    missed = log.comment(NOVEMBER - A_TICK, Verdict.PUBLISH)
    log.label(missed, SPAM, at=DECEMBER)
    log.comment(NOVEMBER, Verdict.REVIEW)
    log.comment(DECEMBER, Verdict.DISCARD)
    october = Tally(published=1, stopped=1, missed=1)
    assert tallies(log.connection, log.site_id, MONTHS) == [october, Tally(held=1, stopped=1)]
    assert tallies(log.connection, log.site_id, MONTHS, DECEMBER) == [october, Tally(held=1)]
    assert first_at(log.connection, log.site_id) == OCTOBER - A_TICK


def test_each_site_is_counted_by_itself(log: Log, teammate_site: Site) -> None:
    """Neither verdicts nor labels nor calls of another site show."""
    other = Log(log.connection, teammate_site)
    other.label(other.comment(OCTOBER, Verdict.PUBLISH), SPAM, at=OCTOBER)
    assert log.tally() == Tally() and first_at(log.connection, log.site_id) is None
    assert calls(log.connection, log.site_id, OCTOBER, NOVEMBER) == 0
    assert other.tally() == Tally(published=1, missed=1)


def test_labels_of_comments_that_were_never_judged_count_for_nothing(log: Log) -> None:
    """What was imported says nothing about our verdicts."""
    comment_id = comments.add(log.connection, log.site_id, "key", Comment(text="Old"), OCTOBER)
    log.label(comment_id, SPAM, source="import")
    assert log.tally() == Tally()


def test_calls_are_every_check_and_every_word_of_the_blog(log: Log) -> None:
    """A comment that is checked again is a call again; what moderators say in the queue is none."""
    comment_id = log.comment(OCTOBER, Verdict.REVIEW)
    log.decide(comment_id, OCTOBER + A_TICK, Verdict.SPAM)
    for source in ("akismet", "api", "queue", "import"):
        log.label(comment_id, HAM, at=OCTOBER, source=source)
    log.label(comment_id, HAM, at=NOVEMBER)
    assert calls(log.connection, log.site_id, OCTOBER, NOVEMBER) == 4
    assert calls(log.connection, log.site_id, NOVEMBER, DECEMBER) == 1
