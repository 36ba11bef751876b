"""An empty field that a site never fills was not collected, so it is no evidence in any channel."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from moderation.actions.check import CheckRequest, check_comment, check_comments, find_decision, preview_comment
from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.domain.comment import AUTHOR_FIELDS, Comment
from moderation.domain.decision import Decision
from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import OnError, Site
from moderation.settings import Settings
from moderation.storage.collected_fields import MAX_COMMENTS, REFRESH_SECONDS
from moderation.wiring import open_services
from tests.conftest import Clock

ABSENT = Comment("Ten good shops for watches, all of them cheap.", type="comment")
EMPTY = replace(ABSENT, author="", url="", email="")
FILLED = replace(ABSENT, author="Ines", url="https://ines.example", email="ines@ines.example")
WITH_NAME = replace(FILLED, url="", email="")


@pytest.fixture
def other_process(settings: Settings, clock: Clock) -> Iterator[Services]:
    """Services with their own memory, as those of another process."""
    opened = replace(open_services(settings), clock=clock)
    yield opened
    opened.engine.dispose()


def check(services: Services, site: Site, comment: Comment, number: int = 0) -> Decision:
    """Return the decision. The number distinguishes the request from a retry."""
    return check_comment(services, site, CheckRequest(comment, identifiers=[f"{os.getpid()}-{number}"])).decision


def test_a_field_that_was_never_filled_is_unknown(services: Services, site: Site) -> None:
    """An empty field has the decision of an absent one, in a check, a preview and a batch, and is stored as absent."""
    absent, empty = check(services, site, ABSENT), check(services, site, EMPTY, 1)
    assert (empty.score, empty.comment) == (absent.score, ABSENT)
    assert find_decision(services, site, empty.id)[0].comment == ABSENT
    assert preview_comment(services, site, EMPTY).score == absent.score
    assert [decision.score for decision in check_comments(services, site, [EMPTY, ABSENT])] == [absent.score] * 2


def test_a_field_that_was_filled_once_is_empty(services: Services, site: Site, clock: Clock) -> None:
    """From then on its absence is a fact, and each field is seen for itself."""
    check(services, site, WITH_NAME)
    clock.advance(REFRESH_SECONDS)
    assert check(services, site, EMPTY, 1).comment == replace(ABSENT, author="")
    check(services, site, FILLED)
    clock.advance(REFRESH_SECONDS)
    assert check(services, site, EMPTY, 2).comment == EMPTY
    assert preview_comment(services, site, EMPTY).comment == EMPTY


def test_a_batch_that_fills_a_field_shows_that_it_is_collected(services: Services, site: Site) -> None:
    """The comments of one call are known to each other."""
    decided = check_comments(services, site, [EMPTY, FILLED, WITH_NAME])
    assert [decision.comment for decision in decided] == [EMPTY, FILLED, WITH_NAME]


def test_only_the_last_comments_count(services: Services, site: Site, clock: Clock) -> None:
    """A form without the field no longer collects it."""
    check(services, site, FILLED)
    for number in range(MAX_COMMENTS - 1):
        clock.advance(1)
        check(services, site, EMPTY, number)
    clock.advance(REFRESH_SECONDS)
    assert check(services, site, EMPTY, MAX_COMMENTS).comment == EMPTY
    clock.advance(REFRESH_SECONDS)
    assert check(services, site, EMPTY, MAX_COMMENTS + 1).comment == ABSENT


def test_a_look_up_serves_a_minute_or_fifty_comments(services: Services, site: Site, other_process: Services) -> None:
    """What another process stored counts after that."""
    find = services.collected_fields.find
    now = services.clock()
    assert find(site.id, now) == frozenset()
    check(other_process, site, FILLED)
    assert [find(site.id, now) for _ in range(MAX_COMMENTS - 1)] == [frozenset()] * (MAX_COMMENTS - 1)
    assert find(site.id, now) == frozenset(AUTHOR_FIELDS)


def test_a_clock_that_was_set_back_keeps_no_look_up(services: Services, site: Site, clock: Clock) -> None:
    """A look-up of the future is made again."""
    assert check(services, site, EMPTY).comment == ABSENT
    check(services, site, FILLED)
    clock.advance(-3600)
    assert check(services, site, EMPTY, 1).comment == EMPTY


def test_sites_are_strangers(services: Services, site: Site, other_site: Site, clock: Clock) -> None:
    """A field that one site fills is unknown at another."""
    check(services, site, FILLED)
    clock.advance(REFRESH_SECONDS)
    assert check(services, other_site, EMPTY).comment == ABSENT
    assert check(services, site, EMPTY).comment == EMPTY


def test_without_a_database_the_last_look_up_counts(services: Services, clock: Clock) -> None:
    """The answer of a site that wants one without a database depends on no look-up."""
    site = replace(add_site(services, "https://calm.example", None)[0], on_error=OnError.REVIEW)
    check(services, site, FILLED)
    assert preview_comment(services, site, EMPTY).comment == EMPTY
    clock.advance(REFRESH_SECONDS)
    unreachable = replace(site, storage_error="The database is away.")
    assert preview_comment(services, unreachable, EMPTY).comment == EMPTY
    with pytest.raises(StorageUnavailable):
        check(services, replace(unreachable, on_error=OnError.ERROR), EMPTY, 1)


def test_a_retry_has_its_decision_whatever_was_learnt_since(services: Services, site: Site, clock: Clock) -> None:
    """A request is recognized by what was sent."""
    first = check(services, site, EMPTY)
    check(services, site, FILLED)
    services.collected_fields.find(site.id, services.clock(), uses=MAX_COMMENTS)
    assert check(services, site, EMPTY) == first


def test_spans_belong_to_the_comment_that_was_judged(services: Services, site: Site, clock: Clock) -> None:
    """A decision is explained as it was made, also after the field was filled."""
    decision = check(services, site, EMPTY)
    check(services, site, FILLED)
    clock.advance(REFRESH_SECONDS)
    found = find_decision(services, site, decision.id)[0]
    assert any(reason.spans for reason in found.score.reasons)
    assert [(one.code, one.weight) for one in found.score.reasons] == [
        (one.code, one.weight) for one in decision.score.reasons
    ]
