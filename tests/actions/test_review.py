"""The queue: what was held waits, is shown once, and is decided by one person."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from moderation.actions.access import add_moderator, remove_site
from moderation.actions.check import check_comment, find_decision
from moderation.actions.desk import Desk
from moderation.actions.review import count_held, held_items, resolve, skip
from moderation.actions.teach import export_labels, label_decision
from moderation.domain.comment import Comment
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.judgement import Decision, Label, LabelValue
from moderation.domain.site import Moderator, Site
from tests.conftest import PASSWORD

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM


def hold(desk: Desk, site: Site, count: int) -> list[Decision]:
    """The decisions that are held, newest first."""
    return [check_comment(desk, site, Comment(text=f"Held {number}")) for number in range(count)][::-1]


def test_newest_first_in_pages(desk: Desk, holding_site: Site) -> None:
    """The pages follow each other without a gap or a repeat, even when something new comes in between."""
    decisions = hold(desk, holding_site, 5)
    first = held_items(desk, limit=2)
    hold(desk, holding_site, 1)
    second = held_items(desk, before=first[-1].id, limit=2)
    third = held_items(desk, before=second[-1].id, limit=2)
    assert [item.decision for item in first + second + third] == decisions
    assert held_items(desk, before=third[-1].id) == []
    assert count_held(desk) == 6


def test_an_item_names_its_site(desk: Desk, holding_site: Site) -> None:
    """A moderator of several blogs sees where a comment belongs, and since when it waits."""
    hold(desk, holding_site, 1)
    (item,) = held_items(desk)
    assert (item.site_url, item.opened_at) == (holding_site.url, desk.clock())


@pytest.mark.parametrize("value", [HAM, SPAM])
def test_a_moderator_decides(desk: Desk, holding_site: Site, moderator: Moderator, value: LabelValue) -> None:
    """The item is gone and the label holds, under the moderator's name."""
    (decision,) = hold(desk, holding_site, 1)
    resolve(desk, held_items(desk)[0].id, value, moderator)
    assert held_items(desk, include_skipped=True) == []
    assert find_decision(desk, holding_site, decision.id)[1] == Label(value, "mara", "queue", desk.clock())
    assert [row["label"] for row in export_labels(desk, holding_site)] == [value.value]


def test_the_slower_one_hears_who_was_faster(desk: Desk, holding_site: Site, moderator: Moderator) -> None:
    """A second decision is refused by name and outcome, and the first stays."""
    (decision,) = hold(desk, holding_site, 1)
    item_id = held_items(desk)[0].id
    resolve(desk, item_id, HAM, moderator)
    late = add_moderator(desk, "late", PASSWORD)
    with pytest.raises(Conflict, match="mara was faster and called it ham"):
        resolve(desk, item_id, SPAM, late)
    label = find_decision(desk, holding_site, decision.id)[1]
    assert label is not None
    assert (label.value, label.who) == (HAM, "mara")


def test_a_label_from_outside_is_faster_too(desk: Desk, holding_site: Site, moderator: Moderator) -> None:
    """The queue says so when the site itself decided in the meantime."""
    (decision,) = hold(desk, holding_site, 1)
    item_id = held_items(desk)[0].id
    label_decision(desk, holding_site, decision.id, HAM, "the blog", "akismet")
    with pytest.raises(Conflict, match="the blog was faster: the comment was labelled outside the queue"):
        resolve(desk, item_id, SPAM, moderator)


def test_one_of_two_at_once_wins(desk: Desk, holding_site: Site, moderator: Moderator) -> None:
    """Two moderators press at the same moment: one decides, one hears of it, the log has one row."""
    hold(desk, holding_site, 1)
    item_id = held_items(desk)[0].id
    start = Barrier(2)

    def press(value: LabelValue) -> str:
        start.wait()
        try:
            resolve(desk, item_id, value, moderator)
        except Conflict:
            return "late"
        return value.value

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(press, [HAM, SPAM]))
    assert outcomes.count("late") == 1
    assert [row["label"] for row in export_labels(desk, None)] == [word for word in outcomes if word != "late"]


def test_a_skipped_item_still_waits(desk: Desk, holding_site: Site, moderator: Moderator) -> None:
    """Skipping lays an item aside: out of the first list, still open, still to be decided."""
    newest, older = hold(desk, holding_site, 2)
    item_id = held_items(desk)[0].id
    skip(desk, item_id, moderator)
    skip(desk, item_id, moderator)
    assert [item.decision for item in held_items(desk)] == [older]
    assert [item.decision for item in held_items(desk, include_skipped=True)] == [newest, older]
    assert (count_held(desk), count_held(desk, include_skipped=True)) == (1, 2)
    resolve(desk, item_id, SPAM, moderator)
    assert count_held(desk, include_skipped=True) == 1


def test_a_closed_item_cannot_be_skipped(desk: Desk, holding_site: Site, moderator: Moderator) -> None:
    """What is decided is not laid aside."""
    hold(desk, holding_site, 1)
    item_id = held_items(desk)[0].id
    resolve(desk, item_id, HAM, moderator)
    with pytest.raises(Conflict, match="mara"):
        skip(desk, item_id, moderator)


def test_an_item_that_never_was(desk: Desk, moderator: Moderator) -> None:
    """A wrong number is told apart from being too slow."""
    with pytest.raises(NotFound):
        resolve(desk, 12345, HAM, moderator)
    with pytest.raises(NotFound):
        skip(desk, 12345, moderator)


def test_a_removed_site_asks_nobody(desk: Desk, holding_site: Site) -> None:
    """What a blog left behind when it was removed is not shown to moderators."""
    hold(desk, holding_site, 1)
    remove_site(desk, holding_site.url)
    assert (held_items(desk, include_skipped=True), count_held(desk, include_skipped=True)) == ([], 0)
