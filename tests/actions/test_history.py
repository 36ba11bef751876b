"""A blog's past comments become the history of its site: counted, judged, labelled, and looked at again."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, select

from moderation.actions import history_import
from moderation.actions.background import SlicedRecalibration
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.history import label_history, rescore_history, second_look
from moderation.actions.history_import import ImportResult, import_history
from moderation.actions.labelling import export_labels, label_decision
from moderation.actions.moderating import act
from moderation.actions.review import list_comments
from moderation.actions.rollout import recalibrate, rollout_status
from moderation.actions.services import Services
from moderation.actions.sites import find_site, set_thresholds
from moderation.actions.undo import undo
from moderation.domain.budget import RolloutStage
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.errors import InvalidInput, NotFound
from moderation.domain.history import PastComment, PastStatus, unreadable
from moderation.domain.queue import ListName, SeenComment, Verb
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.storage import calibrations, tables
from moderation.storage.engine import read_transaction
from tests.models import small_arrays, small_card, small_model_registry

PUBLISHED, SPAM, DELETED = PastStatus.PUBLISHED, PastStatus.SPAM, PastStatus.DELETED
THANKS = Comment(
    "Thank you, the soup was good.", author="Ida", email="ida@moss.example", permalink="https://b.example/1"
)
PILLS = Comment(
    "Cheap casino pills, buy now at http://pills-casino.example", author="Pills", url="http://pills.example"
)
START = datetime(2024, 1, 1, tzinfo=UTC)


def past(comment: Comment, status: PastStatus = PUBLISHED, number: int = 0, parent: str = "") -> PastComment:
    return PastComment(comment, status, str(number), parent, START + timedelta(minutes=number))


def good_comments(count: int) -> list[PastComment]:
    dishes = ("soup", "bread", "stew", "cake", "salad")
    return [
        past(
            Comment(f"My aunt made the {dishes[number % 5]} of number {number} last week, and we liked it."),
            number=number,
        )
        for number in range(count)
    ]


def run(services: Services, site: Site, rows: Iterable[PastComment], **options: Any) -> ImportResult:
    options = {"complete": None} | options
    return import_history(services, find_site(services, site.url), "blog.xml", rows, **options)


def sample_size(services: Services, site: Site, model: str = "small") -> int:
    with read_transaction(services.engine) as connection:
        size = calibrations.count_ham(connection, site.id, model)
        assert len(calibrations.oldest_ham(connection, site.id, model, 10_000)) == size
        return size


def row_counts(services: Services) -> dict[str, int]:
    with read_transaction(services.engine) as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.comments, tables.history, tables.labels, tables.calibrations, tables.similarity_index)
        }


def labels_of(services: Services, site: Site) -> dict[str, str]:
    return {row["text"]: row["label"] for row in export_labels(services, site)}


def test_a_complete_history_counts_at_once(services: Services, site: Site) -> None:
    """600 published comments give both guarantees, which are in force for the next request."""
    result = run(services, site, good_comments(600))
    assert (result.complete, result.stored, result.counts.total) == (True, 600, 600)
    status = rollout_status(services, find_site(services, site.url))
    assert status == result.rollout and status.calibration
    assert (status.calibration.stage, status.ham_count) == (RolloutStage.BLOCK, 600)
    assert status.calibration.review and status.calibration.spam
    assert (status.calibration.review.n, status.calibration.spam.n) == (472, 598)
    decision = check_comment(services, find_site(services, site.url), CheckRequest(THANKS)).decision
    assert decision.calibration == status.calibration
    assert not recalibrate(services, find_site(services, site.url))


def test_the_newest_comments_are_the_sample(services: Services, site: Site) -> None:
    """Of 100 comments, the 59 newest are enough for the review threshold."""
    run(services, site, good_comments(100))
    with read_transaction(services.engine) as connection:
        newest = calibrations.oldest_ham(connection, site.id, "small", 59)
        texts = select(tables.comments.c.text).where(
            tables.comments.c.id.in_([int(each.name.removeprefix("history-")) for each in newest])
        )
        numbers = [int(text.split("number ")[1].split()[0]) for text in connection.execute(texts).scalars()]
    assert sorted(numbers) == list(range(41, 100))


def test_twice_is_once(services: Services, site: Site) -> None:
    """The same export again changes no row and no number."""
    rows = [*good_comments(60), past(PILLS, SPAM), past(THANKS, DELETED), past(THANKS), past(THANKS)]
    first = run(services, site, rows)
    before = row_counts(services)
    second = run(services, site, rows)
    assert row_counts(services) == before
    assert (first.stored, first.labelled, first.repeated) == (62, 1, 1)
    assert (second.stored, second.known, second.labelled, second.repeated) == (0, 61, 0, 1)
    assert second.rollout == first.rollout


def test_a_dry_run_shows_the_result_and_stores_nothing(services: Services, site: Site) -> None:
    """Its numbers and thresholds are those of the import."""
    rows = [*good_comments(60), past(PILLS, SPAM), past(THANKS)]
    before = row_counts(services)
    dry = run(services, site, rows, dry_run=True)
    assert row_counts(services) == before
    wet = run(services, site, rows)
    assert dry.rollout and wet.rollout
    assert (dry.stored, dry.labelled, dry.rollout.thresholds) == (wet.stored, wet.labelled, wet.rollout.thresholds)


def test_all_or_nothing(services: Services, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that breaks off, and an error at the very end of the write, leave nothing."""
    before = row_counts(services)

    def broken() -> Iterator[PastComment]:
        yield from good_comments(600)
        raise InvalidInput("blog.xml ends too early.")

    with pytest.raises(InvalidInput, match="too early"):
        run(services, site, broken())
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(history_import, "recalibrate_anew", lambda *_: 1 // 0)
        run(services, site, [*good_comments(300), past(PILLS, SPAM)])
    assert row_counts(services) == before


def test_spam_is_labelled_and_published_comments_are_not(services: Services, site: Site) -> None:
    """Owners let spam through, so a published comment is no lesson for the next model."""
    run(
        services,
        site,
        [past(PILLS, SPAM), past(THANKS), past(Comment("Gone"), DELETED), past(Comment("?"), PastStatus.WAITING)],
    )
    assert labels_of(services, site) == {PILLS.text: "spam"}
    assert row_counts(services)["comments"] == 2


def test_a_comment_that_is_published_and_spam_is_published(services: Services, site: Site) -> None:
    """The order in the file and in two imports makes no difference."""
    for rows in ([past(PILLS, SPAM), past(PILLS)], [past(PILLS), past(PILLS, SPAM)]):
        run(services, site, rows)
        assert labels_of(services, site) == {}
    assert sample_size(services, site) == 1


def test_a_later_export_has_the_last_word(services: Services, site: Site) -> None:
    """Spam that the owner has published since is ham, a published comment may become spam, or be deleted."""
    run(services, site, [past(PILLS, SPAM), past(THANKS), past(Comment("Delete me"))])
    result = run(services, site, [past(PILLS), past(THANKS, SPAM), past(Comment("Delete me"), DELETED)])
    assert (result.withdrawn, result.labelled, result.removed, result.stored) == (1, 1, 1, 0)
    assert labels_of(services, site) == {THANKS.text: "spam"}
    assert sample_size(services, site) == 1


def test_the_label_of_a_person_stays(services: Services, site: Site) -> None:
    """An import does not undo what a person has said here."""
    run(services, site, [past(PILLS), past(THANKS)])
    label_history(services, site, [1], LabelValue.SPAM, "mara", "cli")
    label_history(services, site, [2], LabelValue.HAM, "mara", "cli")
    result = run(services, site, [past(PILLS), past(THANKS, SPAM)])
    assert (result.withdrawn, result.labelled, result.kept) == (0, 0, 1)
    assert labels_of(services, site) == {PILLS.text: "spam", THANKS.text: "ham"}
    assert sample_size(services, site) == 1


def test_an_incomplete_history_does_not_count(services: Services, site: Site) -> None:
    """If more than 1 in 20 replies lack their parent, the file is a selection. The operator may know better."""
    replies = [past(one.comment, number=number, parent="lost") for number, one in enumerate(good_comments(60))]
    result = run(services, site, replies)
    assert (result.complete, result.counts.orphans, sample_size(services, site)) == (False, 60, 0)
    assert run(services, site, replies, complete=True).complete and sample_size(services, site) == 60
    assert not run(services, site, replies, complete=False).complete and sample_size(services, site) == 0
    threads = [past(one.comment, number=number, parent="1") for number, one in enumerate(good_comments(60))]
    assert run(services, site, threads).complete


def test_linkbacks_are_kept_but_do_not_count(services: Services, site: Site) -> None:
    """Programs write them in their own markup, which says nothing about comments."""
    ping = Comment("[...] a mill in the valley [...]", author="The mill", type="pingback")
    like = Comment("", author="Ida", url="https://moss.example/likes/4", type="like")
    result = run(services, site, [past(ping), past(like), past(replace(THANKS, type="reply"))])
    assert (result.counts.pings, sample_size(services, site)) == (2, 1)
    with read_transaction(services.engine) as connection:
        assert set(connection.execute(select(tables.comments.c.type)).scalars()) == {"like", "pingback", "reply"}


def test_unreadable_rows_are_bounded(services: Services, site: Site) -> None:
    """Up to 1 in 20 rows are skipped; a file with more of them, or without a comment, is refused."""
    assert run(services, site, [*good_comments(20), unreadable("line 7 is odd")]).counts.problems() == "line 7 is odd"
    with pytest.raises(InvalidInput, match=r"blog\.xml: 2 of 22 rows are unreadable, more than 5%\. one; two\."):
        run(services, site, [*good_comments(20), unreadable("one"), unreadable("two")])
    with pytest.raises(InvalidInput, match=r"blog\.xml holds no comment"):
        run(services, site, [])


def test_a_field_that_no_comment_fills_was_not_collected(services: Services, site: Site) -> None:
    """A field is known to be empty if another comment fills it."""
    run(services, site, [past(Comment("One", author="", email="")), past(Comment("Two", author="Ida", email=""))])
    with read_transaction(services.engine) as connection:
        fields = select(tables.comments.c.author, tables.comments.c.email).order_by(tables.comments.c.id)
        assert [tuple(row) for row in connection.execute(fields)] == [("", None), ("Ida", None)]


def test_the_page_counts_where_both_exports_have_it(services: Services, site: Site) -> None:
    """WordPress's table has no pages, its export has: together they store each comment once."""
    elsewhere = replace(THANKS, permalink="https://b.example/2")
    assert run(services, site, [past(THANKS), past(elsewhere)]).stored == 2
    bare = replace(THANKS, permalink=None)
    result = run(services, site, [past(bare), past(bare), past(PILLS, SPAM)])
    assert (result.stored, result.known, result.repeated) == (1, 1, 1)


def test_a_comment_that_was_judged_counts_once(services: Services, site: Site) -> None:
    """A comment may have come through the API, with a label, and through an import."""
    decision = check_comment(services, site, CheckRequest(THANKS)).decision
    label_decision(services, site, decision.id, LabelValue.HAM, "mara", "queue")
    assert sample_size(services, site) == 1
    result = run(services, site, [past(THANKS)])
    assert (result.stored, result.known, sample_size(services, site)) == (0, 1, 1)


def test_the_second_look(services: Services, site: Site) -> None:
    """Published comments above the model's spam threshold are listed until a person has labelled them."""
    spam = [past(replace(PILLS, text=f"{PILLS.text}/{number}"), number=number) for number in range(3)]
    result = run(services, site, [*good_comments(700), *spam])
    look = second_look(services, site, limit=2)
    assert (result.suspicious, look.total, len(look.comments)) == (3, 3, 2)
    assert result.rollout and result.rollout.calibration and result.rollout.calibration.spam
    assert all(entry.probability >= look.threshold for entry in look.comments)
    assert sample_size(services, site) == 703

    numbers = [entry.comment_id for entry in second_look(services, site, 9).comments]
    status = label_history(services, site, numbers[:2], LabelValue.SPAM, "mara", "cli")
    assert [entry.comment_id for entry in second_look(services, site, 9).comments] == numbers[2:]
    assert (status.ham_count, sample_size(services, site)) == (701, 701)
    status = label_history(services, site, numbers[2:], LabelValue.HAM, "mara", "cli")
    assert second_look(services, site, 9).total == 0
    assert sample_size(services, site) == 701
    assert status == rollout_status(services, find_site(services, site.url))


def test_a_corrected_label_lowers_the_thresholds(services: Services, site: Site) -> None:
    """Spam that the owner let through holds them up until a person has said so."""
    spam = [past(replace(PILLS, text=f"{PILLS.text}/{number}"), number=number) for number in range(30)]
    before = run(services, site, [*good_comments(600), *spam]).rollout
    numbers = [entry.comment_id for entry in second_look(services, site, 99).comments]
    after = label_history(services, site, numbers, LabelValue.SPAM, "mara", "cli")
    assert before and before.thresholds and after.thresholds and len(numbers) == 30
    assert after.thresholds.spam < before.thresholds.spam


def test_labels_of_the_queue_lower_the_thresholds_too(services: Services, site: Site, moderator: Moderator) -> None:
    """With the next recalibration, as if they had been there at the import; and an undo raises the thresholds again."""
    spam = [past(replace(PILLS, text=f"{PILLS.text}/{number}"), number=number) for number in range(30)]
    before = run(services, site, [*good_comments(600), *spam]).rollout
    assert not recalibrate(services, find_site(services, site.url))
    listed = list_comments(services, ListName.SECOND_LOOK).comments
    acts = [act(services, [SeenComment(each.id)], Verb.SPAM, moderator).act_id for each in listed]
    assert recalibrate(services, find_site(services, site.url))
    after = rollout_status(services, find_site(services, site.url))
    assert before and before.thresholds and after.thresholds and after.ham_count == 600
    assert after.thresholds.spam < before.thresholds.spam
    assert not recalibrate(services, find_site(services, site.url))

    for act_id in acts:
        undo(services, act_id or 0, moderator)
    assert recalibrate(services, find_site(services, site.url))
    again = rollout_status(services, find_site(services, site.url))
    assert again.thresholds and again.thresholds.spam == before.thresholds.spam


def test_only_comments_of_the_site_s_history_are_labelled(services: Services, site: Site, other_site: Site) -> None:
    """All or none: a number of another site, or of a comment that is not in the history, is refused."""
    run(services, site, [past(THANKS), past(PILLS, SPAM)])
    run(services, other_site, [past(THANKS)])
    with pytest.raises(NotFound, match="no comment 2, 3"):
        label_history(services, site, [1, 2, 3], LabelValue.SPAM, "mara", "cli")
    assert labels_of(services, site) == {PILLS.text: "spam"}


def test_own_thresholds_stay(services: Services, site: Site) -> None:
    """A site that sets its own thresholds keeps them; its history waits."""
    own = set_thresholds(services, site.url, Thresholds(0.1, 0.2, 0.3))
    result = run(services, own, good_comments(60))
    assert result.rollout and result.rollout.thresholds == Thresholds(0.1, 0.2, 0.3)
    status = rollout_status(services, set_thresholds(services, site.url, None))
    assert status.ham_count == 60


def test_a_new_model_scores_the_history_again(services: Services, site: Site, tmp_path: Path) -> None:
    """The history then counts for the new model, and no longer for the old one."""
    run(services, site, good_comments(300))
    registry: ModelRegistry = small_model_registry(tmp_path / "models")
    registry.add(small_arrays(), small_card("newer"))
    registry.promote("newer")
    promoted = replace(services, registry=registry, live_model=LiveModel(registry))
    assert sample_size(promoted, site, "newer") == 0
    recalibration = SlicedRecalibration(promoted, slice_seconds=0.0)
    # 250 comments, the other 50, and the thresholds.
    assert [recalibration(Event()) for _ in range(3)] == [True, True, False]
    assert (sample_size(promoted, site, "newer"), sample_size(promoted, site, "small")) == (300, 0)
    stored = find_site(promoted, site.url).stored_calibration
    assert stored and (stored.model, stored.review_sample_size) == ("newer", 236)
    assert not rescore_history(promoted, site)
