"""The page of a site: a chart and sentences, each held by what the service has stored."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from moderation.actions.labelling import label_decision
from moderation.actions.overview import OVERVIEW_DAYS, DayTraffic
from moderation.actions.services import Services
from moderation.domain.alarms import AlarmKind
from moderation.domain.audit import AuditDraw
from moderation.domain.decision import LabelValue
from moderation.storage import alarms
from moderation.storage.engine import write_transaction
from moderation.web.queue.site_page import CHART_HEIGHT, CHART_WIDTH, chart
from tests.conftest import Clock
from tests.web.conftest import DISCARD_ALL, HOLD_ALL, PUBLISH_ALL, SPAM_ALL, Blog, Browser


@pytest.fixture
def services(services: Services) -> Services:
    """The services with an audit that draws every automatic decision."""
    return replace(services, audit=AuditDraw(services.secret, 1.0))


def page(blog: Blog, browser: Browser) -> str:
    return re.sub(r"\s+", " ", browser.read(f"/queue/sites/{blog.site.id}"))


def test_a_new_site_has_a_page(blog: Blog, mara: Browser) -> None:
    """Without a comment there is no chart, and nothing is claimed."""
    shown = page(blog, mara)
    assert "0 comments in 30 days: 0 published, 0 held, 0 blocked." in shown and "<svg" not in shown
    assert "Nothing waits." in shown and "Not known yet: 0 comments are drawn" in shown
    assert "has published or blocked no comment" in shown


def test_traffic_queue_and_overrides_are_counted(blog: Blog, mara: Browser, clock: Clock) -> None:
    """By the newest verdict, with the age of the oldest item that waits."""
    blog.set_thresholds(HOLD_ALL)
    blog.score("The first one")
    clock.now += timedelta(hours=3)
    for thresholds, number in ((PUBLISH_ALL, 3), (SPAM_ALL, 2), (DISCARD_ALL, 1)):
        blog.set_thresholds(thresholds)
        decisions = [blog.score(f"Comment {number} {place} under these thresholds") for place in range(number)]
    label_decision(blog.services, blog.site, decisions[0]["id"], LabelValue.HAM, "mara", "queue")
    shown = page(blog, mara)
    assert "7 comments in 30 days: 3 published, 1 held, 3 blocked." in shown
    assert "contradicted 1 of the 6 comments" in shown and "(17 %)" in shown
    assert "the oldest for 3 hours" in shown
    assert shown.count("<rect") == 3 and "3 published, 1 held, 3 blocked</title>" in shown
    assert "Ham lost: " in shown and "from the labels of 1 of the 6 comments drawn" in shown


def test_the_model_and_its_figures_are_named(blog: Blog, mara: Browser) -> None:
    """With the thresholds in force and their protection."""
    model = blog.services.live_model.current()
    shown = page(blog, mara)
    assert f"{model.id}, trained on" in shown and "<dt>review</dt>" in shown and "No guarantee yet" in shown


def test_problems_come_first(blog: Blog, mara: Browser, clock: Clock) -> None:
    """An alarm of the site is on its page."""
    with write_transaction(blog.services.engine) as connection:
        alarms.put(connection, blog.site.id, {AlarmKind.SCORES: "The scores changed."}, clock.now)
    shown = page(blog, mara)
    assert 0 < shown.index("The scores changed. Since") < shown.index('id="traffic"')


def test_an_unknown_site_is_not_found(mara: Browser) -> None:
    """A removed one too, and a number that no database takes."""
    assert mara.get("/queue/sites/77").status_code == 404
    assert mara.get(f"/queue/sites/{10**30}").status_code == 404


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 0), (3, 2, 5), (10**9, 1, 10**9)])
def test_columns_stay_inside_the_chart(counts: tuple[int, int, int]) -> None:
    """The parts of a column touch, and none leaves the picture, without comments or with a thousand million."""
    first = date(2026, 11, 1)
    days = [DayTraffic(first + timedelta(days=day), *counts) for day in range(OVERVIEW_DAYS)]
    drawn = chart(days)
    assert drawn.highest == sum(counts) and (drawn.first, drawn.last) == (days[0].day, days[-1].day)
    for place, (_, bars) in enumerate(drawn.columns):
        bottom = float(CHART_HEIGHT)
        for bar in bars:
            assert bar.y + bar.height == pytest.approx(bottom, abs=0.2) and bar.y >= -0.1
            assert place * CHART_WIDTH / OVERVIEW_DAYS <= bar.x + 0.1 and bar.x + bar.width <= CHART_WIDTH
            bottom = bar.y
