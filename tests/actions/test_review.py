"""Held comments await review, appear once in the queue, and are decided by one person."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.labelling import export_labels, label_decision
from moderation.actions.moderating import Refusal, act
from moderation.actions.moderators import add_moderator
from moderation.actions.review import (
    EXCERPT_LENGTH,
    MAX_PART_LENGTH,
    MAX_RESCORED_LENGTH,
    count_held,
    list_comments,
    read_comment,
)
from moderation.actions.services import Services
from moderation.actions.sites import remove_site
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelValue, Moderator
from moderation.domain.errors import NotFound
from moderation.domain.queue import ListName, SeenComment, Verb
from moderation.domain.site import Site
from tests.conftest import PASSWORD
from tests.queue_lists import decide, held_items

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM


def hold(services: Services, site: Site, count: int, prefix: str = "Held") -> list[Decision]:
    """Return the held decisions, newest first, with spans."""
    comments = [Comment(text=f"{prefix} {number}") for number in range(count)]
    return [check_comment(services, site, CheckRequest(comment, spans=True)).decision for comment in comments][::-1]


def test_pages_list_the_newest_items_first(services: Services, hold_all_site: Site) -> None:
    """Pages follow each other without gap or repeat, even if an item is opened in between."""
    decisions = hold(services, hold_all_site, 5)
    first = list_comments(services, ListName.HELD, limit=2)
    hold(services, hold_all_site, 1, "Held meanwhile")
    second = list_comments(services, ListName.HELD, after=first.after, limit=2)
    third = list_comments(services, ListName.HELD, after=second.after, limit=2)
    listed = [*first.comments, *second.comments, *third.comments]
    assert [comment.decision for comment in listed] == decisions and third.after == ""
    assert count_held(services) == 6


def test_an_item_names_its_site(services: Services, hold_all_site: Site) -> None:
    """An item has the URL of its site and the time since when it waits."""
    hold(services, hold_all_site, 1)
    (item,) = held_items(services)
    assert (item.site_url, item.since) == (hold_all_site.url, services.clock())


@pytest.mark.parametrize("value", [HAM, SPAM])
def test_a_moderator_resolves_an_item(
    services: Services, hold_all_site: Site, moderator: Moderator, value: LabelValue
) -> None:
    """The item is closed and the label has the moderator's name."""
    (decision,) = hold(services, hold_all_site, 1)
    decide(services, held_items(services)[0], value, moderator)
    assert held_items(services, include_skipped=True) == []
    expected = Label(value, "mara", "queue", services.clock(), decision_id=decision.id)
    assert find_decision(services, hold_all_site, decision.id)[1] == expected
    assert [row["label"] for row in export_labels(services, hold_all_site)] == [value.value]


def test_the_slower_moderator_gets_the_name_of_the_faster(
    services: Services, hold_all_site: Site, moderator: Moderator
) -> None:
    """A second decision is refused with name and label of the first, which stays."""
    (decision,) = hold(services, hold_all_site, 1)
    item = held_items(services)[0]
    decide(services, item, HAM, moderator)
    late = add_moderator(services, "late", PASSWORD)
    assert decide(services, item, SPAM, late) == ["mara was faster and labelled it ham."]
    label = find_decision(services, hold_all_site, decision.id)[1]
    assert label is not None
    assert (label.value, label.labelled_by) == (HAM, "mara")


def test_a_label_from_outside_closes_the_item(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """The queue reports a label that the site gave in the meantime."""
    (decision,) = hold(services, hold_all_site, 1)
    item = held_items(services)[0]
    label_decision(services, hold_all_site, decision.id, HAM, "the blog", "akismet")
    assert decide(services, item, SPAM, moderator) == ["the blog was faster and labelled it ham."]


def test_one_of_two_simultaneous_decisions_wins(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """One moderator decides, the other gets an error, and the log has one row."""
    hold(services, hold_all_site, 1)
    item = held_items(services)[0]
    start = Barrier(2)

    def decide_at_once(value: LabelValue) -> str:
        start.wait()
        return "late" if decide(services, item, value, moderator) else value.value

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(decide_at_once, [HAM, SPAM]))
    assert outcomes.count("late") == 1
    assert [row["label"] for row in export_labels(services, None)] == [
        outcome for outcome in outcomes if outcome != "late"
    ]


def test_a_skipped_item_stays_open(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """A skipped item leaves the first list and can still be resolved."""
    newest, older = hold(services, hold_all_site, 2)
    item = held_items(services)[0]
    decide(services, item, Verb.SKIP, moderator)
    decide(services, item, Verb.SKIP, moderator)
    assert [item.decision for item in held_items(services)] == [older]
    assert [item.decision for item in held_items(services, include_skipped=True)] == [newest, older]
    assert (count_held(services), count_held(services, include_skipped=True)) == (1, 2)
    decide(services, item, SPAM, moderator)
    assert count_held(services, include_skipped=True) == 1


def test_a_closed_item_cannot_be_skipped(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """Skipping what somebody has decided changes nothing."""
    hold(services, hold_all_site, 1)
    item = held_items(services)[0]
    decide(services, item, HAM, moderator)
    assert decide(services, item, Verb.SKIP, moderator) == ["mara was faster and labelled it ham."]
    assert act(services, [SeenComment(item.id)], Verb.SKIP, moderator).refused == [
        Refusal(item.id, "It does not wait in the list.")
    ]


def test_an_unknown_comment_is_refused(services: Services, moderator: Moderator) -> None:
    """Each verb is refused alike."""
    for verb in Verb:
        (refusal,) = act(services, [SeenComment("0" * 32)], verb, moderator).refused
        assert refusal.problem.startswith("There is no such comment")
    with pytest.raises(NotFound):
        read_comment(services, "0" * 32)


def test_items_of_a_removed_site_are_hidden(services: Services, hold_all_site: Site) -> None:
    """Held comments of a removed site are not shown."""
    hold(services, hold_all_site, 1)
    remove_site(services, hold_all_site.url)
    assert (held_items(services, include_skipped=True), count_held(services, include_skipped=True)) == ([], 0)


def test_long_fields_are_read_as_excerpts(services: Services, hold_all_site: Site) -> None:
    """A list reads the beginning of each field, the item's own page any part of the text."""
    text = "".join(f"{number} " for number in range(60_000))
    check_comment(services, hold_all_site, CheckRequest(Comment(text, author="a" * 9_000)))
    check_comment(services, hold_all_site, CheckRequest(Comment("short", author="Ann")))
    short, long = held_items(services)
    assert not short.is_excerpt and short.decision.comment.author == "Ann"
    comment = long.decision.comment
    assert long.is_excerpt and comment.author is not None
    assert (len(comment.text), len(comment.author)) == (EXCERPT_LENGTH + 1, EXCERPT_LENGTH + 1)
    part = read_comment(services, long.id, 200_000)
    assert (part.text, part.text_length) == (text[200_000 : 200_000 + MAX_PART_LENGTH], len(text))
    assert read_comment(services, long.id, 10**9).text == ""


def test_only_so_much_text_is_scored_again(services: Services, hold_all_site: Site) -> None:
    """The newest comments of a page get spans until their texts are too long together; an excerpt never does."""
    text = "Order cheap casino bonus now. " * 120
    fitting = MAX_RESCORED_LENGTH // len(text)
    for number in range(fitting + 2):
        check_comment(services, hold_all_site, CheckRequest(Comment(f"{number:02}{text}"[: len(text)])))
    check_comment(services, hold_all_site, CheckRequest(Comment(text * 10)))
    with_spans = [any(reason.spans for reason in item.decision.score.reasons) for item in held_items(services)]
    assert with_spans == [False] + [True] * fitting + [False] * 2


def test_the_name_of_a_faster_stranger_is_shown_safely(services: Services, hold_all_site: Site) -> None:
    """A blog may send any name with its label."""
    decision = check_comment(services, hold_all_site, CheckRequest(Comment("hello"))).decision
    (item,) = held_items(services)
    label_decision(services, hold_all_site, decision.id, LabelValue.HAM, "\x1b[2J\u202e" + "x" * 500, "akismet")
    (problem,) = decide(services, item, SPAM, Moderator(1, "mara", services.clock(), ""))
    assert problem.startswith("[U+001B][2J[U+202E]xxx") and len(problem) < 200
