"""The lists of the queue: each comment by its current decision, in the list that its label puts it into."""

import pytest
from sqlalchemy import func, select

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import import_labels, label_comment, label_decision, remove_comment, withdraw_label
from moderation.actions.moderating import act
from moderation.actions.review import count_lists, list_comments, read_comment
from moderation.actions.services import Services
from moderation.actions.sites import remove_site, set_thresholds
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.queue import MAX_COUNTED, ListName, SeenComment, Verb
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.storage import queue_lists
from moderation.storage.engine import read_transaction
from moderation.storage.tables import decisions, labels
from tests.conftest import HOLD_ALL, Clock

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
PUBLISH_ALL = Thresholds(1.0, 1.0, 1.0)
DISCARD_ALL = Thresholds(1e-12, 1e-12, 1e-12)
BLOCK_ALL = Thresholds(1e-12, 1e-12, 1.0)
LISTS = [name for name in ListName if name is not ListName.SECOND_LOOK]


def send(services: Services, site: Site, thresholds: Thresholds, text: str, *, recheck: bool = False) -> str:
    """Send a comment that gets the verdict of the thresholds, and return the id of its decision."""
    changed = set_thresholds(services, site.url, thresholds)
    return check_comment(services, changed, CheckRequest(Comment(text), recheck=recheck)).decision.id


def ids_of(services: Services, name: ListName) -> list[str]:
    return [comment.id for comment in list_comments(services, name).comments]


def test_each_comment_is_in_the_list_of_its_decision(services: Services, site: Site, clock: Clock) -> None:
    """By the verdict until a person labels it through any channel; a forgotten label puts it back."""
    texts = zip("abcd", (HOLD_ALL, BLOCK_ALL, DISCARD_ALL, PUBLISH_ALL), strict=True)
    held, blocked, discarded, public = (send(services, site, each, f"Is {text} here?") for text, each in texts)
    # Decisions of one moment are in the order of their ids.
    automatic = sorted([discarded, blocked], reverse=True)
    assert [ids_of(services, name) for name in LISTS] == [[held], automatic, [public], []]
    label_decision(services, site, public, SPAM, "key", "akismet")
    remove_comment(services, site, held, "mara", "queue")
    label_decision(services, site, blocked, HAM, "mara", "queue")
    assert [ids_of(services, name) for name in LISTS] == [[], [discarded], [], [blocked, held, public]]
    assert [*count_lists(services).values()][1:4] == [1, 0, 3]
    withdraw_label(services, site, held, "mara", "queue")
    withdraw_label(services, site, public, "mara", "queue")
    assert [ids_of(services, name) for name in LISTS] == [[held], [discarded], [public], [blocked]]


@pytest.mark.parametrize("name", LISTS)
def test_pages_follow_each_other(services: Services, site: Site, clock: Clock, name: ListName) -> None:
    """Without gap or repeat, even where two comments have the same time; the last page names no next one."""
    thresholds = {ListName.HELD: HOLD_ALL, ListName.BLOCKED: BLOCK_ALL}.get(name, PUBLISH_ALL)
    for number in range(7):
        decision_id = send(services, site, thresholds, f"Is number {number} here?")
        if name is ListName.DECIDED:
            label_decision(services, site, decision_id, HAM, "mara", "queue")
        clock.advance(number % 2)
    seen, after = [], ""
    while True:
        page = list_comments(services, name, after=after, limit=2)
        seen += [comment.id for comment in page.comments]
        after = page.after
        if not after:
            break
    assert seen == ids_of(services, name) and len(set(seen)) == 7
    assert list_comments(services, name, after="ffff0000-odd").comments[0].id in seen


def test_a_recheck_moves_a_comment(services: Services, site: Site) -> None:
    """The earlier decision leads to the current one, and a label stays in force."""
    first = send(services, site, PUBLISH_ALL, "Is it here?")
    label_decision(services, site, first, HAM, "mara", "queue")
    second = send(services, site, BLOCK_ALL, "Is it here?", recheck=True)
    assert ids_of(services, ListName.DECIDED) == [second] and ids_of(services, ListName.BLOCKED) == []
    assert read_comment(services, first).comment.id == second
    moderator = Moderator(1, "mara", services.clock(), "")
    assert len(act(services, [SeenComment(first)], Verb.SPAM, moderator).refused) == 1


def test_the_label_of_a_decision_is_that_of_the_log(services: Services, site: Site) -> None:
    """After labels of every kind, each decision names the newest row of its comment, unless that is a withdrawal."""
    ids = [send(services, site, BLOCK_ALL, f"Is number {number} here?") for number in range(6)]
    for decision_id in ids[:4]:
        label_decision(services, site, decision_id, SPAM, "mara", "queue")
    withdraw_label(services, site, ids[0], "mara", "queue")
    remove_comment(services, site, ids[1], "mara", "queue")
    label_comment(services, site, Comment("Is number 4 here?"), HAM, "akismet", "akismet")
    import_labels(services, site, [(Comment("Is number 5 here?"), HAM), (Comment("Is number 2 here?"), HAM)])
    with read_transaction(services.engine) as connection:
        newest = select(func.max(labels.c.id)).group_by(labels.c.comment_id)
        in_force = labels.c.id.in_(newest) & (labels.c.value.is_not(None) | labels.c.removes.is_(True))
        rows = connection.execute(
            select(decisions.c.label_id, labels.c.id).join(
                labels, (labels.c.comment_id == decisions.c.comment_id) & in_force, isouter=True
            )
        ).all()
    assert all(named == logged for named, logged in rows) and sum(named is not None for named, _ in rows) >= 4


def test_counts_are_capped(services: Services, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than the cap says that there are more."""
    monkeypatch.setattr(queue_lists, "MAX_COUNTED", 2)
    for number in range(5):
        send(services, site, BLOCK_ALL, f"Is number {number} here?")
    assert count_lists(services)[ListName.BLOCKED] == 3 and MAX_COUNTED == 10_000


def test_comments_of_a_removed_site_are_hidden(services: Services, site: Site) -> None:
    """In every list, in every count, and on their own pages."""
    for number, thresholds in enumerate((HOLD_ALL, BLOCK_ALL, PUBLISH_ALL, BLOCK_ALL)):
        decision_id = send(services, site, thresholds, f"Is number {number} here?")
    label_decision(services, site, decision_id, SPAM, "mara", "queue")
    assert [len(ids_of(services, name)) for name in LISTS] == [1, 1, 1, 1]
    remove_site(services, site.url)
    assert [ids_of(services, name) for name in LISTS] == [[], [], [], []] and not any(count_lists(services).values())
