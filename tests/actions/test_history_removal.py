"""A history that was imported under the wrong site is removed, and everything is as before the import."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from moderation.actions import history_removal
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.history import label_history, second_look
from moderation.actions.history_import import import_history
from moderation.actions.history_removal import remove_history
from moderation.actions.labelling import export_labels, import_labels, label_comment, label_decision
from moderation.actions.rollout import rollout_status
from moderation.actions.services import Services
from moderation.actions.similarity import find_similar_to_text
from moderation.actions.sites import find_site
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import NotFound
from moderation.domain.history import SECOND_LOOK_CHANNEL, PastComment
from moderation.domain.site import Site
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.actions.test_history import PILLS, PUBLISHED, SPAM, THANKS, good_comments, past
from tests.queue_lists import held_items

HELD = Comment("Is this where the cheap pills of the casino are?", author="Bo", url="http://bo-pills-casino.example")
OWN = Comment("The bread rose, thank you for the hint about the oven.", author="Ada", email="ada@oven.example")
REPORTED = Comment("Buy my bags, buy my bags, at http://bags-outlet.example", author="Bags")


def load(services: Services, site: Site, rows: Sequence[PastComment]) -> None:
    import_history(services, find_site(services, site.url), "blog.xml", rows, complete=None)


def state(services: Services, site: Site) -> dict[str, Any]:
    """Return what the site's verdicts, queue, labels and thresholds follow from."""
    found = find_site(services, site.url)
    status = rollout_status(services, found)
    with read_transaction(services.engine) as connection:
        counted = (tables.history, tables.similarity_index, tables.decisions, tables.callbacks)
        rows = {one.name: connection.execute(select(func.count()).select_from(one)).scalar_one() for one in counted}
        appearances = tables.appearances.c
        labelled = connection.execute(
            select(appearances.key, appearances.ham_labels, appearances.spam_labels).order_by(appearances.key)
        ).all()
    return {
        "rows": rows,
        "repetition": [tuple(row) for row in labelled],
        "labels": sorted((row["text"], row["label"]) for row in export_labels(services, found)),
        "held": [item.decision.id for item in held_items(services)],
        "thresholds": (status.thresholds, status.ham_count, status.protection, status.next_stage),
        "similar": find_similar_to_text(services, site.id, PILLS.text),
    }


def comment_count(services: Services, site: Site) -> int:
    with read_transaction(services.engine) as connection:
        of_site = select(func.count()).where(tables.comments.c.site_id == site.id)
        return connection.execute(of_site).scalar_one()


def live(services: Services, site: Site) -> None:
    """Store judged, held, labelled and imported comments at the site."""
    decision = check_comment(services, site, CheckRequest(OWN)).decision
    label_decision(services, site, decision.id, LabelValue.HAM, "mara", "api")
    check_comment(services, site, CheckRequest(HELD))
    label_comment(services, site, REPORTED, LabelValue.SPAM, "ann", "akismet")
    import_labels(services, site, [(Comment("Cheap loans for all", author="Loans"), LabelValue.SPAM)])


def test_everything_is_as_before_the_import(services: Services, hold_all_site: Site, other_site: Site) -> None:
    """Thresholds, labels, queue, similar comments and repetition are those of before, also of other sites."""
    site = hold_all_site
    live(services, site)
    load(services, other_site, [*good_comments(60), past(PILLS, SPAM)])
    before, others, count = state(services, site), state(services, other_site), comment_count(services, site)
    # Of the held comment and an own one the wrong blog says that they are spam and published.
    load(services, site, [*good_comments(70), past(PILLS, SPAM), past(HELD, SPAM), past(OWN), past(THANKS)])
    assert state(services, site) != before and held_items(services) == []

    result = remove_history(services, find_site(services, site.url))
    assert (result.history, result.deleted, result.labels, result.second_look) == (72, 71, 2, 0)
    assert state(services, site) == before and state(services, other_site) == others
    # The log of labels is never shortened: one comment keeps its withdrawn label.
    assert comment_count(services, site) == count + 1
    with pytest.raises(NotFound, match=r"Nothing was imported for https://careful\.example\."):
        remove_history(services, find_site(services, site.url))


def test_the_thresholds_of_a_calibrated_site_return(services: Services, site: Site) -> None:
    """The site had no comments before its two imports, and both are removed."""
    before = rollout_status(services, site)
    load(services, site, good_comments(300))
    load(services, site, good_comments(600))
    after_import = rollout_status(services, find_site(services, site.url))
    assert after_import.calibration and after_import.calibration.spam and after_import.thresholds != before.thresholds
    removed = remove_history(services, find_site(services, site.url))
    after = rollout_status(services, find_site(services, site.url))
    assert after == removed.rollout and comment_count(services, site) == 0
    assert (after.thresholds, after.ham_count, after.protection) == (before.thresholds, 0, before.protection)


def test_labels_of_the_second_look_go_with_their_comments(services: Services, site: Site) -> None:
    """A label that came through the blog shows that the comment is one of the site's, and stays."""
    load(services, site, [*good_comments(10), past(PILLS), past(REPORTED), past(THANKS)])
    numbers = {entry.comment.text: entry.comment_id for entry in second_look(services, site, 9).comments}
    label_history(services, site, [numbers[PILLS.text]], LabelValue.SPAM, "mara", SECOND_LOOK_CHANNEL)
    label_comment(services, site, REPORTED, LabelValue.SPAM, "ann", "akismet")
    result = remove_history(services, find_site(services, site.url))
    assert (result.history, result.deleted, result.labels, result.second_look) == (13, 11, 0, 1)
    assert [row["text"] for row in export_labels(services, site)] == [REPORTED.text]


def test_an_import_can_be_repeated_after_a_removal(services: Services, site: Site) -> None:
    """The second time is like the first."""
    rows = [*good_comments(60), past(PILLS, SPAM)]
    load(services, site, rows)
    imported = state(services, site)
    remove_history(services, site)
    load(services, site, rows)
    assert state(services, site) == imported
    assert remove_history(services, site).labels == 1


def test_a_dry_run_and_an_error_remove_nothing(services: Services, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run shows the counts and thresholds of the removal; an error at its end undoes all of it."""
    load(services, site, [*good_comments(60), past(PILLS, SPAM), past(Comment("Nice"), PUBLISHED)])
    before, count = state(services, site), comment_count(services, site)
    dry = remove_history(services, find_site(services, site.url), dry_run=True)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(history_removal, "recalibrate_anew", lambda *_: 1 // 0)
        remove_history(services, find_site(services, site.url))
    assert (state(services, site), comment_count(services, site)) == (before, count)
    removed = remove_history(services, find_site(services, site.url))
    assert (dry.history, dry.deleted, dry.labels) == (removed.history, removed.deleted, removed.labels) == (61, 61, 1)
    assert dry.rollout.thresholds == removed.rollout.thresholds
