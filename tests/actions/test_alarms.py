"""Alarms of a site: raised by what has changed, kept with their time, and ended by themselves."""

from threading import Event

import pytest

from moderation.actions import alarms
from moderation.actions.alarms import Watch, count_alarms, examine, list_alarms, watch_site
from moderation.actions.services import Services
from moderation.actions.sites import find_site, remove_site, set_thresholds
from moderation.domain.alarms import AlarmKind
from moderation.domain.decision import LabelValue
from moderation.domain.errors import NotFound
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from tests.conftest import Clock
from tests.judged_past import OWN, Past

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM


@pytest.fixture(autouse=True)
def fewer_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare fewer comments, with the same statistics."""
    monkeypatch.setattr(alarms, "RECENT", 100)
    monkeypatch.setattr(alarms, "REFERENCE", 300)


@pytest.fixture
def past(services: Services, site: Site, clock: Clock) -> Past:
    return Past(services, set_thresholds(services, site.url, OWN), clock)


def kinds(past: Past) -> set[AlarmKind]:
    return set(examine(past.services, find_site(past.services, past.site.url)))


def test_a_usual_site_has_no_alarm(past: Past) -> None:
    """Nor has one with few comments, or none."""
    assert kinds(past) == set()
    past.add(150, text="never seen {0}")
    assert kinds(past) == set()
    past.add(400)
    assert kinds(past) == set()


def test_scores_that_drift(past: Past) -> None:
    """Compared under one model only: a new one scores otherwise."""
    past.add(300)
    past.add(100, probability=lambda chance: 0.5 + chance.random() / 2)
    assert kinds(past) == {AlarmKind.SCORES}
    past.add(50, probability=lambda chance: 0.5 + chance.random() / 2, model="other")
    assert kinds(past) == set()


def test_new_words_and_domains(past: Past) -> None:
    """A campaign in words and with links that the site never had. No sentence quotes them."""
    past.add(500)
    past.add(100, text="casino jackpot wager bonus payout http://lucky{0}.example")
    assert kinds(past) == {AlarmKind.WORDS, AlarmKind.DOMAINS}
    sentences = " ".join(examine(past.services, past.site).values())
    assert "new to the site" in sentences and "casino" not in sentences and "lucky" not in sentences


def test_verdicts_that_people_override(past: Past) -> None:
    """Against the verdict, not with it."""
    past.add(300)
    past.add(70)
    past.add(30, verdict=Verdict.SPAM, label=SPAM)
    assert AlarmKind.OVERRIDES not in kinds(past)
    past.add(70)
    past.add(30, label=SPAM)
    assert kinds(past) == {AlarmKind.OVERRIDES}


def test_loss_under_thresholds_of_its_own(past: Past) -> None:
    """Only an operator changes them, and the alarm asks for it."""
    past.add(10, verdict=Verdict.SPAM, label=HAM)
    assert kinds(past) == {AlarmKind.LOSS}
    assert "raise the spam threshold" in examine(past.services, past.site)[AlarmKind.LOSS]


def test_an_alarm_keeps_its_time_and_ends(past: Past, other_site: Site, clock: Clock) -> None:
    """It is stored once, also by another process, and lasts until the comments are as before."""
    past.add(10, verdict=Verdict.SPAM, label=HAM)
    since = clock.now
    watch_site(past.services, past.site.url)
    past.add(3, verdict=Verdict.SPAM, label=HAM)
    watch_site(past.services, past.site.url)
    (alarm,) = list_alarms(past.services)
    assert (alarm.site_url, alarm.kind, alarm.since) == (
        past.site.url,
        AlarmKind.LOSS,
        since,
    ) and "13 of 13" in alarm.detail
    assert list_alarms(past.services, other_site) == []
    assert [count_alarms(past.services, kind) for kind in (AlarmKind.LOSS, AlarmKind.WORDS)] == [1, 0]
    past.add(900, verdict=Verdict.PUBLISH, label=HAM)
    set_thresholds(past.services, past.site.url, None)
    watch_site(past.services, past.site.url)
    assert AlarmKind.LOSS not in {each.kind for each in list_alarms(past.services)}


def test_a_round_examines_each_site_once(past: Past, other_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a call; a site that was removed since is passed over."""
    examined: list[str] = []
    monkeypatch.setattr(alarms, "watch_site", lambda _, url: examined.append(url))
    watch = Watch(past.services)
    for _ in range(5):
        assert watch(Event()) is False
    assert sorted(examined) == [past.site.url, other_site.url]
    monkeypatch.undo()
    again = Watch(past.services)
    again(Event())
    for url in (past.site.url, other_site.url):
        remove_site(past.services, url)
    again(Event())
    with pytest.raises(NotFound):
        watch_site(past.services, past.site.url)
