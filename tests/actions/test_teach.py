"""What people say is logged, the last word holds, and any word can be taken back."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from moderation.actions.check import check_comment, find_decision
from moderation.actions.desk import Desk
from moderation.actions.review import count_held, held_items
from moderation.actions.teach import (
    EXPORT_COLUMNS,
    export_labels,
    import_labels,
    label_comment,
    label_decision,
    withdraw_label,
)
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.errors import NotFound
from moderation.domain.judgement import Label, LabelValue
from moderation.domain.site import Site
from moderation.storage import tables
from moderation.storage.engine import reading
from tests.conftest import Clock

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
COMMENT = Comment(text="Buy a shed, cheap!", author="Otto")


def log_length(desk: Desk) -> int:
    with reading(desk.engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.labels)).scalar_one()


def exported(desk: Desk, site: Site | None) -> list[tuple[str, str]]:
    return [(row["text"], row["label"]) for row in export_labels(desk, site)]


def test_a_label_holds(desk: Desk, site: Site) -> None:
    """What a person says of a decision is found with it."""
    decision = check_comment(desk, site, COMMENT)
    label = label_decision(desk, site, decision.id, SPAM, "key abcd", "api")
    assert label == Label(SPAM, "key abcd", "api", desk.clock())
    assert find_decision(desk, site, decision.id) == (decision, label)


def test_the_last_label_holds(desk: Desk, site: Site, clock: Clock) -> None:
    """A later word replaces an earlier one; the log keeps both."""
    decision = check_comment(desk, site, COMMENT)
    label_decision(desk, site, decision.id, SPAM, "a", "api")
    clock.advance(1)
    label_decision(desk, site, decision.id, HAM, "b", "akismet")
    _, label = find_decision(desk, site, decision.id)
    assert label is not None
    assert (label.value, label.who, label.source) == (HAM, "b", "akismet")
    assert log_length(desk) == 2


def test_saying_it_twice_is_saying_it_once(desk: Desk, site: Site, clock: Clock) -> None:
    """A client that repeats a request leaves one row and gets the first label again; another door counts anew."""
    decision = check_comment(desk, site, COMMENT)
    first = label_decision(desk, site, decision.id, SPAM, "a", "api")
    clock.advance(1)
    assert label_decision(desk, site, decision.id, SPAM, "a", "api") == first
    assert log_length(desk) == 1
    label_decision(desk, site, decision.id, SPAM, "a", "akismet")
    assert log_length(desk) == 2


def test_a_label_can_be_taken_back(desk: Desk, site: Site) -> None:
    """A withdrawal is a row of its own; after it no label holds."""
    decision = check_comment(desk, site, COMMENT)
    label_decision(desk, site, decision.id, SPAM, "a", "api")
    assert withdraw_label(desk, site, decision.id, "b", "api") == Label(None, "b", "api", desk.clock())
    assert find_decision(desk, site, decision.id) == (decision, None)
    assert log_length(desk) == 2


def test_taking_back_twice_is_taking_back_once(desk: Desk, site: Site) -> None:
    """A withdrawal of nothing changes nothing, and is no error."""
    decision = check_comment(desk, site, COMMENT)
    assert withdraw_label(desk, site, decision.id, "a", "api").value is None
    assert log_length(desk) == 0
    label_decision(desk, site, decision.id, SPAM, "a", "api")
    assert withdraw_label(desk, site, decision.id, "b", "api") == withdraw_label(desk, site, decision.id, "c", "api")
    assert log_length(desk) == 2


def test_another_site_may_not_teach(desk: Desk, site: Site, teammate_site: Site) -> None:
    """A decision of another site can be neither labelled nor withdrawn."""
    decision = check_comment(desk, site, COMMENT)
    with pytest.raises(NotFound):
        label_decision(desk, teammate_site, decision.id, SPAM, "a", "api")
    with pytest.raises(NotFound):
        withdraw_label(desk, teammate_site, decision.id, "a", "api")
    assert log_length(desk) == 0


def test_a_label_from_any_door_empties_the_queue(desk: Desk, holding_site: Site) -> None:
    """What somebody labelled elsewhere waits for nobody."""
    by_id = check_comment(desk, holding_site, COMMENT)
    by_content = check_comment(desk, holding_site, replace(COMMENT, text="Another thing altogether"))
    label_decision(desk, holding_site, by_id.id, HAM, "a", "api")
    assert [item.decision for item in held_items(desk)] == [by_content]
    label_comment(desk, holding_site, by_content.comment, SPAM, "a", "akismet")
    assert count_held(desk) == 0


def test_a_described_comment_is_found_again(desk: Desk, site: Site) -> None:
    """Letter case, slashes and fields that one side lacks do not hide the decision that is meant."""
    decision = check_comment(desk, site, Comment(text="It's a <b>Deal</b>", author="Otto", email="o@otto.example"))
    label = label_comment(desk, site, Comment(text="it\\'s a deal"), SPAM, "a", "akismet")
    assert find_decision(desk, site, decision.id)[1] == label


def test_the_newest_comment_is_meant(desk: Desk, site: Site) -> None:
    """Of several equal comments the label goes to the newest."""
    first = check_comment(desk, site, COMMENT)
    second = check_comment(desk, site, COMMENT)
    label = label_comment(desk, site, COMMENT, SPAM, "a", "akismet")
    assert find_decision(desk, site, first.id)[1] is None
    assert find_decision(desk, site, second.id)[1] == label


def test_two_people_may_say_the_same(desk: Desk, site: Site) -> None:
    """Where both sides know the author, another author's equal words are another comment."""
    otto = check_comment(desk, site, Comment(text="Nice post", author="Otto"))
    mia = check_comment(desk, site, Comment(text="Nice post", author="Mia"))
    label_comment(desk, site, Comment(text="Nice post", author="Otto"), SPAM, "a", "akismet")
    assert find_decision(desk, site, mia.id)[1] is None
    assert find_decision(desk, site, otto.id)[1] is not None


def test_a_comment_never_seen_is_learnt_all_the_same(desk: Desk, site: Site) -> None:
    """What was published before we came can still be reported; reporting it again adds nothing."""
    label_comment(desk, site, COMMENT, SPAM, "a", "akismet")
    label_comment(desk, site, COMMENT, SPAM, "a", "akismet")
    assert exported(desk, site) == [(COMMENT.text, "spam")]
    assert log_length(desk) == 1


def test_sites_do_not_share_comments(desk: Desk, site: Site, teammate_site: Site) -> None:
    """A label never lands on another site's comment, however equal."""
    decision = check_comment(desk, site, COMMENT)
    label_comment(desk, teammate_site, COMMENT, SPAM, "a", "akismet")
    assert find_decision(desk, site, decision.id)[1] is None
    assert exported(desk, site) == []
    assert exported(desk, teammate_site) == [(COMMENT.text, "spam")]
    assert exported(desk, None) == [(COMMENT.text, "spam")]


def test_export_has_the_columns_of_a_corpus(desk: Desk, site: Site) -> None:
    """An export can be trained on as it is: all that the blog sent, and its address, in named columns."""
    comment = Comment(text="Hi", author="Mia", lang="en", context="Lakes", permalink=f"{site.url}/lakes", type="reply")
    label_comment(desk, site, comment, HAM, "a", "api")
    (row,) = export_labels(desk, site)
    assert tuple(row) == EXPORT_COLUMNS
    said = {name: row[name] for name in COMMENT_FIELDS}
    assert said == {name: getattr(comment, name) or "" for name in COMMENT_FIELDS}
    assert (row["site"], row["label"]) == (site.url, "ham")


def test_import_is_what_export_gives(desk: Desk, site: Site, teammate_site: Site) -> None:
    """Labels move from one site to another and stay the same, over more than a page of them."""
    rows = [(Comment(text=f"Words {number}", author="Mia"), [HAM, SPAM][number % 2]) for number in range(1203)]
    assert import_labels(desk, site, rows) == 1203
    assert exported(desk, site) == [(comment.text, value.value) for comment, value in rows]
    moved = (
        (Comment(text=row["text"], author=row["author"]), LabelValue(row["label"])) for row in export_labels(desk, site)
    )
    assert import_labels(desk, teammate_site, moved) == 1203
    assert exported(desk, teammate_site) == exported(desk, site)


def test_an_import_that_breaks_off_leaves_nothing(desk: Desk, site: Site) -> None:
    """A file that turns out bad in the middle is not half there."""

    def broken() -> Iterator[tuple[Comment, LabelValue]]:
        yield COMMENT, SPAM
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        import_labels(desk, site, broken())
    assert exported(desk, site) == []
    assert import_labels(desk, site, []) == 0


words = st.sampled_from([HAM, SPAM])
doors = st.sampled_from(["api", "akismet", "queue"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(texts=st.lists(st.text(st.characters(), max_size=20), min_size=1, max_size=4), said=st.data())
def test_learn_and_withdraw_is_never_learnt(desk: Desk, site: Site, texts: list[str], said: st.DataObject) -> None:
    """However often a comment was labelled, once that is withdrawn the export is as if it never had been."""
    kept = check_comment(desk, site, Comment(text="the one that stays"))
    label_decision(desk, site, kept.id, HAM, "a", "api")
    before = list(export_labels(desk, site))
    for decision in [check_comment(desk, site, Comment(text=text)) for text in texts]:
        for value, door in said.draw(st.lists(st.tuples(words, doors), min_size=1, max_size=3)):
            label_decision(desk, site, decision.id, value, "a", door)
        assert len(list(export_labels(desk, site))) == len(before) + 1
        withdraw_label(desk, site, decision.id, "a", "api")
        assert list(export_labels(desk, site)) == before
        assert find_decision(desk, site, decision.id)[1] is None
