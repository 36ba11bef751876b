"""Counts are exact: each comment once, by its newest decision and its label in force, in its period."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelValue, Score
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import comments, decisions, labels
from moderation.storage.engine import write_transaction
from moderation.storage.statistics import VerdictCounts, count_calls, count_verdicts, first_decided_at

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
SCORE = Score(probability=0.5, logit=0.0, bias=0.0, reasons=(), model="small")
OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11, 12))
MONTHS = [OCTOBER, NOVEMBER]
ONE_MICROSECOND = timedelta(microseconds=1)


class History:
    """A writer of comments, decisions and labels of one site at any time."""

    def __init__(self, connection: Connection, site: Site) -> None:
        self.connection, self.site_id = connection, site.id
        self._ids = count()

    def comment(self, at: datetime, verdict: Verdict) -> int:
        (comment_id,) = comments.add(self.connection, self.site_id, [(b"key", Comment("Hello"))], at)
        self.decide(comment_id, at, verdict)
        return comment_id

    def decide(self, comment_id: int, at: datetime, verdict: Verdict) -> None:
        decision_id, thresholds = f"{self.site_id:016x}{next(self._ids):016x}", Thresholds(0.5, 0.9, 0.99)
        decision = Decision(decision_id, self.site_id, Comment(text=""), SCORE, thresholds, verdict, False, at)
        decisions.supersede(self.connection, comment_id)
        decisions.add(self.connection, [(decision, comment_id)], "akismet")

    def label(self, comment_id: int, value: LabelValue | None, at: datetime = DECEMBER, channel: str = "api") -> None:
        labels.append(self.connection, self.site_id, comment_id, Label(value, "mara", channel, at))

    def counts(self) -> VerdictCounts:
        """Return the counts of all time."""
        (counts,) = count_verdicts(self.connection, self.site_id, [OCTOBER])
        return counts


@pytest.fixture
def connection(services: Services, site: Site, other_site: Site) -> Iterator[Connection]:
    with write_transaction(services.engine) as connection:
        yield connection


@pytest.fixture
def history(connection: Connection, site: Site) -> History:
    return History(connection, site)


@pytest.mark.parametrize(
    ("verdict", "counts"),
    [
        (Verdict.PUBLISH, VerdictCounts(published=1)),
        (Verdict.REVIEW, VerdictCounts(held=1)),
        (Verdict.SPAM, VerdictCounts(blocked=1)),
        (Verdict.DISCARD, VerdictCounts(blocked=1)),
    ],
)
def test_each_verdict_is_counted(history: History, verdict: Verdict, counts: VerdictCounts) -> None:
    """Spam and discard are both blocked."""
    history.comment(NOVEMBER, verdict)
    assert history.counts() == counts


def test_a_site_without_decisions_has_zeros(history: History) -> None:
    """And no first time."""
    assert history.counts() == VerdictCounts()
    assert first_decided_at(history.connection, history.site_id) is None


@pytest.mark.parametrize(
    ("verdict", "value", "part"),
    [
        (Verdict.PUBLISH, SPAM, {"missed_spam": 1}),
        (Verdict.PUBLISH, HAM, {}),
        (Verdict.REVIEW, SPAM, {"held_spam": 1}),
        (Verdict.REVIEW, HAM, {}),
        (Verdict.SPAM, HAM, {"false_positives": 1}),
        (Verdict.SPAM, SPAM, {}),
        (Verdict.DISCARD, HAM, {"false_positives": 1}),
        (Verdict.DISCARD, SPAM, {}),
    ],
)
def test_labels_against_the_verdict_are_counted(
    history: History, verdict: Verdict, value: LabelValue, part: dict[str, int]
) -> None:
    """Held comments cannot contradict a label, but those labelled spam are counted."""
    comment_id = history.comment(NOVEMBER, verdict)
    before = history.counts()
    history.label(comment_id, value)
    assert history.counts() == before._replace(**part)


def test_only_the_newest_label_counts(history: History) -> None:
    """However often it changes, and in any month."""
    comment_id = history.comment(OCTOBER, Verdict.PUBLISH)
    for value, missed_spam in ((SPAM, 1), (HAM, 0), (SPAM, 1)):
        history.label(comment_id, value)
        assert history.counts() == VerdictCounts(published=1, missed_spam=missed_spam)


def test_withdrawn_labels_do_not_count(history: History) -> None:
    """As if there had been no label."""
    comment_id = history.comment(OCTOBER, Verdict.SPAM)
    history.label(comment_id, HAM)
    history.label(comment_id, None)
    assert history.counts() == VerdictCounts(blocked=1)


def test_a_rechecked_comment_counts_once(history: History) -> None:
    """With its newest verdict and in that month; the label is compared with that verdict."""
    comment_id = history.comment(OCTOBER, Verdict.PUBLISH)
    history.label(comment_id, SPAM, at=OCTOBER)
    history.decide(comment_id, NOVEMBER, Verdict.REVIEW)
    history.decide(comment_id, NOVEMBER + ONE_MICROSECOND, Verdict.SPAM)
    assert count_verdicts(history.connection, history.site_id, MONTHS) == [VerdictCounts(), VerdictCounts(blocked=1)]
    assert count_verdicts(history.connection, history.site_id, [OCTOBER], NOVEMBER) == [VerdictCounts()]
    history.label(comment_id, HAM)
    assert count_verdicts(history.connection, history.site_id, MONTHS) == [
        VerdictCounts(),
        VerdictCounts(blocked=1, false_positives=1),
    ]


def test_two_decisions_of_the_same_time_count_once(history: History) -> None:
    """A clock that stands still changes no count."""
    comment_id = history.comment(OCTOBER, Verdict.SPAM)
    history.decide(comment_id, OCTOBER, Verdict.SPAM)
    history.label(comment_id, HAM)
    assert history.counts() == VerdictCounts(blocked=1, false_positives=1)


def test_periods_are_exact_to_the_microsecond(history: History) -> None:
    """A start belongs to its period, an end does not."""
    history.comment(OCTOBER - ONE_MICROSECOND, Verdict.SPAM)
    history.comment(OCTOBER, Verdict.SPAM)
    missed_spam = history.comment(NOVEMBER - ONE_MICROSECOND, Verdict.PUBLISH)
    history.label(missed_spam, SPAM, at=DECEMBER)
    history.comment(NOVEMBER, Verdict.REVIEW)
    history.comment(DECEMBER, Verdict.DISCARD)
    october = VerdictCounts(published=1, blocked=1, missed_spam=1)
    assert count_verdicts(history.connection, history.site_id, MONTHS) == [october, VerdictCounts(held=1, blocked=1)]
    assert count_verdicts(history.connection, history.site_id, MONTHS, DECEMBER) == [october, VerdictCounts(held=1)]
    assert first_decided_at(history.connection, history.site_id) == OCTOBER - ONE_MICROSECOND


def test_sites_are_counted_apart(history: History, other_site: Site) -> None:
    """Verdicts, labels and calls of another site do not count."""
    other = History(history.connection, other_site)
    other.label(other.comment(OCTOBER, Verdict.PUBLISH), SPAM, at=OCTOBER)
    assert history.counts() == VerdictCounts() and first_decided_at(history.connection, history.site_id) is None
    assert count_calls(history.connection, history.site_id, OCTOBER, NOVEMBER) == 0
    assert other.counts() == VerdictCounts(published=1, missed_spam=1)


def test_labels_without_a_decision_do_not_count(history: History) -> None:
    """An imported label contradicts no verdict."""
    (comment_id,) = comments.add(history.connection, history.site_id, [(b"key", Comment("Old"))], OCTOBER)
    history.label(comment_id, SPAM, channel="import")
    assert history.counts() == VerdictCounts()


def test_calls_are_checks_and_labels_of_the_blog(history: History) -> None:
    """A recheck is another call; labels of the queue and of imports are none."""
    comment_id = history.comment(OCTOBER, Verdict.REVIEW)
    history.decide(comment_id, OCTOBER + ONE_MICROSECOND, Verdict.SPAM)
    for channel in ("akismet", "api", "queue", "import"):
        history.label(comment_id, HAM, at=OCTOBER, channel=channel)
    history.label(comment_id, HAM, at=NOVEMBER)
    assert count_calls(history.connection, history.site_id, OCTOBER, NOVEMBER) == 4
    assert count_calls(history.connection, history.site_id, NOVEMBER, DECEMBER) == 1
