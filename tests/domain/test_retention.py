"""The time for which a comment is kept as it came, and the forms of its fields later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidInput
from moderation.domain.retention import DEFAULT_RETENTION, KEEP_ALL, MAX_DAYS, DecidedComment, Form, Retention
from moderation.domain.thresholds import Verdict

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SPAM = DecidedComment(1, NOW, Verdict.SPAM, NOW, None, False, None)


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


def test_a_comment_is_due_after_the_days_of_its_verdict() -> None:
    """To the second."""
    assert not SPAM.is_due(DEFAULT_RETENTION, days(30) - timedelta(seconds=1))
    assert SPAM.is_due(DEFAULT_RETENTION, days(30))
    assert not replace(SPAM, verdict=Verdict.PUBLISH).is_due(DEFAULT_RETENTION, days(89))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"value": LabelValue.HAM}, Verdict.PUBLISH),
        ({"verdict": Verdict.PUBLISH, "value": LabelValue.SPAM}, Verdict.SPAM),
        ({"verdict": Verdict.REVIEW, "removes": True}, Verdict.SPAM),
        ({"verdict": Verdict.REVIEW}, Verdict.REVIEW),
        ({"verdict": None, "decided_at": None}, Verdict.PUBLISH),
    ],
)
def test_a_label_counts_before_the_verdict(changes: dict[str, object], outcome: Verdict) -> None:
    """A comment without a decision is one of the history, which the blog published."""
    assert replace(SPAM, **changes).outcome is outcome  # type: ignore[arg-type]  # each value fits its field


def test_the_time_begins_with_the_newest_decision_or_label() -> None:
    """A person who looks at a comment after a month can take the label back for as long as any other."""
    labelled = replace(SPAM, value=LabelValue.SPAM, labelled_at=days(29))
    assert not labelled.is_due(DEFAULT_RETENTION, days(58)) and labelled.is_due(DEFAULT_RETENTION, days(59))


def test_nothing_is_due_within_an_hour_or_if_all_is_kept() -> None:
    """A request that is sent again needs its comment; a retention that keeps each field has nothing to delete."""
    at_once = replace(DEFAULT_RETENTION, spam_days=0)
    assert not SPAM.is_due(at_once, NOW + timedelta(minutes=59)) and SPAM.is_due(at_once, NOW + timedelta(hours=1))
    full = Retention(text=Form.FULL, name=Form.FULL, email=Form.FULL, url=Form.FULL)
    for kept in (KEEP_ALL, full):
        assert not kept.deletes and not SPAM.is_due(kept, days(MAX_DAYS))


def test_no_comment_is_due_since_the_newest_end() -> None:
    """It bounds the comments that a purge reads."""
    retention = Retention(publish_days=None, spam_days=7)
    assert retention.newest_end(NOW) == days(-7)


def test_a_stored_retention_is_read_again() -> None:
    """An empty text, as new sites have it, is the default."""
    retention = Retention(publish_days=None, spam_days=1, text=Form.FULL, contact="Ada <privacy@blog.example>")
    assert Retention.from_json(retention.to_json()) == retention
    assert Retention.from_json("") == DEFAULT_RETENTION


@pytest.mark.parametrize(
    "wrong", [{"spam_days": -1}, {"publish_days": MAX_DAYS + 1}, {"contact": "a\nb"}, {"contact": "a" * 201}]
)
def test_impossible_values_are_refused(wrong: dict[str, object]) -> None:
    """A sentence says why."""
    with pytest.raises(InvalidInput, match=r"kept for 0 to|contact is at most"):
        DEFAULT_RETENTION.changed(wrong)
