"""Moderators see how similar comments of the same site were labelled, and no others."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, update

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import import_labels, label_comment, label_decision, withdraw_label
from moderation.actions.services import Services
from moderation.actions.similarity import (
    MAX_EXCERPT_LENGTH,
    MAX_SIMILAR,
    MAX_SIMILAR_PER_LABEL,
    MIN_SIMILARITY,
    find_similar_to_decision,
    find_similar_to_text,
    index_missing,
)
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelValue, Moderator, SimilarComment
from moderation.domain.site import Site
from moderation.features import minhash
from moderation.settings import Settings
from moderation.storage import tables
from moderation.storage.engine import read_transaction, write_transaction
from moderation.wiring import prepare
from tests.conftest import Clock
from tests.queue_lists import decide, held_items

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
TEXT = "Our shop has sheds of oak and pine, sent to any garden within a week."
SIMILAR = "Our shop has sheds of oak and beech, sent to any garden within a month."
OTHER = "Thank you, the second photograph of the lake is lovely; where was it taken?"


def find_similar(services: Services, decision: Decision) -> list[SimilarComment]:
    return find_similar_to_decision(services, decision)


def rows(services: Services) -> set[tuple[object, ...]]:
    with read_transaction(services.engine) as connection:
        return {tuple(row) for row in connection.execute(select(tables.similarity_index))}


def rebuilt(services: Services) -> set[tuple[object, ...]]:
    """Rebuild the index from the label log and return its rows."""
    with write_transaction(services.engine) as connection:
        connection.execute(delete(tables.similarity_index))
    index_missing(services)
    return rows(services)


def test_a_similar_comment_comes_with_its_label(services: Services, site: Site, clock: Clock) -> None:
    """The label, its author and time, and the similarity."""
    label = label_comment(services, site, Comment(SIMILAR), SPAM, "mara", "queue")
    label_comment(services, site, Comment(OTHER), HAM, "mara", "queue")
    clock.advance(86_400)
    (similar,) = find_similar(services, check_comment(services, site, CheckRequest(Comment(TEXT))).decision)
    assert (similar.text, similar.label) == (SIMILAR, label)
    assert similar.label.created_at == clock() - timedelta(days=1)
    assert MIN_SIMILARITY <= similar.similarity < 1.0


def test_a_comment_is_not_similar_to_itself(services: Services, site: Site) -> None:
    """But the same text sent again has the similarity 1."""
    first = check_comment(services, site, CheckRequest(Comment(TEXT))).decision
    label_decision(services, site, first.id, SPAM, "api", "api")
    assert find_similar(services, first) == []
    (similar,) = find_similar(services, check_comment(services, site, CheckRequest(Comment(TEXT.upper()))).decision)
    assert similar.similarity == 1.0


def test_other_sites_are_not_searched(services: Services, site: Site, other_site: Site) -> None:
    """Labels of one site are not shown to another."""
    label_comment(services, other_site, Comment(TEXT), SPAM, "ana", "queue")
    assert find_similar(services, check_comment(services, site, CheckRequest(Comment(TEXT))).decision) == []


def test_only_labels_in_force_count(services: Services, site: Site) -> None:
    """A changed label changes the result, and a withdrawn label removes it."""
    decision = check_comment(services, site, CheckRequest(Comment(SIMILAR))).decision
    for value in (SPAM, HAM):
        label_decision(services, site, decision.id, value, "api", "api")
        assert [similar.label.value for similar in find_similar_to_text(services, site.id, TEXT)] == [value]
    withdraw_label(services, site, decision.id, "api", "api")
    assert find_similar_to_text(services, site.id, TEXT) == []


def test_labels_of_all_channels_count(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """A label counts through any channel."""
    check_comment(services, hold_all_site, CheckRequest(Comment(SIMILAR)))
    decide(services, held_items(services)[0], HAM, moderator)
    import_labels(services, hold_all_site, [(Comment(TEXT + " Order now."), SPAM)])
    results = find_similar_to_text(services, hold_all_site.id, TEXT)
    assert [(similar.label.labelled_by, similar.label.value) for similar in results] == [
        ("import", SPAM),
        ("mara", HAM),
    ]


def test_results_are_limited_and_distinct(services: Services, site: Site) -> None:
    """At most three of a label and five in all, the most similar first; of equal texts the newest."""
    import_labels(services, site, [(Comment(f"{TEXT} Number {number}."), SPAM) for number in range(10, 20)])
    import_labels(services, site, [(Comment(f"{TEXT} Number {number}!!"), HAM) for number in range(20, 30)])
    results = find_similar_to_text(services, site.id, TEXT)
    assert len(results) == MAX_SIMILAR and all(
        sum(similar.label.value is value for similar in results) <= MAX_SIMILAR_PER_LABEL for value in (HAM, SPAM)
    )
    similarities = [similar.similarity for similar in results]
    assert similarities == sorted(similarities, reverse=True)
    import_labels(services, site, [(Comment(SIMILAR * 9, author=f"Ann {number}"), SPAM) for number in range(3)])
    results = find_similar_to_text(services, site.id, SIMILAR * 9)
    assert [similar.similarity for similar in results].count(1.0) == 1
    assert len(results[0].text) == MAX_EXCERPT_LENGTH


def test_a_flood_does_not_hide_the_other_label(services: Services, site: Site) -> None:
    """Ham that is similar to a flood of spam is found, with a constant number of queries."""
    label_comment(services, site, Comment(SIMILAR), HAM, "mara", "queue")
    import_labels(services, site, [(Comment(f"{TEXT} {number}"), SPAM) for number in range(600)])
    queries = 0

    def count(*_: object) -> None:
        nonlocal queries
        queries += 1

    event.listen(services.engine, "after_cursor_execute", count)
    results = find_similar_to_text(services, site.id, TEXT)
    assert {similar.label.value for similar in results} == {HAM, SPAM} and queries <= 4


def test_bands_are_computed_before_the_database_is_locked(
    services: Services, hold_all_site: Site, moderator: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of 2,000 letters takes 3 ms, in which no other decision could be stored."""
    first = check_comment(services, hold_all_site, CheckRequest(Comment(TEXT))).decision
    check_comment(services, hold_all_site, CheckRequest(Comment(f"{TEXT} 1")))
    item = held_items(services)[0]
    compute, computed, writing = minhash.lsh_bands, [], services.writer._thread

    def watched(text: str) -> list[int]:
        assert not getattr(writing, "is_writing", False)
        computed.append(text)
        return compute(text)

    monkeypatch.setattr(minhash, "lsh_bands", watched)
    label_decision(services, hold_all_site, first.id, SPAM, "mara", "api")
    decide(services, item, HAM, moderator)
    label_comment(services, hold_all_site, Comment(OTHER), HAM, "mara", "akismet")
    import_labels(services, hold_all_site, [(Comment(SIMILAR), HAM), (Comment(OTHER), SPAM)])
    assert len(computed) == 5 and rows(services) == rebuilt(services)
    monkeypatch.undo()
    # The blog describes the comment in another spelling than it was stored in.
    label_comment(services, hold_all_site, Comment(f"{TEXT.upper()} 1"), SPAM, "mara", "akismet")
    assert rows(services) == rebuilt(services)


def test_missing_entries_are_indexed_by_init(services: Services, site: Site, settings: Settings) -> None:
    """`moderation init` indexes comments that an older version labelled or indexed with other features."""
    import_labels(services, site, [(Comment(f"{OTHER} {number}"), HAM) for number in range(450)])
    label_comment(services, site, Comment(SIMILAR), SPAM, "mara", "queue")
    before = rows(services)
    with write_transaction(services.engine) as connection:
        connection.execute(
            update(tables.similarity_index).values(
                features_version=0, band_hash=tables.similarity_index.c.band_hash + 1
            )
        )
        connection.execute(delete(tables.similarity_index).where(tables.similarity_index.c.comment_id < 200))
    prepare(settings).engine.dispose()
    assert rows(services) == before and index_missing(services) == 0


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.sampled_from((TEXT, SIMILAR, OTHER, "")), st.sampled_from((HAM, SPAM, None))), max_size=6))
def test_the_index_follows_from_the_log(
    services: Services, site: Site, labels: list[tuple[str, LabelValue | None]]
) -> None:
    """At any moment the index equals one that is rebuilt from the label log."""
    for text, value in labels:
        decision = check_comment(services, site, CheckRequest(Comment(text))).decision
        label_decision(services, site, decision.id, SPAM, "api", "api")
        if value is None:
            withdraw_label(services, site, decision.id, "api", "api")
        else:
            label_decision(services, site, decision.id, value, "api", "akismet")
    assert rows(services) == rebuilt(services)


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "👍", "x" * 100_000])
def test_any_text_is_found_again(services: Services, site: Site, text: str) -> None:
    """The shortest, the oddest and the longest text can be labelled and found."""
    label_comment(services, site, Comment(text), SPAM, "mara", "queue")
    (similar,) = find_similar_to_text(services, site.id, text)
    assert similar.similarity == 1.0
