"""A site's people are reminded of what they said of comments like this one, and of nothing else."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, update

from moderation.actions.check import check_comment
from moderation.actions.desk import Desk
from moderation.actions.neighbours import LEAST_ALIKE, MOST, MOST_OF_LABEL, SHOWN, fill_in, neighbours_of_text
from moderation.actions.neighbours import neighbours_of as found_of
from moderation.actions.review import held_items, resolve
from moderation.actions.teach import import_labels, label_comment, label_decision, withdraw_label
from moderation.assembly import prepare
from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision, LabelValue, Neighbour
from moderation.domain.site import Moderator, Site
from moderation.settings import Settings
from moderation.storage import tables
from moderation.storage.engine import reading, writing
from tests.conftest import Clock

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
TEXT = "Our shop has sheds of oak and pine, sent to any garden within a week."
LIKE = "Our shop has sheds of oak and beech, sent to any garden within a month."
OTHER = "Thank you, the second photograph of the lake is lovely; where was it taken?"


def neighbours_of(desk: Desk, decision: Decision) -> list[Neighbour]:
    (found,) = found_of(desk, [decision])
    return found


def rows(desk: Desk) -> set[tuple[object, ...]]:
    with reading(desk.engine) as connection:
        return {tuple(row) for row in connection.execute(select(tables.bands))}


def rebuilt(desk: Desk) -> set[tuple[object, ...]]:
    """The bands as they follow from the log alone."""
    with writing(desk.engine) as connection:
        connection.execute(delete(tables.bands))
    fill_in(desk)
    return rows(desk)


def test_a_neighbour_is_named_with_what_was_said(desk: Desk, site: Site, clock: Clock) -> None:
    """The label, who gave it, when, and how alike the two are."""
    label = label_comment(desk, site, Comment(LIKE), SPAM, "mara", "queue")
    label_comment(desk, site, Comment(OTHER), HAM, "mara", "queue")
    clock.advance(86_400)
    (found,) = neighbours_of(desk, check_comment(desk, site, Comment(TEXT)))
    assert (found.text, found.label) == (LIKE, label) and found.label.given_at == clock() - timedelta(days=1)
    assert LEAST_ALIKE <= found.alike < 1.0


def test_a_comment_is_not_its_own_neighbour(desk: Desk, site: Site) -> None:
    """But the same words, sent once more, are the nearest of all."""
    first = check_comment(desk, site, Comment(TEXT))
    label_decision(desk, site, first.id, SPAM, "api", "api")
    assert neighbours_of(desk, first) == []
    (found,) = neighbours_of(desk, check_comment(desk, site, Comment(TEXT.upper())))
    assert found.alike == 1.0


def test_other_sites_are_not_asked(desk: Desk, site: Site, teammate_site: Site) -> None:
    """What the people of one blog said is not told to those of another."""
    label_comment(desk, teammate_site, Comment(TEXT), SPAM, "ana", "queue")
    assert neighbours_of(desk, check_comment(desk, site, Comment(TEXT))) == []


def test_the_last_label_counts_and_none_that_was_taken_back(desk: Desk, site: Site) -> None:
    """A change of mind changes what is recalled."""
    decision = check_comment(desk, site, Comment(LIKE))
    for value in (SPAM, HAM):
        label_decision(desk, site, decision.id, value, "api", "api")
        assert [one.label.value for one in neighbours_of_text(desk, site.id, TEXT)] == [value]
    withdraw_label(desk, site, decision.id, "api", "api")
    assert neighbours_of_text(desk, site.id, TEXT) == []


def test_the_queue_and_imports_count(desk: Desk, holding_site: Site, moderator: Moderator) -> None:
    """Through whichever door a label came."""
    check_comment(desk, holding_site, Comment(LIKE))
    resolve(desk, held_items(desk)[0].id, HAM, moderator)
    import_labels(desk, holding_site, [(Comment(TEXT + " Order now."), SPAM)])
    found = neighbours_of_text(desk, holding_site.id, TEXT)
    assert [(one.label.who, one.label.value) for one in found] == [("import", SPAM), ("mara", HAM)]


def test_few_are_named_and_no_text_twice(desk: Desk, site: Site) -> None:
    """At most three of a label and five in all, the most alike first; of equal texts the newest."""
    import_labels(desk, site, [(Comment(f"{TEXT} Number {number}."), SPAM) for number in range(10, 20)])
    import_labels(desk, site, [(Comment(f"{TEXT} Number {number}!!"), HAM) for number in range(20, 30)])
    found = neighbours_of_text(desk, site.id, TEXT)
    assert len(found) == MOST and all(
        sum(one.label.value is value for one in found) <= MOST_OF_LABEL for value in (HAM, SPAM)
    )
    assert [one.alike for one in found] == sorted((one.alike for one in found), reverse=True)
    import_labels(desk, site, [(Comment(LIKE * 9), SPAM)] * 3)
    found = neighbours_of_text(desk, site.id, LIKE * 9)
    assert [one.alike for one in found].count(1.0) == 1 and len(found[0].text) == SHOWN


def test_a_flood_hides_no_word_for_the_other_side(desk: Desk, site: Site) -> None:
    """However often one template was called spam, the ham that is like it is recalled, by as few queries as ever."""
    label_comment(desk, site, Comment(LIKE), HAM, "mara", "queue")
    import_labels(desk, site, [(Comment(f"{TEXT} {number}"), SPAM) for number in range(600)])
    fetched = 0

    def count(*arguments: object) -> None:
        nonlocal fetched
        fetched += 1

    event.listen(desk.engine, "after_cursor_execute", count)
    found = neighbours_of_text(desk, site.id, TEXT)
    assert {one.label.value for one in found} == {HAM, SPAM} and fetched <= 4


def test_what_was_labelled_before_is_filled_in(desk: Desk, site: Site, settings: Settings) -> None:
    """`moderation init` lets comments be found that an older version labelled, or read with other features."""
    import_labels(desk, site, [(Comment(f"{OTHER} {number}"), HAM) for number in range(450)])
    label_comment(desk, site, Comment(LIKE), SPAM, "mara", "queue")
    before = rows(desk)
    with writing(desk.engine) as connection:
        connection.execute(update(tables.bands).values(version=0, band=tables.bands.c.band + 1))
        connection.execute(delete(tables.bands).where(tables.bands.c.comment_id < 200))
    prepare(settings).engine.dispose()
    assert rows(desk) == before and fill_in(desk) == 0


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.sampled_from((TEXT, LIKE, OTHER, "")), st.sampled_from((HAM, SPAM, None))), max_size=6))
def test_bands_follow_from_the_log(desk: Desk, site: Site, said: list[tuple[str, LabelValue | None]]) -> None:
    """What is found at any moment is what the log of labels alone would give."""
    for text, value in said:
        decision = check_comment(desk, site, Comment(text))
        label_decision(desk, site, decision.id, SPAM, "api", "api")
        if value is None:
            withdraw_label(desk, site, decision.id, "api", "api")
        else:
            label_decision(desk, site, decision.id, value, "api", "akismet")
    assert rows(desk) == rebuilt(desk)


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "👍", "x" * 100_000])
def test_any_text_has_its_likes(desk: Desk, site: Site, text: str) -> None:
    """The shortest, the oddest and the longest text can be labelled and found again."""
    label_comment(desk, site, Comment(text), SPAM, "mara", "queue")
    (found,) = neighbours_of_text(desk, site.id, text)
    assert found.alike == 1.0
