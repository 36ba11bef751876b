"""A label is met by the next comment of its site, by every process, and a forgotten label leaves no trace."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from moderation.actions.check import CheckRequest, check_comment, check_comments, find_decision, preview_comment
from moderation.actions.label_content import count_lessons, make_features, pack_features
from moderation.actions.labelling import (
    append_label,
    apply_label,
    import_labels,
    label_comment,
    label_decision,
    withdraw_label,
)
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelValue, Moderator, Score
from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.features.extraction import FEATURES_VERSION
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from moderation.scoring.site_weights import LEARNT_HERE, SiteWeights
from moderation.settings import Settings
from moderation.storage import comments, lessons, site_weights_cache, tables
from moderation.storage.engine import read_transaction, write_transaction
from moderation.storage.site_weights_cache import SiteWeightsCache
from moderation.wiring import open_services
from tests.conftest import Clock
from tests.queue_lists import decide, held_items

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
THRESHOLDS = Thresholds(0.4, 0.9, 0.9999)
DISPUTED = Comment(
    "Cheap watches and cheap shoes, buy now at http://best-deals.example before the casino bonus ends today",
    author="Best Deals",
    email="otto@orchard.example",
)
ADVERT = Comment("We took photos on the walk: http://quiet-meadow.example", author="Uta")
NEXT_ADVERT = Comment("Anyone here who has been to http://quiet-meadow.example lately, is it open?", author="Lena")
PROBES = [DISPUTED, ADVERT, NEXT_ADVERT, Comment("Thank you, that solved it."), Comment("Buy cheap pills online now")]


@pytest.fixture
def blog(services: Services, site: Site) -> Site:
    """Return a site that sets its own thresholds."""
    return set_thresholds(services, site.url, THRESHOLDS)


def learnt(services: Services, site: Site) -> list[Score]:
    """Return the scores of the probes with what the site has learnt."""
    model = services.live_model.current()
    weights = services.site_weights_cache.find(site, model)
    return scores(services, weights)


def rebuilt(services: Services, site: Site) -> list[Score]:
    """Return the same by a process that has just begun."""
    cache = SiteWeightsCache(services.engine, services.kept_connection)
    return scores(services, cache.find(site, services.live_model.current()))


def scores(services: Services, weights: SiteWeights | None) -> list[Score]:
    model = services.live_model.current()
    return [
        score(model, ParsedComment(comment), site_weights=weights, thresholds_of=lambda _: THRESHOLDS)
        for comment in PROBES
    ]


def verdict(services: Services, site: Site, comment: Comment) -> Verdict:
    return check_comment(services, site, CheckRequest(comment)).decision.verdict


def learnt_details(decision: Decision) -> list[str]:
    return [reason.detail for reason in decision.score.reasons if reason.code == LEARNT_HERE]


def stored_features(services: Services) -> dict[int, bytes]:
    with read_transaction(services.engine) as connection:
        rows = connection.execute(tables.label_features.select()).mappings()
        return {row["comment_id"]: row["features"] for row in rows}


def made_features(services: Services) -> dict[int, bytes]:
    """Return the features of all labelled comments, from their texts."""
    with read_transaction(services.engine) as connection:
        labelled = connection.execute(tables.labels.select()).mappings().all()
        newest = {row["comment_id"]: row["value"] for row in labelled}
        return {
            comment_id: pack_features(comments.get(connection, comment_id))
            for comment_id, value in newest.items()
            if value is not None
        }


def test_an_approved_comment_that_is_sent_again_is_published(services: Services, blog: Site) -> None:
    """A label decides the next check, recheck, preview and batch of its comment."""
    stopped = check_comment(services, blog, CheckRequest(DISPUTED)).decision
    assert stopped.verdict in (Verdict.SPAM, Verdict.REVIEW)
    label_decision(services, blog, stopped.id, HAM, "mara", "queue")
    published = check_comment(services, blog, CheckRequest(DISPUTED)).decision
    assert published.verdict is Verdict.PUBLISH
    assert learnt_details(published) == ["like a comment labelled ham, by mara on 2 January 2026"]
    assert check_comment(services, blog, CheckRequest(DISPUTED, recheck=True)).decision.verdict is Verdict.PUBLISH
    assert preview_comment(services, blog, DISPUTED).verdict is Verdict.PUBLISH
    assert [decision.verdict for decision in check_comments(services, blog, [DISPUTED])] == [Verdict.PUBLISH]


def test_an_advertiser_who_was_marked_is_stopped(services: Services, blog: Site) -> None:
    """The next comment with the same link is not published, also by another name."""
    passed = check_comment(services, blog, CheckRequest(ADVERT)).decision
    assert passed.verdict is Verdict.PUBLISH
    label_decision(services, blog, passed.id, SPAM, "mara", "queue")
    decision = check_comment(services, blog, CheckRequest(NEXT_ADVERT)).decision
    assert decision.verdict is not Verdict.PUBLISH and learnt_details(decision)


def test_a_retry_after_a_label_is_judged_again(services: Services, blog: Site) -> None:
    """A comment that passed a moment ago and comes again after its advertiser was marked is stopped."""
    assert verdict(services, blog, NEXT_ADVERT) is Verdict.PUBLISH
    passed = check_comment(services, blog, CheckRequest(ADVERT)).decision
    label_decision(services, blog, passed.id, SPAM, "mara", "queue")
    again = check_comment(services, blog, CheckRequest(NEXT_ADVERT))
    assert again.decision.verdict is not Verdict.PUBLISH and again.is_new
    assert not check_comment(services, blog, CheckRequest(NEXT_ADVERT)).is_new


def test_a_label_of_one_site_changes_nothing_at_another(services: Services, blog: Site, other_site: Site) -> None:
    """Not a bit of a score."""
    before = learnt(services, other_site)
    label_comment(services, blog, ADVERT, SPAM, "mara", "queue")
    assert learnt(services, blog) != before
    assert learnt(services, other_site) == before == rebuilt(services, other_site)


def test_all_processes_meet_a_label(services: Services, blog: Site, settings: Settings) -> None:
    """The next request of another process has what the first one was told, and forgets it as soon."""
    others = open_services(settings)
    assert learnt(others, blog) == learnt(services, blog)
    decision = check_comment(services, blog, CheckRequest(ADVERT)).decision
    label_decision(services, blog, decision.id, SPAM, "mara", "queue")
    assert verdict(others, blog, NEXT_ADVERT) is not Verdict.PUBLISH
    assert learnt(others, blog) == learnt(services, blog)
    withdraw_label(others, blog, decision.id, "mara", "queue")
    assert learnt(services, blog) == learnt(others, blog) == scores(services, None)
    others.engine.dispose()


def test_the_last_weights_stand_while_the_database_cannot_be_read(
    services: Services, blog: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that publishes without a database still stops what it was told to stop."""
    label_comment(services, blog, ADVERT, SPAM, "mara", "queue")
    known = learnt(services, blog)
    assert known != scores(services, None)
    assert learnt(services, replace(blog, storage_error="The database is locked.")) == known

    def fail(*_: object) -> None:
        raise StorageUnavailable("The database is locked.")

    monkeypatch.setattr(services.kept_connection, "read", fail)
    assert learnt(services, blog) == known


def test_a_site_that_left_the_memory_is_read_again(
    services: Services, blog: Site, other_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory is limited, and a site that comes back has learnt the same."""
    monkeypatch.setattr(site_weights_cache, "MAX_SITES", 1)
    label_comment(services, blog, ADVERT, SPAM, "mara", "queue")
    label_comment(services, other_site, ADVERT, HAM, "mara", "queue")
    first, second = learnt(services, blog), learnt(services, other_site)
    assert first != second
    assert (learnt(services, blog), learnt(services, other_site)) == (first, second)


def test_an_explanation_keeps_what_was_learnt(services: Services, blog: Site) -> None:
    """The stored weight stays, with spans of all other reasons, although the site has learnt more since."""
    label_comment(services, blog, ADVERT, SPAM, "mara", "queue")
    decision = check_comment(services, blog, CheckRequest(ADVERT, spans=True)).decision
    label_comment(services, blog, DISPUTED, SPAM, "mara", "queue")
    found, _ = find_decision(services, blog, decision.id)
    assert found.score == decision.score
    assert LEARNT_HERE in [reason.code for reason in found.score.reasons]
    assert any(reason.spans for reason in found.score.reasons)


def test_labels_of_all_channels_keep_their_features(
    services: Services, blog: Site, hold_all_site: Site, moderator: Moderator, clock: Clock
) -> None:
    """Each label stores the features of the comment as it is stored; a withdrawn one deletes them."""
    by_id = check_comment(services, blog, CheckRequest(ADVERT)).decision
    label_decision(services, blog, by_id.id, SPAM, "key abcd", "api")
    check_comment(services, blog, CheckRequest(DISPUTED))
    label_comment(services, blog, replace(DISPUTED, text=DISPUTED.text.upper()), HAM, "akismet", "akismet")
    label_comment(services, blog, Comment("New here\x00, and \ud800 odd"), HAM, "akismet", "akismet")
    check_comment(services, hold_all_site, CheckRequest(NEXT_ADVERT))
    (item,) = held_items(services)
    decide(services, item, SPAM, moderator)
    clock.advance(1)
    import_labels(services, blog, [(Comment("Imported, the first"), HAM), (ADVERT, HAM)])
    assert len(stored_features(services)) == 5
    assert stored_features(services) == made_features(services)
    withdraw_label(services, blog, by_id.id, "key abcd", "api")
    assert len(stored_features(services)) == 4
    assert stored_features(services) == made_features(services)
    assert count_lessons(services, blog) == (3, 0) and count_lessons(services, None) == (4, 0)


def test_features_of_another_version_are_made_anew(services: Services, blog: Site) -> None:
    """They teach nothing until then, and are counted."""
    for number in range(3):
        label_comment(services, blog, replace(ADVERT, author=f"Uta {number}"), SPAM, "mara", "queue")
    before = rebuilt(services, blog)
    with write_transaction(services.engine) as connection:
        connection.execute(tables.label_features.update().values(features_version=FEATURES_VERSION - 1))
    assert count_lessons(services, blog) == (0, 3)
    assert rebuilt(services, blog) == scores(services, None)
    assert (make_features(services), make_features(services)) == (3, 0)
    assert count_lessons(services, blog) == (3, 0)
    assert rebuilt(services, blog) == before


class Said(NamedTuple):
    """A label that a person gives one of some comments, or `None` to forget it."""

    comment: int
    value: LabelValue | None
    channel: str


TEXTS = [ADVERT, NEXT_ADVERT, DISPUTED, Comment("Thank you, that solved it.")]
_SAID = st.lists(
    st.builds(
        Said,
        st.integers(0, len(TEXTS) - 1),
        st.sampled_from([HAM, SPAM, None]),
        st.sampled_from(["queue", "akismet", "api"]),
    ),
    max_size=7,
)


@pytest.fixture
def new_site(services: Services) -> Callable[[], tuple[Site, list[int]]]:
    """Return a function that adds a site with the comments `TEXTS`, and returns their ids."""
    count = 0

    def create() -> tuple[Site, list[int]]:
        nonlocal count
        count += 1
        site, _ = add_site(services, f"https://blog-{count}.example")
        hashed = [(ParsedComment(comment).content_hash, comment) for comment in TEXTS]
        return site, services.writer.run(lambda connection: comments.add(connection, site.id, hashed, NOON))

    return create


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def say(services: Services, site: Site, comment_id: int, said: Said, at: datetime) -> None:
    label = Label(said.value, "mara", said.channel, at)
    services.writer.run(lambda connection: apply_label(connection, site, comment_id, label, None))


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(_SAID)
def test_a_forgotten_label_leaves_no_trace(
    services: Services, new_site: Callable[[], tuple[Site, list[int]]], said: list[Said]
) -> None:
    """Any sequence teaches the same as without the labels that were forgotten, followed and rebuilt, bit for bit."""
    (told, told_ids), (plain, plain_ids) = new_site(), new_site()
    last_forgotten = {one.comment: number for number, one in enumerate(said) if one.value is None}
    for number, one in enumerate(said):
        at = NOON + timedelta(days=number)
        say(services, told, told_ids[one.comment], one, at)
        services.site_weights_cache.find(told, services.live_model.current())
        if number > last_forgotten.get(one.comment, -1):
            say(services, plain, plain_ids[one.comment], one, at)
    followed = learnt(services, told)
    assert followed == rebuilt(services, told) == learnt(services, plain) == rebuilt(services, plain)


def test_a_thousand_labels_are_forgotten_exactly(services: Services, blog: Site) -> None:
    """A bulk stroke that was a mistake is taken back: the site is as it was."""
    label_comment(services, blog, ADVERT, SPAM, "mara", "queue")
    before = learnt(services, blog)
    rows = [(Comment(f"Good point {number}, thank you", author=f"Name {number}"), SPAM) for number in range(1_000)]
    import_labels(services, blog, rows)
    assert learnt(services, blog) != before
    with read_transaction(services.engine) as connection:
        changes = lessons.changes_after(connection, blog.id, 0)[1:]
    withdrawal = Label(None, "mara", "queue", services.clock())

    def forget(connection: Connection) -> None:
        for change in changes:
            append_label(connection, blog.id, change.comment_id, withdrawal, None)

    services.writer.run(forget, slow=True)
    assert len(changes) == 1_000
    assert learnt(services, blog) == before == rebuilt(services, blog)
