"""The contents of comments go when their site has kept them long enough; all that was learnt stays."""

from dataclasses import replace
from threading import Event

import pytest
from sqlalchemy import func, select

from moderation.actions import retention as purging
from moderation.actions.background import SlicedPurge
from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.history_import import import_history
from moderation.actions.label_content import count_lessons, make_features
from moderation.actions.labelling import export_labels, label_comment, label_decision, withdraw_label
from moderation.actions.retention import PurgeCount, purge_comments, set_retention
from moderation.actions.services import Services
from moderation.actions.similarity import find_similar_to_text, index_missing
from moderation.actions.sites import remove_site, set_thresholds
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.retention import KEEP_ALL, Form, Retention
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.actions.test_history import past
from tests.conftest import HOLD_ALL, Clock
from tests.queue_lists import held_items
from tests.site_weights import learnt

COMMENT = Comment(
    "Zanzibar bakes a fine bread, see http://zanzibar-ovens.example for the recipe.",
    author="Zanzibar O'Neill",
    url="http://zanzibar.example",
    email="zanzibar@ovens.example",
    permalink="https://blog.example/bread",
    context="How Zanzibar bakes",
)
PUBLISH_ALL = Thresholds(review=1.0, spam=1.0, discard=1.0)


def judge(services: Services, site: Site, comment: Comment = COMMENT, thresholds: Thresholds = PUBLISH_ALL) -> str:
    changed = set_thresholds(services, site.url, thresholds)
    return check_comment(services, changed, CheckRequest(comment)).decision.id


def stored_texts(services: Services) -> str:
    """Return all rows of all tables that may hold a part of a comment."""
    with read_transaction(services.engine) as connection:
        rows = [row for table in tables.metadata.sorted_tables for row in connection.execute(select(table))]
    return repr(rows)


def test_published_contents_go_after_their_days(services: Services, site: Site, clock: Clock) -> None:
    """Name and addresses too, and quotations in reasons; score and weights of the decision stay."""
    decision_id = judge(services, site)
    before, _ = find_decision(services, site, decision_id)
    clock.advance(90 * 86_400)
    assert purge_comments(services, dry_run=True) == [PurgeCount(site.url, 1)]
    assert "anzibar" in stored_texts(services)
    assert purge_comments(services) == [PurgeCount(site.url, 1)] and purge_comments(services) == []
    after, _ = find_decision(services, site, decision_id)
    assert "anzibar" not in stored_texts(services)
    assert after.score.probability == before.score.probability and after.verdict is Verdict.PUBLISH
    assert [each.weight for each in after.score.reasons] == [each.weight for each in before.score.reasons]


def test_each_site_and_verdict_has_its_days(services: Services, site: Site, other_site: Site, clock: Clock) -> None:
    """A site that keeps everything is left alone, and a removed one is purged like others."""
    set_retention(services, other_site.url, KEEP_ALL)
    for each in (site, other_site):
        judge(services, each)
        judge(services, each, replace(COMMENT, text="Buy now"), Thresholds(1e-12, 1e-12, 1.0))
    clock.advance(30 * 86_400)
    assert purge_comments(services) == [PurgeCount(site.url, 1)]
    remove_site(services, site.url)
    clock.advance(60 * 86_400)
    assert purge_comments(services) == [PurgeCount(site.url, 1)]


def test_learning_is_as_before(services: Services, site: Site, clock: Clock) -> None:
    """The features of labels are kept: weights are the same to the last bit. No export has an empty text."""
    ids = [judge(services, site, replace(COMMENT, text=f"{COMMENT.text} Loaf {number}.")) for number in range(4)]
    for number, decision_id in enumerate(ids):
        label_decision(services, site, decision_id, list(LabelValue)[number % 2], "mara", "queue")
    before = learnt(services, site, [COMMENT])
    assert len(before[0]) == 4 and find_similar_to_text(services, site.id, COMMENT.text)
    clock.advance(90 * 86_400)
    assert purge_comments(services) == [PurgeCount(site.url, 4)]
    assert learnt(services, site, [COMMENT]) == before and count_lessons(services, site) == (4, 0)
    assert find_similar_to_text(services, site.id, COMMENT.text) == [] and list(export_labels(services, site)) == []
    assert index_missing(services) == make_features(services) == 0


def test_a_later_report_finds_the_comment(services: Services, site: Site, clock: Clock) -> None:
    """The blog sends it once more, with the slashes that some add: digests agree, and the text teaches again."""
    decision_id = judge(services, site)
    clock.advance(90 * 86_400)
    purge_comments(services)
    sent = replace(COMMENT, author="zanzibar O\\'Neill")
    label_comment(services, site, sent, LabelValue.SPAM, "the blog", "akismet")
    _, label = find_decision(services, site, decision_id)
    assert label and label.value is LabelValue.SPAM and count_lessons(services, site) == (1, 0)
    assert "anzibar" not in stored_texts(services)


def test_another_persons_report_does_not(services: Services, site: Site, clock: Clock) -> None:
    """Equal texts of people with other addresses are other comments."""
    decision_id = judge(services, site)
    clock.advance(90 * 86_400)
    purge_comments(services)
    label_comment(services, site, replace(COMMENT, email="b@b.example"), LabelValue.SPAM, "the blog", "akismet")
    assert find_decision(services, site, decision_id)[1] is None


def test_a_label_without_a_text_teaches_nothing(services: Services, site: Site, clock: Clock) -> None:
    """Features of an empty text would be those of another comment. A label from before can be turned round."""
    first, second = judge(services, site), judge(services, site, replace(COMMENT, text="Ovens."))
    label_decision(services, site, first, LabelValue.HAM, "mara", "queue")
    clock.advance(90 * 86_400)
    purge_comments(services)
    for decision_id in (first, second):
        label_decision(services, site, decision_id, LabelValue.SPAM, "mara", "queue")
    assert count_lessons(services, site) == (1, 1)
    withdraw_label(services, site, first, "mara", "queue")
    assert count_lessons(services, site) == (0, 1)


def test_a_held_comment_leaves_the_queue(services: Services, site: Site, clock: Clock) -> None:
    """A moderator would else find an item without a text."""
    judge(services, site, thresholds=HOLD_ALL)
    clock.advance(90 * 86_400 - 1)
    assert purge_comments(services) == [] and len(held_items(services)) == 1
    clock.advance(1)
    assert purge_comments(services) == [PurgeCount(site.url, 1)] and held_items(services) == []


@pytest.mark.parametrize(
    ("form", "kept"), [(Form.FULL, {"text", "author", "url", "email", "context"}), (Form.NOTHING, set())]
)
def test_each_field_has_its_form(services: Services, site: Site, clock: Clock, form: Form, kept: set[str]) -> None:
    """With nothing, not even digests are left."""
    retention = Retention(text=form, name=form, email=form, url=Form.NOTHING)
    set_retention(services, site.url, retention)
    judge(services, site)
    clock.advance(90 * 86_400)
    assert purge_comments(services) == [PurgeCount(site.url, 1)]
    with read_transaction(services.engine) as connection:
        row = connection.execute(select(tables.comments)).mappings().one()
    assert {name for name in ("text", "author", "url", "email", "context") if row[name]} == kept - {"url"}
    assert bool(row["content_hash"]) is bool(row["trait_keys"]) is (form is Form.FULL)


def test_a_history_is_kept_as_long_as_published_comments(services: Services, site: Site, clock: Clock) -> None:
    """Its probabilities go on to count, and no new model scores an empty text."""
    rows = [past(replace(COMMENT, text=f"{COMMENT.text} {number}")) for number in range(3)]
    import_history(services, site, "blog.xml", rows, complete=None)
    clock.advance(90 * 86_400)
    assert purge_comments(services) == [PurgeCount(site.url, 3)]
    with read_transaction(services.engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.history)).scalar() == 3


def test_a_purge_writes_in_small_batches(
    services: Services, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job lets other tasks have their turn between two of them, and goes on where it was."""
    monkeypatch.setattr(purging, "BATCH_SIZE", 2)
    for number in range(5):
        judge(services, site, replace(COMMENT, text=f"Bread {number}"))
    clock.advance(90 * 86_400)
    job, stop = SlicedPurge(services, slice_seconds=0.0), Event()
    assert job(stop) and job(stop)
    assert purge_comments(services, dry_run=True) == [PurgeCount(site.url, 3)]
    while job(stop):
        pass
    assert purge_comments(services) == []
