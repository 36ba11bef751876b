"""Repetition in a real installation: campaigns add up, threads of thanks do not, and people's labels decide."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select

from moderation.actions.check import CheckRequest, check_comment, check_comments, preview_comment
from moderation.actions.labelling import label_decision, withdraw_label
from moderation.actions.repetition import look_up, purge_appearances
from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue, Reason
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.repetition import CODES, MAX_APPEARANCES, MAX_WEIGHT, REPETITION_DESCRIPTIONS
from moderation.settings import Settings
from moderation.storage import tables
from moderation.wiring import open_services, replace_secret
from tests.conftest import Clock

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
ADVERT = "our workshop repairs every kind of garden furniture and delivers it to your door within a few days"
SHOP = "https://shop.example"


def send(services: Services, site: Site, comment: Comment) -> Decision:
    return check_comment(services, site, CheckRequest(comment)).decision


def advert(number: int) -> Comment:
    """Return one comment of a campaign: the same text and site, under another name on another page."""
    return Comment(ADVERT, author=f"Author {number}", url=SHOP, permalink=f"https://blog.example/{number % 20}")


def repetition(decision: Decision) -> dict[str, Reason]:
    return {reason.code: reason for reason in decision.score.reasons if reason.code in REPETITION_DESCRIPTIONS}


def count_rows(services: Services) -> int:
    statement = select(func.count()).select_from(tables.appearances)
    return services.kept_connection.read(lambda connection: connection.execute(statement).scalar_one())


def test_a_campaign_adds_up(services: Services, site: Site, clock: Clock) -> None:
    """Each repetition weighs more, up to the limit, and the reasons state the counts."""
    decisions = [send(services, site, advert(number)) for number in range(MAX_APPEARANCES)]
    weights = [sum(reason.weight for reason in repetition(decision).values()) for decision in decisions]
    assert weights[0] == 0 < weights[1] <= weights[2]
    assert all(later > earlier - 1e-9 for earlier, later in pairwise(weights))
    assert weights[-1] == pytest.approx(MAX_WEIGHT)
    score = decisions[-1].score
    assert score.bias + sum(reason.weight for reason in score.reasons) == pytest.approx(score.logit)
    found = repetition(decisions[3])
    assert set(found) == {"REPEATED_TEXT", "REPEATED_AUTHOR_SITE"}
    assert found["REPEATED_TEXT"].detail == "sent 3 times in the last hour, under 3 other names, on 3 pages"
    clock.advance(timedelta(days=2).total_seconds())
    later = repetition(send(services, site, advert(99)))
    assert later["REPEATED_AUTHOR_SITE"].detail.startswith("sent at least 32 times in the last week, under 32 other")


def test_a_campaign_is_seen_across_sites(services: Services, site: Site) -> None:
    """One installation, two sites."""
    send(services, add_site(services, "https://other.example")[0], advert(1))
    send(services, site, advert(2))
    detail = repetition(send(services, site, advert(3)))["REPEATED_TEXT"].detail
    assert detail == "sent 2 times in the last hour, under 2 other names, on 2 pages of 2 sites"


def test_two_hundred_congratulations_are_no_campaign(services: Services, site: Site, clock: Clock) -> None:
    """Neither short wishes nor the same long sentence in one thread, with each person's own site and address."""
    wishes = ("Happy birthday!", "Happy birthday, and many happy returns of the day to you and to all of your family")
    for number in range(200):
        clock.advance(30)
        wish = Comment(
            wishes[number % 2],
            author=f"Guest {number}",
            url=f"https://guest{number}.example" if number % 3 else "",
            email=f"guest{number}@mail.example",
            permalink="https://blog.example/birthday",
        )
        assert repetition(send(services, site, wish)) == {}


def test_a_reader_who_comments_often_is_no_campaign(services: Services, site: Site) -> None:
    """The same name, site and address on many pages."""
    for number in range(20):
        comment = Comment(f"On {number}: I agree", author="Ada", url="https://ada.example", email="ada@mail.example")
        assert repetition(send(services, site, replace(comment, permalink=f"https://blog.example/{number}"))) == {}


def test_repeating_a_good_persons_site_blocks_nobody(shipped_services: Services, shipped_site: Site) -> None:
    """The weight is bounded, so an ordinary comment is no spam; after one approval nothing is left of it."""
    good = Comment(
        "I tried this last week and it worked, but the second step took me longer than you say. Which oven do you use?",
        author="Ada Lovelace",
        url="https://ada.example",
        email="ada@ada.example",
        permalink="https://blog.example/bread",
        context="Bread",
    )
    for number in range(60):
        forged = Comment("cheap pills here", author=f"Name {number}", url="https://ada.example", permalink=f"{number}")
        label_decision(
            shipped_services, shipped_site, send(shipped_services, shipped_site, forged).id, SPAM, "Eva", "queue"
        )
    attacked = send(shipped_services, shipped_site, good)
    assert attacked.verdict in (Verdict.PUBLISH, Verdict.REVIEW)
    assert sum(reason.weight for reason in repetition(attacked).values()) == pytest.approx(MAX_WEIGHT)
    label_decision(shipped_services, shipped_site, attacked.id, HAM, "Eva", "queue")
    again = send(shipped_services, shipped_site, replace(good, text="Thank you, I shall try that next time."))
    assert repetition(again) == {}


def test_labels_count_until_they_are_withdrawn(services: Services, site: Site) -> None:
    """Only the label in force counts."""

    def seen_spam() -> Reason | None:
        return repetition(preview_comment(services, site, replace(advert(9), author="Eve"))).get("SEEN_SPAM")

    first = send(services, site, advert(1))
    assert seen_spam() is None
    label_decision(services, site, first.id, SPAM, "Eva", "queue")
    label_decision(services, site, first.id, SPAM, "Eva", "api")
    reason = seen_spam()
    assert reason is not None and reason.detail == "people labelled 1 comment with it spam, and none ham"
    label_decision(services, site, first.id, HAM, "Eva", "queue")
    assert repetition(preview_comment(services, site, advert(9))) == {}
    label_decision(services, site, first.id, SPAM, "Eva", "queue")
    assert seen_spam() == reason
    withdraw_label(services, site, first.id, "Eva", "queue")
    assert seen_spam() is None


def test_previews_batches_and_retries_store_no_appearance(services: Services, site: Site) -> None:
    """A preview is no comment, a batch may be an archive, and a retry is the same comment."""
    preview_comment(services, site, advert(1))
    check_comments(services, site, [advert(1), advert(2)])
    assert count_rows(services) == 0
    first = send(services, site, advert(1))
    assert send(services, site, advert(1)).id == first.id
    check_comment(services, site, CheckRequest(advert(1), recheck=True))
    assert len(repetition(send(services, site, advert(2)))["REPEATED_TEXT"].detail) > 0
    assert repetition(send(services, site, advert(3)))["REPEATED_TEXT"].detail.startswith("sent 2 times")
    (batch,) = check_comments(services, site, [advert(4)])
    assert repetition(batch)["REPEATED_TEXT"].detail.startswith("sent 3 times")


def test_an_appearance_vanishes_after_a_week(services: Services, site: Site, clock: Clock) -> None:
    """The purge of the background thread removes it, and it is no evidence even before."""
    send(services, site, advert(1))
    clock.advance(timedelta(days=7, minutes=2).total_seconds())
    assert repetition(preview_comment(services, site, advert(2))) == {}
    assert count_rows(services) == 2
    purge_appearances(services)
    assert count_rows(services) == 0


def test_a_clock_that_is_set_back_loses_nothing(services: Services, site: Site, clock: Clock) -> None:
    """The earlier comment then lies ahead."""
    send(services, site, advert(1))
    clock.advance(-3600)
    purge_appearances(services)
    assert repetition(send(services, site, advert(2)))["REPEATED_TEXT"].detail.startswith("sent once in the last hour")


def test_parallel_workers_lose_no_appearance(services: Services, site: Site, settings: Settings) -> None:
    """Two processes store the same traits at the same time, in rows that both change."""
    workers = [replace(open_services(settings), clock=services.clock) for _ in range(2)]
    comments = [advert(number) for number in range(MAX_APPEARANCES - 4)]

    def send_half(number: int) -> None:
        for comment in comments[number::2]:
            send(workers[number], site, comment)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send_half, range(2)))
    elsewhere = replace(advert(99), permalink="https://blog.example/elsewhere")
    detail = repetition(preview_comment(services, site, elsewhere))["REPEATED_TEXT"].detail
    assert detail.startswith(f"sent {len(comments)} times in the last hour")
    for worker in workers:
        worker.engine.dispose()


def test_a_flood_stops_writing(services: Services, site: Site) -> None:
    """Once all that is remembered is of the last hour, requests do not wait for each other's rows any longer."""
    for number in range(MAX_APPEARANCES):
        send(services, site, advert(number))
    seen = look_up(services, site, ParsedComment(advert(99)))
    assert seen.keys and seen.busy_keys == set(seen.keys)


def test_no_word_of_a_comment_is_kept_beside_it(services: Services, site: Site) -> None:
    """Keys are hashes by the installation's secret: another installation has others."""
    parsed = ParsedComment(advert(1))
    other = replace(services, secret=bytes(32))
    assert set(look_up(services, site, parsed).keys).isdisjoint(look_up(other, site, parsed).keys)


def test_a_new_secret_leaves_no_trait(services: Services, site: Site, settings: Settings) -> None:
    """No comment has the keys of the former secret any longer."""
    send(services, site, advert(1))
    replace_secret(settings)
    assert count_rows(services) == 0


def test_without_a_database_there_is_no_evidence(services: Services, site: Site, settings: Settings) -> None:
    """The write of the decision, not the look-up, meets the error."""
    send(services, site, advert(1))
    broken = replace(site, storage_error="The database is locked.")
    assert look_up(services, broken, ParsedComment(advert(2))).evidence == ()


def test_every_code_is_described() -> None:
    """The queue and the documentation show the descriptions."""
    assert set(CODES.values()) < set(REPETITION_DESCRIPTIONS)


@pytest.fixture
def shipped_services(services: Services) -> Services:
    """Return services with the model that ships."""
    registry = ModelRegistry(Path(__file__).parents[2] / "models")
    return replace(services, registry=registry, live_model=LiveModel(registry))


@pytest.fixture
def shipped_site(shipped_services: Services) -> Site:
    """Return a site whose thresholds are those of the model."""
    return add_site(shipped_services, "https://blog2.example")[0]
