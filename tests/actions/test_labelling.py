"""Labels are logged, the newest one is in force, and any label can be withdrawn."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.labelling import (
    export_labels,
    import_labels,
    label_comment,
    label_decision,
    read_label_log,
    remove_comment,
    withdraw_label,
)
from moderation.actions.retries import MAX_RETRY_SECONDS
from moderation.actions.review import count_held
from moderation.actions.services import Services
from moderation.actions.similarity import find_similar_to_text
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.csv_cells import EXPORT_COLUMNS
from moderation.domain.decision import Label, LabelOrigin, LabelValue, Moderator
from moderation.domain.errors import NotFound
from moderation.domain.site import Site
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.conftest import Clock
from tests.queue_lists import decide, held_items

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
COMMENT = Comment(text="Buy a shed, cheap!", author="Otto")


def log_length(services: Services) -> int:
    with read_transaction(services.engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.labels)).scalar_one()


def exported(services: Services, site: Site | None) -> list[tuple[str, str]]:
    return [(row["text"], row["label"]) for row in export_labels(services, site)]


def test_a_label_is_found_with_its_decision(services: Services, site: Site) -> None:
    """The label in force is returned with the decision."""
    decision = check_comment(services, site, CheckRequest(COMMENT, spans=True)).decision
    label = label_decision(services, site, decision.id, SPAM, "key abcd", "api")
    assert label == Label(SPAM, "key abcd", "api", services.clock(), decision_id=decision.id)
    assert find_decision(services, site, decision.id) == (decision, label)


def test_the_newest_label_is_in_force(services: Services, site: Site, clock: Clock) -> None:
    """A later label replaces an earlier one; the log keeps both."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    label_decision(services, site, decision.id, SPAM, "a", "api")
    clock.advance(1)
    label_decision(services, site, decision.id, HAM, "b", "akismet")
    _, label = find_decision(services, site, decision.id)
    assert label is not None
    assert (label.value, label.labelled_by, label.channel) == (HAM, "b", "akismet")
    assert log_length(services) == 2


def test_a_repeated_label_is_stored_once(services: Services, site: Site, clock: Clock) -> None:
    """A repeated request gets the first label again; through another channel it is a new label."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    first = label_decision(services, site, decision.id, SPAM, "a", "api")
    clock.advance(1)
    assert label_decision(services, site, decision.id, SPAM, "a", "api") == first
    assert log_length(services) == 1
    label_decision(services, site, decision.id, SPAM, "a", "akismet")
    assert log_length(services) == 2


def test_a_label_can_be_withdrawn(services: Services, site: Site) -> None:
    """A withdrawal is a row of the log; after it no label is in force."""
    decision = check_comment(services, site, CheckRequest(COMMENT, spans=True)).decision
    label_decision(services, site, decision.id, SPAM, "a", "api")
    withdrawal = Label(None, "b", "api", services.clock(), decision_id=decision.id)
    assert withdraw_label(services, site, decision.id, "b", "api") == withdrawal
    assert find_decision(services, site, decision.id) == (decision, None)
    assert log_length(services) == 2


def test_a_repeated_withdrawal_is_stored_once(services: Services, site: Site) -> None:
    """A withdrawal without a label changes nothing and is no error."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    assert withdraw_label(services, site, decision.id, "a", "api").value is None
    assert log_length(services) == 0
    label_decision(services, site, decision.id, SPAM, "a", "api")
    assert withdraw_label(services, site, decision.id, "b", "api") == withdraw_label(
        services, site, decision.id, "c", "api"
    )
    assert log_length(services) == 2


def test_another_sites_decision_cannot_be_labelled(services: Services, site: Site, other_site: Site) -> None:
    """A decision of another site can be neither labelled nor withdrawn."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    with pytest.raises(NotFound):
        label_decision(services, other_site, decision.id, SPAM, "a", "api")
    with pytest.raises(NotFound):
        withdraw_label(services, other_site, decision.id, "a", "api")
    assert log_length(services) == 0


def test_a_label_through_any_channel_closes_the_queue_item(services: Services, hold_all_site: Site) -> None:
    """A comment that was labelled elsewhere needs no review."""
    by_id = check_comment(services, hold_all_site, CheckRequest(COMMENT)).decision
    by_content = check_comment(
        services, hold_all_site, CheckRequest(replace(COMMENT, text="Another thing altogether"))
    ).decision
    label_decision(services, hold_all_site, by_id.id, HAM, "a", "api")
    assert [item.decision.id for item in held_items(services)] == [by_content.id]
    label_comment(services, hold_all_site, by_content.comment, SPAM, "a", "akismet")
    assert count_held(services) == 0


def test_a_described_comment_is_found_again(services: Services, site: Site) -> None:
    """Case, slashes and absent fields do not hide the decision that the caller describes."""
    decision = check_comment(
        services, site, CheckRequest(Comment(text="It's a <b>Deal</b>", author="Otto", email="o@otto.example"))
    ).decision
    label = label_comment(services, site, Comment(text="it\\'s a deal"), SPAM, "a", "akismet")
    assert find_decision(services, site, decision.id)[1] == label


def test_the_newest_of_equal_comments_is_labelled(services: Services, site: Site, clock: Clock) -> None:
    """Of several equal comments the newest gets the label."""
    first = check_comment(services, site, CheckRequest(COMMENT)).decision
    clock.advance(MAX_RETRY_SECONDS + 1)
    second = check_comment(services, site, CheckRequest(COMMENT)).decision
    label = label_comment(services, site, COMMENT, SPAM, "a", "akismet")
    assert find_decision(services, site, first.id)[1] is None
    assert find_decision(services, site, second.id)[1] == label


def test_another_authors_equal_text_keeps_its_label(services: Services, site: Site) -> None:
    """Where both authors are known, equal texts of two authors are two comments."""
    otto = check_comment(services, site, CheckRequest(Comment(text="Nice post", author="Otto"))).decision
    mia = check_comment(services, site, CheckRequest(Comment(text="Nice post", author="Mia"))).decision
    label_comment(services, site, Comment(text="Nice post", author="Otto"), SPAM, "a", "akismet")
    assert find_decision(services, site, mia.id)[1] is None
    assert find_decision(services, site, otto.id)[1] is not None


def test_an_unknown_comment_can_be_labelled(services: Services, site: Site) -> None:
    """A comment from before the installation can be reported; a second report adds nothing."""
    label_comment(services, site, COMMENT, SPAM, "a", "akismet")
    label_comment(services, site, COMMENT, SPAM, "a", "akismet")
    assert exported(services, site) == [(COMMENT.text, "spam")]
    assert log_length(services) == 1


def test_sites_do_not_share_comments(services: Services, site: Site, other_site: Site) -> None:
    """A label never applies to another site's comment with the same text."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    label_comment(services, other_site, COMMENT, SPAM, "a", "akismet")
    assert find_decision(services, site, decision.id)[1] is None
    assert exported(services, site) == []
    assert exported(services, other_site) == [(COMMENT.text, "spam")]
    assert exported(services, None) == [(COMMENT.text, "spam")]


def test_export_has_the_columns_of_a_corpus(services: Services, site: Site) -> None:
    """An export can be used for training unchanged: all fields of the comment and the URL of the site."""
    comment = Comment(text="Hi", author="Mia", lang="en", context="Lakes", permalink=f"{site.url}/lakes", type="reply")
    label_comment(services, site, comment, HAM, "a", "api")
    (row,) = export_labels(services, site)
    assert tuple(row) == EXPORT_COLUMNS
    fields = {name: row[name] for name in COMMENT_FIELDS}
    assert fields == {name: getattr(comment, name) or "" for name in COMMENT_FIELDS}
    assert (row["site"], row["label"]) == (site.url, "ham")


def test_an_export_can_be_imported(services: Services, site: Site, other_site: Site) -> None:
    """Labels move from one site to another unchanged, over more than one page."""
    rows = [(Comment(text=f"Words {number}", author="Mia"), [HAM, SPAM][number % 2]) for number in range(1203)]
    assert import_labels(services, site, rows) == (1203, 0, 0)
    assert exported(services, site) == [(comment.text, value.value) for comment, value in rows]
    moved = (
        (Comment(text=row["text"], author=row["author"]), LabelValue(row["label"]))
        for row in export_labels(services, site)
    )
    assert import_labels(services, other_site, moved) == (1203, 0, 0)
    assert exported(services, other_site) == exported(services, site)


def test_an_aborted_import_stores_nothing(services: Services, site: Site) -> None:
    """An error in the middle of a file leaves none of its rows behind."""

    def broken() -> Iterator[tuple[Comment, LabelValue]]:
        yield COMMENT, SPAM
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        import_labels(services, site, broken())
    assert exported(services, site) == []
    assert import_labels(services, site, []) == (0, 0, 0)


def test_importing_the_same_labels_twice_stores_nothing_twice(services: Services, site: Site, other_site: Site) -> None:
    """Known rows are counted; another author or site is not known."""
    rows = [(Comment(f"Words {number}", author="Mia", email="\x00"), [HAM, SPAM][number % 2]) for number in range(1203)]
    first = import_labels(services, site, [*rows, rows[0]])
    assert (first.stored, first.known) == (1203, 1)
    assert import_labels(services, site, rows) == (0, 0, 1203)
    assert log_length(services) == 1203
    others = [(replace(rows[0][0], author="Ben"), HAM)]
    assert import_labels(services, site, [*others, *rows[:5]]) == (1, 0, 5)
    assert import_labels(services, other_site, rows[:5]) == (5, 0, 0)


def test_the_newest_label_counts_in_an_import(services: Services, hold_all_site: Site, clock: Clock) -> None:
    """A contradictory row labels the stored comment, as the click of a moderator would; so it does after a withdrawal.

    Of contradictory rows in one file the last one counts. An import of the same file again changes nothing.
    """
    other = Comment("Another one")
    assert import_labels(services, hold_all_site, [(COMMENT, SPAM), (other, SPAM), (COMMENT, HAM)]) == (2, 0, 1)
    assert exported(services, hold_all_site) == [(COMMENT.text, "ham"), (other.text, "spam")]
    contradiction = [(COMMENT, SPAM), (other, SPAM)]
    assert import_labels(services, hold_all_site, contradiction) == (0, 1, 1)
    assert import_labels(services, hold_all_site, contradiction) == (0, 0, 2)
    assert exported(services, hold_all_site) == [(COMMENT.text, "spam"), (other.text, "spam")]
    assert {similar.label.value for similar in find_similar_to_text(services, hold_all_site.id, COMMENT.text)} == {SPAM}

    decision = check_comment(services, hold_all_site, CheckRequest(Comment("Held for a person"))).decision
    label_decision(services, hold_all_site, decision.id, SPAM, "mara", "queue")
    withdraw_label(services, hold_all_site, decision.id, "mara", "queue")
    again = check_comment(services, hold_all_site, CheckRequest(Comment("Held for a person"), recheck=True)).decision
    assert import_labels(services, hold_all_site, [(Comment("Held for a person"), HAM)]) == (0, 1, 0)
    imported = Label(HAM, "import", "import", clock.now, LabelOrigin.IMPORT)
    assert find_decision(services, hold_all_site, again.id)[1] == imported
    assert count_held(services) == 0


def test_a_label_from_the_queue_is_known_to_an_import(services: Services, site: Site) -> None:
    """Exported labels that come back add nothing, and a label that was changed since counts as it is now."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    label_decision(services, site, decision.id, SPAM, "mara", "queue")
    assert import_labels(services, site, [(COMMENT, SPAM)]) == (0, 0, 1)
    label_decision(services, site, decision.id, HAM, "mara", "queue")
    assert import_labels(services, site, [(COMMENT, HAM)]) == (0, 0, 1)
    assert import_labels(services, site, [(COMMENT, SPAM)]) == (0, 1, 0)


values = st.sampled_from([HAM, SPAM])
channels = st.sampled_from(["api", "akismet", "queue"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(texts=st.lists(st.text(st.characters(), max_size=20), min_size=1, max_size=4), data=st.data())
def test_a_withdrawn_label_leaves_no_trace_in_the_export(
    services: Services, site: Site, texts: list[str], data: st.DataObject
) -> None:
    """After a withdrawal the export is the same as before the labels."""
    kept = check_comment(services, site, CheckRequest(Comment(text="the one that stays"))).decision
    label_decision(services, site, kept.id, HAM, "a", "api")
    before = list(export_labels(services, site))
    for decision in [check_comment(services, site, CheckRequest(Comment(text=text))).decision for text in texts]:
        for value, channel in data.draw(st.lists(st.tuples(values, channels), min_size=1, max_size=3)):
            label_decision(services, site, decision.id, value, "a", channel)
        assert len(list(export_labels(services, site))) == len(before) + 1
        withdraw_label(services, site, decision.id, "a", "api")
        assert list(export_labels(services, site)) == before
        assert find_decision(services, site, decision.id)[1] is None


def test_the_log_says_all_about_a_label(services: Services, site: Site, clock: Clock) -> None:
    """Each row has who, when, channel, decision, reason and origin, and when and by whom it was revoked."""
    decision = check_comment(services, site, CheckRequest(COMMENT)).decision
    said = clock.now
    label_decision(services, site, decision.id, SPAM, "ann", "queue", reason="sells sheds")
    clock.advance(60)
    label_decision(services, site, decision.id, HAM, "bob", "api", origin=LabelOrigin.SWEEP)
    clock.advance(60)
    withdraw_label(services, site, decision.id, "ann", "queue", reason="not sure")
    withdrawal, ham, spam = read_label_log(services, site, decision.id)
    assert spam.label == Label(SPAM, "ann", "queue", said, reason="sells sheds", decision_id=decision.id)
    assert (spam.revoked_at, spam.revoked_by) == (ham.label.created_at, "bob")
    assert (ham.label.origin, ham.revoked_by) == (LabelOrigin.SWEEP, "ann")
    assert (withdrawal.label.verb, withdrawal.label.reason, withdrawal.revoked_at) == ("forget", "not sure", None)


def test_the_log_can_be_read_in_parts(services: Services, site: Site, other_site: Site) -> None:
    """The newest rows come first, those of one site alone if it is named."""
    for blog in (site, other_site, site):
        decision = check_comment(services, blog, CheckRequest(replace(COMMENT, author=blog.url))).decision
        label_decision(services, blog, decision.id, SPAM, "ann", "queue")
        label_decision(services, blog, decision.id, HAM, "ann", "queue")
    everything = read_label_log(services, None)
    assert [entry.id for entry in everything] == sorted((entry.id for entry in everything), reverse=True)
    assert read_label_log(services, None, before=everything[1].id, limit=2) == everything[2:4]
    assert {entry.site_url for entry in read_label_log(services, other_site)} == {other_site.url}
    with pytest.raises(NotFound):
        read_label_log(services, other_site, everything[0].label.decision_id)


def test_an_unknown_comment_has_no_decision_in_the_log(services: Services, site: Site) -> None:
    """A described comment has the decision that stands for it, if there is one."""
    label_comment(services, site, COMMENT, SPAM, "a", "akismet")
    decision = check_comment(services, site, CheckRequest(Comment("Hello there"))).decision
    label_comment(services, site, Comment("Hello there"), HAM, "a", "akismet")
    assert [entry.label.decision_id for entry in read_label_log(services, site)] == [decision.id, None]


@pytest.mark.parametrize(("seconds", "origin"), [(1.9, LabelOrigin.BULK), (2, LabelOrigin.SINGLE)])
def test_a_blog_passes_a_stroke_on_in_many_calls(
    services: Services, site: Site, clock: Clock, seconds: float, origin: LabelOrigin
) -> None:
    """Labels of one reporter that follow each other too fast for a person are a stroke; those of two are none."""
    for text in ("one", "two"):
        label_comment(services, site, Comment(text), HAM, "ann", "akismet")
        clock.advance(seconds)
    label_comment(services, site, Comment("three"), HAM, "bob", "akismet")
    assert [entry.label.origin for entry in read_label_log(services, site)] == [
        LabelOrigin.SINGLE,
        origin,
        LabelOrigin.SINGLE,
    ]


def test_labels_of_a_file_say_so(services: Services, site: Site) -> None:
    """New comments of a file and those whose label it changes have the origin of a file."""
    import_labels(services, site, [(COMMENT, SPAM)])
    import_labels(services, site, [(COMMENT, HAM)])
    assert {entry.label.origin for entry in read_label_log(services, site)} == {LabelOrigin.IMPORT}


def test_a_removed_comment_teaches_nothing(services: Services, hold_all_site: Site) -> None:
    """It leaves the queue, has no label any longer, and a second removal adds nothing."""
    decision = check_comment(services, hold_all_site, CheckRequest(COMMENT)).decision
    label_decision(services, hold_all_site, decision.id, HAM, "ann", "queue")
    for _ in range(2):
        assert remove_comment(services, hold_all_site, decision.id, "bob", "api", reason="off topic").verb == "remove"
    assert find_decision(services, hold_all_site, decision.id)[1] is None
    assert (count_held(services), exported(services, None), log_length(services)) == (0, [], 2)
    assert find_similar_to_text(services, hold_all_site.id, COMMENT.text) == []
    with pytest.raises(NotFound):
        remove_comment(services, hold_all_site, "0" * 32, "bob", "api")


def test_a_forgotten_decision_waits_again(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """The queue item opens again, and can be decided the other way."""
    decision = check_comment(services, hold_all_site, CheckRequest(COMMENT)).decision
    (item,) = held_items(services)
    decide(services, item, SPAM, moderator)
    withdraw_label(services, hold_all_site, decision.id, "ann", "api")
    assert [held.id for held in held_items(services)] == [item.id]
    remove_comment(services, hold_all_site, decision.id, "ann", "api")
    assert count_held(services) == 0
    withdraw_label(services, hold_all_site, decision.id, "ann", "api")
    decide(services, item, HAM, moderator)
    verbs = [entry.label.verb for entry in read_label_log(services, hold_all_site)]
    assert verbs == ["ham", "forget", "remove", "forget", "spam"]
