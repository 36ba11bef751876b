"""An undone act leaves no trace in labels, queue items, index and weights."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from moderation.actions.author_rules import list_author_rules, set_author_rule
from moderation.actions.callbacks import GRACE, count_pending, deliver_due
from moderation.actions.check import CheckRequest, check_comment, check_comments, preview_comment
from moderation.actions.labelling import label_decision, read_label_log, remove_comment, withdraw_label
from moderation.actions.moderating import PAGE_SIZE, act
from moderation.actions.review import list_comments
from moderation.actions.services import Services
from moderation.actions.sites import add_site, find_site, set_akismet_review, set_thresholds
from moderation.actions.statistics import read_track_records
from moderation.actions.undo import list_acts, undo
from moderation.domain.authors import AuthorFact, Standing, VouchedAuthor
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.people import SiteScope
from moderation.domain.queue import UNDO_TIME, ListedComment, ListName, SeenComment, Verb
from moderation.domain.site import AkismetReviewSettings, Callback, Site
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.conftest import HOLD_ALL, Clock
from tests.queue_lists import held_items
from tests.receiver import Receiver, receiving

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
KEY = "0123456789ab"
COMMENTS, PROBES = 1_000, 200
WORDS = "garden bread casino bonus pills train river winter watches order letter cheap market sale house loan".split()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def blog(services: Services, receiver: Receiver) -> Site:
    """Return a site on this machine that holds every comment and may be called."""
    add_site(services, receiver.url)
    set_akismet_review(services, receiver.url, AkismetReviewSettings(private_callback=True))
    return set_thresholds(services, receiver.url, HOLD_ALL)


@pytest.fixture
def ana(services: Services) -> Moderator:
    return Moderator(2, "ana", services.clock(), "")


def comment_of(number: int) -> Comment:
    words = [WORDS[(number * step + step) % len(WORDS)] for step in (1, 3, 7, 11, 13)]
    return Comment(f"Number {number}: {' '.join(words)}", author=f"Author {number % 40}")


def hold(services: Services, blog: Site, receiver: Receiver, text: str = "Is it here?") -> SeenComment:
    """Check a comment that the blog then holds and knows."""
    request = CheckRequest(Comment(text), channel="akismet", callback=Callback(receiver.callback, KEY))
    decision = check_comment(services, blog, request).decision
    receiver.known_guids.add(decision.id)
    return SeenComment(decision.id)


def state(services: Services, blog: Site) -> dict[str, object]:
    """Return all that follows from the labels in force, and the verdicts on the probes."""
    t = tables
    derived = {
        "items": select(t.queue_items),
        "index": select(t.similarity_index),
        "features": select(t.label_features),
        "repetition": select(t.appearances.c.key, t.appearances.c.ham_labels, t.appearances.c.spam_labels),
        "callbacks": select(
            *(t.callbacks.c[name] for name in ("decision_id", "result", "next_attempt_at", "delivered_at"))
        ),
        "calibrations": select(t.calibrations),
    }
    with read_transaction(services.engine) as connection:
        stored = {name: sorted(map(repr, connection.execute(statement))) for name, statement in derived.items()}
    listed: list[ListedComment] = []
    for name in ListName:
        page = list_comments(services, name, limit=2 * COMMENTS)
        listed += page.comments
    model = services.live_model.get()
    assert model
    site = find_site(services, blog.url)
    weights = services.site_weights_cache.find(site, model)
    probes = [preview_comment(services, site, comment_of(7_000 + number)) for number in range(PROBES)]
    return {
        **stored,
        "labels": {comment.id: comment.label for comment in listed},
        "weights": weights and [(lesson.label_id, lesson.label) for lesson in weights.window.lessons],
        "verdicts": [(probe.verdict, probe.score.probability, probe.score.reasons) for probe in probes],
    }


def label_some(services: Services, blog: Site, ids: Sequence[str], moderator: Moderator) -> None:
    """Give a third of the comments labels of every kind before."""
    for number, decision_id in enumerate(ids[:: len(ids) // 40]):
        label_decision(services, blog, decision_id, (HAM, SPAM)[number % 2], "key", "akismet")
    act(services, [SeenComment(each) for each in ids[1::9]], Verb.HAM, moderator)
    act(services, [SeenComment(each) for each in ids[2::9]], Verb.SPAM, moderator)
    act(services, [SeenComment(each) for each in ids[3::30]], Verb.REMOVE, moderator)
    for decision_id in ids[1:200:18]:
        withdraw_label(services, blog, decision_id, "mara", "cli")


@pytest.mark.parametrize(
    ("verb", "number"), [pytest.param(Verb.SPAM, COMMENTS, marks=pytest.mark.e2e), (Verb.FORGET, COMMENTS // 5)]
)
def test_a_bulk_decision_is_undone_exactly(
    services: Services,
    blog: Site,
    receiver: Receiver,
    moderator: Moderator,
    ana: Moderator,
    clock: Clock,
    verb: Verb,
    number: int,
) -> None:
    """A thousand comments, some labelled before: log, items, index, weights, callbacks and verdicts are as before."""
    called = [hold(services, blog, receiver, comment_of(place).text).id for place in range(12)]
    decided = check_comments(services, blog, [comment_of(place) for place in range(12, number)])
    ids = [*called, *(decision.id for decision in decided)]
    label_some(services, blog, ids, moderator)
    clock.advance(60)
    deliver_due(services)
    before = state(services, blog)
    result = act(services, [SeenComment(each) for each in ids], verb, ana)
    assert result.act_id is not None and len(result.changed) > number / 5 and COMMENTS > 2 * PAGE_SIZE
    changed = state(services, blog)
    names = {"labels", "items", "index", "features", "weights", "verdicts"}
    assert {name for name in before if changed[name] != before[name]} >= names
    clock.advance(5)
    undone = undo(services, result.act_id, moderator)
    assert undone.restored == len(result.changed) and undone.decided_since == []
    after = state(services, blog)
    assert [name for name in before if after[name] != before[name]] == []


def test_a_later_decision_stays(services: Services, blog: Site, receiver: Receiver, moderator: Moderator) -> None:
    """And the person is named."""
    first, second = (hold(services, blog, receiver, text) for text in ("Is one here?", "Is two here?"))
    result = act(services, [first, second], Verb.SPAM, moderator)
    label_decision(services, blog, first.id, HAM, "ana", "api")
    assert result.act_id
    undone = undo(services, result.act_id, moderator)
    assert (undone.restored, undone.decided_since) == (1, ["ana"])
    assert [comment.id for comment in held_items(services)] == [second.id]
    (decided,) = list_comments(services, ListName.DECIDED).comments
    assert decided.label and (decided.id, decided.label.value) == (first.id, HAM)


def test_acts_are_undone_in_any_order(services: Services, blog: Site, receiver: Receiver, moderator: Moderator) -> None:
    """The last one first: each undo leads to the label before; an act below a later one waits for its undo."""
    seen = hold(services, blog, receiver)
    numbers = [act(services, [SeenComment(seen.id)], verb, moderator).act_id for verb in (Verb.HAM, Verb.SPAM)]
    first, second = (number or 0 for number in numbers)
    third = act(services, [SeenComment(seen.id)], Verb.FORGET, moderator).act_id or 0
    assert [found.id for found in list_acts(services)] == [third, second, first]
    for number, verb in ((third, "spam"), (second, "ham")):
        undo(services, number, moderator)
        (decided,) = list_comments(services, ListName.DECIDED).comments
        assert decided.label and decided.label.verb == verb and not decided.is_held
    undo(services, first, moderator)
    assert [comment.label for comment in held_items(services)] == [None]


def test_an_act_is_undone_once_and_within_a_month(
    services: Services, blog: Site, receiver: Receiver, moderator: Moderator, clock: Clock
) -> None:
    """Other attempts say why not."""
    number = act(services, [hold(services, blog, receiver)], Verb.SPAM, moderator).act_id or 0
    undo(services, number, moderator)
    with pytest.raises(Conflict, match="mara has undone it already"):
        undo(services, number, moderator)
    late = act(services, [hold(services, blog, receiver, "Is it late?")], Verb.SPAM, moderator).act_id or 0
    clock.now += UNDO_TIME + timedelta(seconds=1)
    with pytest.raises(Conflict, match="30 days"):
        undo(services, late, moderator)
    for odd in (0, 2**40, 10**30):
        with pytest.raises(NotFound):
            undo(services, odd, moderator)


def test_a_skipped_comment_waits_again(
    services: Services, blog: Site, receiver: Receiver, moderator: Moderator
) -> None:
    """In the first list, where it was."""
    seen = hold(services, blog, receiver)
    number = act(services, [seen], Verb.SKIP, moderator).act_id or 0
    assert held_items(services) == []
    assert undo(services, number, moderator).restored == 1
    assert [comment.id for comment in held_items(services)] == [seen.id]


def test_an_undo_within_the_grace_costs_no_call(
    services: Services, blog: Site, receiver: Receiver, moderator: Moderator, clock: Clock
) -> None:
    """A decision in the queue leaves after ten seconds; nothing was sent before, and nothing is afterwards."""
    seen = hold(services, blog, receiver)
    number = act(services, [seen], Verb.SPAM, moderator).act_id or 0
    assert (deliver_due(services), count_pending(services)) == (0, 1)
    clock.advance(GRACE.total_seconds() - 1)
    assert deliver_due(services) == 0
    undo(services, number, moderator)
    clock.advance(3600)
    assert (deliver_due(services), count_pending(services), receiver.calls) == (0, 0, [])


@pytest.mark.parametrize(("verb", "told"), [(Verb.SPAM, ["true", "false"]), (Verb.HAM, ["false", "true"])])
def test_an_undo_after_the_call_is_told(
    services: Services, blog: Site, receiver: Receiver, moderator: Moderator, clock: Clock, verb: Verb, told: list[str]
) -> None:
    """By the opposite, as the protocol has no other answer."""
    number = act(services, [hold(services, blog, receiver)], verb, moderator).act_id or 0
    clock.advance(GRACE.total_seconds())
    assert deliver_due(services) == 1
    undo(services, number, moderator)
    assert deliver_due(services) == 1
    assert [call.form["comments[0][result]"] for call in receiver.calls] == told


def test_an_undo_tells_the_answer_before(
    services: Services, blog: Site, receiver: Receiver, moderator: Moderator, clock: Clock
) -> None:
    """The blog hears the restored label again only if the undone one was sent."""
    seen = hold(services, blog, receiver)
    label_decision(services, blog, seen.id, SPAM, "ana", "api")
    assert deliver_due(services) == 1
    number = act(services, [SeenComment(seen.id)], Verb.HAM, moderator).act_id or 0
    undo(services, number, moderator)
    assert count_pending(services) == 0
    again = act(services, [SeenComment(seen.id)], Verb.HAM, moderator).act_id or 0
    clock.advance(GRACE.total_seconds())
    deliver_due(services)
    undo(services, again, moderator)
    deliver_due(services)
    assert [call.form["comments[0][result]"] for call in receiver.calls] == ["true", "false", "true"]


def test_the_log_says_who_undid_what(services: Services, blog: Site, receiver: Receiver, moderator: Moderator) -> None:
    """Each row stays, and an undo is neither a contradiction nor a label of anyone."""
    seen = hold(services, blog, receiver)
    label_decision(services, blog, seen.id, SPAM, "ana", "api")
    number = act(services, [SeenComment(seen.id)], Verb.HAM, moderator).act_id or 0
    undo(services, number, moderator)
    restored, undone, first = read_label_log(services, blog, seen.id)
    assert restored.label == first.label and restored.undone_by == "mara" and restored.revoked_by is None
    assert (undone.act_id, undone.revoked_by, first.revoked_by) == (number, "mara", "mara")
    records = {record.labelled_by: record for record in read_track_records(services, blog)}
    assert (records["ana"].given, records["ana"].contradicted) == (1, 1)
    assert (records["mara"].given, records["mara"].contradicted) == (1, 0)


def test_a_removal_is_undone(services: Services, blog: Site, receiver: Receiver, moderator: Moderator) -> None:
    """It waits again, and one by the blog's key before is restored as such."""
    seen = hold(services, blog, receiver)
    remove_comment(services, blog, seen.id, "key", "api")
    number = act(services, [SeenComment(seen.id)], Verb.SPAM, moderator).act_id or 0
    undo(services, number, moderator)
    (decided,) = list_comments(services, ListName.DECIDED).comments
    assert decided.label and decided.label.removes and decided.label.labelled_by == "key"


def test_the_rule_of_an_author_is_restored_exactly(
    services: Services, blog: Site, moderator: Moderator, ana: Moderator, clock: Clock
) -> None:
    """Also one with an end and a reason, and one that another act replaced; without one there is none again."""
    request = CheckRequest(Comment("hello"), author=VouchedAuthor("7", "editor"))
    seen = SeenComment(check_comment(services, blog, request).decision.id)
    set_author_rule(services, blog, AuthorFact.ROLE, "editor", Standing.TRUSTED, "ops", "cli")
    before = list_author_rules(services, blog)
    first = act(services, [seen], Verb.TRUST, moderator).act_id
    assert first and undo(services, first, ana).restored == 1 and list_author_rules(services, blog) == before
    set_author_rule(services, blog, AuthorFact.ID, "7", Standing.BLOCKED, "ops", "cli", days=9, reason="sells")
    before = list_author_rules(services, blog)
    acts = []
    for verb in (Verb.TRUST, Verb.BLOCK):
        clock.advance(1)
        acts.append((list_author_rules(services, blog), act(services, [seen], verb, moderator).act_id))
    for rules, act_id in reversed(acts):
        assert act_id and undo(services, act_id, moderator).restored == 1
        assert list_author_rules(services, blog) == rules
    assert list_author_rules(services, blog) == before
    with pytest.raises(Conflict, match="has undone it already"):
        undo(services, first, moderator)


def test_a_later_rule_of_another_person_stays(
    services: Services, blog: Site, other_site: Site, moderator: Moderator, ana: Moderator, clock: Clock
) -> None:
    """Its undo does not bring the undone one back. One that was lifted stays lifted."""
    seen = []
    for site in (blog, other_site):
        request = CheckRequest(Comment("hello"), author=VouchedAuthor("7"))
        seen.append(SeenComment(check_comment(services, site, request).decision.id))
    both = act(services, seen, Verb.BLOCK, moderator).act_id
    scoped = replace(services, scope=SiteScope(frozenset({blog.id})))
    assert list_acts(scoped) == [] and [listed.id for listed in list_acts(services)] == [both]
    clock.advance(1)
    later = act(services, seen[:1], Verb.TRUST, ana).act_id
    assert both and later
    result = undo(services, both, moderator)
    assert (result.restored, result.decided_since) == (1, ["ana"])
    assert [rule.set_by for rule in list_author_rules(services, blog)] == ["ana"]
    assert list_author_rules(services, other_site) == []
    undo(services, later, ana)
    assert list_author_rules(services, blog) == []
    lifted = act(services, seen[1:], Verb.BLOCK, moderator).act_id
    set_author_rule(services, other_site, AuthorFact.ID, "7", None, "ops", "cli")
    assert lifted and undo(services, lifted, moderator).restored == 0
    assert list_author_rules(services, other_site) == []
