"""What became of a site's comments: figures that people can rely on."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from moderation.actions.access import set_policy
from moderation.actions.check import check_comment
from moderation.actions.desk import Desk
from moderation.actions.review import held_items, resolve
from moderation.actions.statistics import (
    SECONDS_TO_JUDGE,
    Activity,
    By,
    Figures,
    Statistics,
    activity,
    month_start,
    statistics,
)
from moderation.actions.teach import label_decision, withdraw_label
from moderation.domain.comment import Comment
from moderation.domain.judgement import LabelValue
from moderation.domain.policy import Policy
from moderation.domain.site import Moderator, Site
from tests.conftest import HOLD_ALL, Clock

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
PUBLISH_ALL, STOP_ALL = Policy(1.0, 1.0, 1.0), Policy(1e-12, 1e-12, 1.0)


def send(desk: Desk, site: Site, policy: Policy, count: int = 1) -> str:
    """`count` comments under these lines; the id of the last decision."""
    drawn = set_policy(desk, site.url, policy)
    return [check_comment(desk, drawn, Comment(text=f"Hello {number}")).id for number in range(count)][-1]


def total(desk: Desk, site: Site) -> Figures:
    return statistics(desk, site, None, By.MONTH).total


def test_a_site_without_comments_has_noughts(desk: Desk, site: Site) -> None:
    """And an accuracy of 100: nothing was wrong."""
    assert statistics(desk, site, None, By.MONTH) == Statistics(Figures(), {})
    assert statistics(desk, site, desk.clock(), By.DAY) == Statistics(Figures(), {})
    assert Figures().accuracy == 100.0 and Figures().seconds_saved == 0


def test_what_was_held_is_ham_until_a_person_says_spam(desk: Desk, site: Site, moderator: Moderator) -> None:
    """We did not call it spam, so nobody's counter may say that we stopped it; and it is never an error of ours."""
    send(desk, site, HOLD_ALL, 3)
    assert total(desk, site) == Figures(ham=3, held=3)
    first, second = (item.id for item in held_items(desk)[:2])
    resolve(desk, first, SPAM, moderator)
    resolve(desk, second, HAM, moderator)
    assert total(desk, site) == Figures(spam=1, ham=2, held=3)
    assert total(desk, site).accuracy == 100.0


def test_errors_are_counted_until_they_are_taken_back(desk: Desk, site: Site) -> None:
    """A false positive stays among the spam, a missed spam among the ham: that is how we judged them."""
    stopped, published = send(desk, site, STOP_ALL, 3), send(desk, site, PUBLISH_ALL)
    label_decision(desk, site, stopped, HAM, "mara", "api")
    label_decision(desk, site, published, SPAM, "mara", "api")
    assert total(desk, site) == Figures(spam=3, ham=1, missed_spam=1, false_positives=1)
    assert total(desk, site).accuracy == 50.0
    withdraw_label(desk, site, published, "mara", "api")
    assert total(desk, site) == Figures(spam=3, ham=1, false_positives=1)


def test_accuracy_never_flatters() -> None:
    """It is rounded down: 100 means that not one was wrong."""
    assert Figures(spam=99_999, ham=1, false_positives=1).accuracy == 99.99
    assert Figures(spam=3, ham=0, false_positives=1).accuracy == 66.66
    assert Figures(ham=1, missed_spam=1).accuracy == 0.0


def test_time_is_saved_only_where_nobody_had_to_look() -> None:
    """Not with what was held, nor with what a person corrected."""
    figures = Figures(spam=50, ham=30, missed_spam=2, false_positives=3, held=5)
    assert figures.seconds_saved == 70 * SECONDS_TO_JUDGE


def test_the_breakdown_has_every_month_since_the_first_comment(desk: Desk, site: Site, clock: Clock) -> None:
    """Empty months too, so that a chart has no gaps; nothing before the first, whatever was asked for."""
    send(desk, site, STOP_ALL, 2)
    clock.now = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    send(desk, site, PUBLISH_ALL)
    found = statistics(desk, site, datetime(2020, 1, 1, tzinfo=UTC), By.MONTH)
    assert found.breakdown == {
        date(2026, 1, 1): Figures(spam=2),
        date(2026, 2, 1): Figures(),
        date(2026, 3, 1): Figures(ham=1),
    }
    assert found.total == Figures(spam=2, ham=1)
    assert found == statistics(desk, site, None, By.MONTH)


def test_a_period_is_counted_from_its_beginning(desk: Desk, site: Site, clock: Clock) -> None:
    """A day or month that `since` lies in is whole; those before it are not there."""
    send(desk, site, STOP_ALL)
    clock.advance(86_400)
    send(desk, site, STOP_ALL)
    clock.advance(3_600)
    by_day = statistics(desk, site, clock.now, By.DAY)
    assert by_day == Statistics(Figures(spam=1), {date(2026, 1, 3): Figures(spam=1)})
    assert statistics(desk, site, clock.now, By.MONTH).total == Figures(spam=2)


def test_days_are_those_of_utc(desk: Desk, site: Site, clock: Clock) -> None:
    """Whatever zone `since` is given in."""
    clock.now = datetime(2026, 1, 2, 23, 30, tzinfo=UTC)
    send(desk, site, STOP_ALL)
    tomorrow_in_the_east = clock.now.astimezone(timezone(timedelta(hours=5)))
    assert list(statistics(desk, site, tomorrow_in_the_east, By.DAY).breakdown) == [date(2026, 1, 2)]


def test_a_clock_that_went_back_costs_no_figure(desk: Desk, site: Site, clock: Clock) -> None:
    """Decisions of the future are counted in the newest period."""
    send(desk, site, STOP_ALL)
    clock.advance(-86_400 * 40)
    assert statistics(desk, site, None, By.MONTH).total == Figures(spam=1)


def test_the_activity_of_a_month(desk: Desk, site: Site, clock: Clock) -> None:
    """Comments are counted once, calls each time; other months do not show."""
    published = send(desk, site, PUBLISH_ALL, 2)
    clock.now = datetime(2026, 2, 3, tzinfo=UTC)
    label_decision(desk, site, published, SPAM, "mara", "akismet")
    assert activity(desk, site, datetime(2026, 1, 31, tzinfo=UTC)) == Activity(Figures(ham=2, missed_spam=1), 2)
    assert activity(desk, site, clock.now) == Activity(Figures(), 1)


def test_another_site_does_not_show(desk: Desk, site: Site, teammate_site: Site) -> None:
    """Each site sees its own figures."""
    send(desk, teammate_site, STOP_ALL)
    assert total(desk, site) == Figures() and activity(desk, site, desk.clock()).calls == 0
    assert total(desk, teammate_site) == Figures(spam=1)


@pytest.mark.parametrize(
    ("months", "start"),
    [(0, (2026, 1)), (1, (2026, 2)), (12, (2027, 1)), (-1, (2025, 12)), (-5, (2025, 8)), (-13, (2024, 12))],
)
def test_months_are_counted_over_the_turn_of_the_year(months: int, start: tuple[int, int]) -> None:
    """The start of a month, at midnight in UTC."""
    assert month_start(datetime(2026, 1, 31, 13, tzinfo=UTC), months) == datetime(*start, 1, tzinfo=UTC)
