"""The statistics of a site count each comment once, in its period and by its label."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import label_decision, withdraw_label
from moderation.actions.services import Services
from moderation.actions.sites import set_thresholds
from moderation.actions.statistics import (
    SECONDS_PER_REVIEW,
    Activity,
    Figures,
    Period,
    Statistics,
    activity,
    month_start,
    site_statistics,
)
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from tests.conftest import HOLD_ALL, Clock
from tests.queue_lists import decide, held_items

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
PUBLISH_ALL, BLOCK_ALL = Thresholds(1.0, 1.0, 1.0), Thresholds(1e-12, 1e-12, 1.0)


def send(services: Services, site: Site, thresholds: Thresholds, count: int = 1) -> str:
    """Check `count` comments under these thresholds and return the id of the last decision."""
    changed = set_thresholds(services, site.url, thresholds)
    comments = [Comment(text=f"Hello {number} under {thresholds}") for number in range(count)]
    return [check_comment(services, changed, CheckRequest(comment)).decision.id for comment in comments][-1]


def total(services: Services, site: Site) -> Figures:
    return site_statistics(services, site, None, Period.MONTH).total


def test_a_site_without_comments_has_zeros(services: Services, site: Site) -> None:
    """All counts are zero and the accuracy is 100."""
    assert site_statistics(services, site, None, Period.MONTH) == Statistics(Figures(), {})
    assert site_statistics(services, site, services.clock(), Period.DAY) == Statistics(Figures(), {})
    assert Figures().accuracy == 100.0 and Figures().seconds_saved == 0


def test_held_comments_are_ham_until_labelled_spam(services: Services, site: Site, moderator: Moderator) -> None:
    """A held comment is not counted as blocked spam before the label, and never as an error."""
    send(services, site, HOLD_ALL, 3)
    assert total(services, site) == Figures(ham=3, held=3)
    first, second = held_items(services)[:2]
    decide(services, first, SPAM, moderator)
    decide(services, second, HAM, moderator)
    assert total(services, site) == Figures(spam=1, ham=2, held=3)
    assert total(services, site).accuracy == 100.0


def test_errors_count_until_the_label_is_withdrawn(services: Services, site: Site) -> None:
    """A false positive stays among the spam, a missed spam among the ham: that was the verdict."""
    blocked, published = send(services, site, BLOCK_ALL, 3), send(services, site, PUBLISH_ALL)
    label_decision(services, site, blocked, HAM, "mara", "api")
    label_decision(services, site, published, SPAM, "mara", "api")
    assert total(services, site) == Figures(spam=3, ham=1, missed_spam=1, false_positives=1)
    assert total(services, site).accuracy == 50.0
    withdraw_label(services, site, published, "mara", "api")
    assert total(services, site) == Figures(spam=3, ham=1, false_positives=1)


def test_accuracy_is_rounded_down() -> None:
    """100 means that no verdict was wrong."""
    assert Figures(spam=99_999, ham=1, false_positives=1).accuracy == 99.99
    assert Figures(spam=3, ham=0, false_positives=1).accuracy == 66.66
    assert Figures(ham=1, missed_spam=1).accuracy == 0.0


def test_only_unreviewed_comments_save_time() -> None:
    """Held and corrected comments save none."""
    figures = Figures(spam=50, ham=30, missed_spam=2, false_positives=3, held=5)
    assert figures.seconds_saved == 70 * SECONDS_PER_REVIEW


def test_the_breakdown_has_every_month_since_the_first_comment(services: Services, site: Site, clock: Clock) -> None:
    """A chart needs empty months too; there are none before the first comment."""
    send(services, site, BLOCK_ALL, 2)
    clock.now = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    send(services, site, PUBLISH_ALL)
    statistics = site_statistics(services, site, datetime(2020, 1, 1, tzinfo=UTC), Period.MONTH)
    assert statistics.breakdown == {
        date(2026, 1, 1): Figures(spam=2),
        date(2026, 2, 1): Figures(),
        date(2026, 3, 1): Figures(ham=1),
    }
    assert statistics.total == Figures(spam=2, ham=1)
    assert statistics == site_statistics(services, site, None, Period.MONTH)


def test_a_period_is_counted_from_its_beginning(services: Services, site: Site, clock: Clock) -> None:
    """The day or month that contains `since` is counted whole, earlier ones not at all."""
    send(services, site, BLOCK_ALL)
    clock.advance(86_400)
    send(services, site, BLOCK_ALL)
    clock.advance(3_600)
    by_day = site_statistics(services, site, clock.now, Period.DAY)
    assert by_day == Statistics(Figures(spam=1), {date(2026, 1, 3): Figures(spam=1)})
    assert site_statistics(services, site, clock.now, Period.MONTH).total == Figures(spam=2)


def test_days_are_those_of_utc(services: Services, site: Site, clock: Clock) -> None:
    """The time zone of `since` does not matter."""
    clock.now = datetime(2026, 1, 2, 23, 30, tzinfo=UTC)
    send(services, site, BLOCK_ALL)
    tomorrow_in_the_east = clock.now.astimezone(timezone(timedelta(hours=5)))
    assert list(site_statistics(services, site, tomorrow_in_the_east, Period.DAY).breakdown) == [date(2026, 1, 2)]


def test_decisions_of_the_future_count(services: Services, site: Site, clock: Clock) -> None:
    """If the clock was set back, later decisions count in the newest period."""
    send(services, site, BLOCK_ALL)
    clock.advance(-86_400 * 40)
    assert site_statistics(services, site, None, Period.MONTH).total == Figures(spam=1)


def test_the_activity_of_a_month(services: Services, site: Site, clock: Clock) -> None:
    """Comments count once and calls each time, in their own month."""
    published = send(services, site, PUBLISH_ALL, 2)
    clock.now = datetime(2026, 2, 3, tzinfo=UTC)
    label_decision(services, site, published, SPAM, "mara", "akismet")
    assert activity(services, site, datetime(2026, 1, 31, tzinfo=UTC)) == Activity(Figures(ham=2, missed_spam=1), 2)
    assert activity(services, site, clock.now) == Activity(Figures(), 1)


def test_sites_are_counted_apart(services: Services, site: Site, other_site: Site) -> None:
    """A site's statistics contain no other site's comments."""
    send(services, other_site, BLOCK_ALL)
    assert total(services, site) == Figures() and activity(services, site, services.clock()).calls == 0
    assert total(services, other_site) == Figures(spam=1)


@pytest.mark.parametrize(
    ("months", "start"),
    [(0, (2026, 1)), (1, (2026, 2)), (12, (2027, 1)), (-1, (2025, 12)), (-5, (2025, 8)), (-13, (2024, 12))],
)
def test_month_start_crosses_years(months: int, start: tuple[int, int]) -> None:
    """Returns midnight in UTC of the first day."""
    assert month_start(datetime(2026, 1, 31, 13, tzinfo=UTC), months) == datetime(*start, 1, tzinfo=UTC)
