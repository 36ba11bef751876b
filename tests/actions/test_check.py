"""A comment comes in, a decision goes out, and it is on disk before anybody sees it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moderation.actions.access import add_site, set_policy
from moderation.actions.check import FALLBACK_POLICY, check_comment, check_comments, consider, find_decision
from moderation.actions.desk import Desk
from moderation.actions.review import count_held, held_items
from moderation.domain.budget import OBSERVING
from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.errors import NotFound, StorageUnavailable
from moderation.domain.policy import Policy, Verdict, decide
from moderation.domain.site import Site
from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf
from moderation.scoring.model import score
from moderation.settings import Settings
from moderation.storage.columns import storable
from moderation.storage.engine import open_engine, writing
from tests.conftest import Clock
from tests.models import ODD_SITE, odd_labels, odd_trained, small_card

COMMENT = Comment(
    text="Thank you, the second photograph is lovely.",
    author="Ines",
    url="https://ines.example",
    email="ines@ines.example",
    permalink="https://blog.example/lakes",
    context="Lakes",
    type="comment",
    lang="en",
    date="2026-01-02",
)
PUBLISH_ALL = Policy(1.0, 1.0, 1.0)

# The desk outlives one example on purpose: each example adds to the same database.
one_desk = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def test_a_decision_comes_back_as_it_was_answered(desk: Desk, site: Site) -> None:
    """Score, reasons, lines, verdict and comment are stored exactly."""
    decision = check_comment(desk, site, COMMENT)
    assert find_decision(desk, site, decision.id) == (decision, None)
    assert decision.score.reasons
    assert decision.made_at == desk.clock()


def test_the_live_model_judges(desk: Desk, site: Site) -> None:
    """The score is the live model's, and a site that has earned nothing has it held from the model's line on."""
    model = desk.live.current()
    decision = check_comment(desk, site, COMMENT)
    assert decision.score == score(model, COMMENT)
    assert decision.policy.review == model.lines.review
    assert decision.verdict is decide(decision.score.probability, decision.policy)
    assert not decision.degraded


def test_a_fresh_site_blocks_the_blatant_alone(desk: Desk, site: Site) -> None:
    """Nothing is certified yet: spam is what the model would discard, and nothing is discarded."""
    decision = check_comment(desk, site, COMMENT)
    assert decision.policy == Policy(desk.live.current().lines.review, desk.live.current().lines.discard, 1.0)
    assert decision.standing == OBSERVING


def test_a_site_draws_its_own_lines(desk: Desk, site: Site) -> None:
    """A site's policy goes before the model's."""
    lines = Policy(review=1e-12, spam=1e-12, discard=1.0)
    decision = check_comment(desk, set_policy(desk, site.url, lines), COMMENT)
    assert (decision.policy, decision.verdict) == (lines, Verdict.SPAM)
    assert decision.standing is None


def test_a_power_cut_after_the_answer_loses_nothing(
    desk: Desk, holding_site: Site, settings: Settings, tmp_path: Path
) -> None:
    """When the answer is out, the decision and its item are in the database's files."""
    decision = check_comment(desk, holding_site, COMMENT)
    shutil.copytree(settings.var, tmp_path / "after")
    after = replace(desk, engine=open_engine(f"sqlite:///{tmp_path}/after/moderation.db", busy_seconds=1))
    assert find_decision(after, holding_site, decision.id)[0] == decision
    assert [item.decision for item in held_items(after)] == [decision]
    after.engine.dispose()


def test_only_a_review_waits_for_a_person(desk: Desk, site: Site, holding_site: Site) -> None:
    """An item is opened for `review` and for no other verdict."""
    lenient = set_policy(desk, site.url, PUBLISH_ALL)
    assert check_comment(desk, lenient, COMMENT).verdict is Verdict.PUBLISH
    harsh = set_policy(desk, site.url, Policy(1e-12, 1e-12, 1e-12))
    assert check_comment(desk, harsh, COMMENT).verdict is Verdict.DISCARD
    assert count_held(desk) == 0
    held = check_comment(desk, holding_site, COMMENT)
    assert [item.decision for item in held_items(desk)] == [held]


def test_without_a_model_a_person_decides(modelless_desk: Desk, site: Site) -> None:
    """No model: nothing is published or lost by guessing; the decision says that it is degraded, and why."""
    decision = check_comment(modelless_desk, site, COMMENT)
    assert (decision.verdict, decision.degraded) == (Verdict.REVIEW, True)
    assert decision.policy == OBSERVING.lines(FALLBACK_POLICY)
    assert (decision.score.probability, decision.score.model) == (0.5, "none")
    assert [reason.code for reason in decision.score.reasons] == ["NO_MODEL"]
    assert [item.decision for item in held_items(modelless_desk)] == [decision]


def test_without_a_model_no_line_publishes(modelless_desk: Desk, site: Site) -> None:
    """A site that publishes nearly all still has a person look when nothing was judged."""
    lenient = set_policy(modelless_desk, site.url, PUBLISH_ALL)
    decision = check_comment(modelless_desk, lenient, COMMENT)
    assert (decision.policy, decision.verdict) == (PUBLISH_ALL, Verdict.REVIEW)


def test_considering_stores_nothing(desk: Desk, holding_site: Site) -> None:
    """A trial run leaves no decision and no item."""
    decision = consider(desk, holding_site, COMMENT)
    with pytest.raises(NotFound):
        find_decision(desk, holding_site, decision.id)
    assert count_held(desk) == 0


def test_a_batch_is_many_checks(desk: Desk, holding_site: Site) -> None:
    """A batch answers in order, stores each decision with its own comment, and holds what is to be held."""
    batch = [replace(COMMENT, text=f"Comment number {number}.") for number in range(40)]
    made = check_comments(desk, holding_site, batch)
    assert [decision.comment for decision in made] == batch
    assert [find_decision(desk, holding_site, decision.id)[0] for decision in made] == made
    assert [item.decision for item in held_items(desk)] == made[::-1]


def test_an_empty_batch_has_no_answers(desk: Desk, site: Site) -> None:
    """Nothing in, nothing out."""
    assert check_comments(desk, site, []) == []


def test_another_site_may_not_look(desk: Desk, site: Site, teammate_site: Site) -> None:
    """A decision of another site is not found, exactly as one that never was."""
    decision = check_comment(desk, site, COMMENT)
    with pytest.raises(NotFound) as foreign:
        find_decision(desk, teammate_site, decision.id)
    with pytest.raises(NotFound) as absent:
        find_decision(desk, teammate_site, "f" * 32)
    assert str(foreign.value) == str(absent.value)


def test_a_locked_database_gives_no_answer(desk: Desk, site: Site, settings: Settings) -> None:
    """An answer that cannot be stored is not given."""
    hurried = replace(desk, engine=open_engine(settings.database, busy_seconds=0.01))
    with writing(desk.engine), pytest.raises(StorageUnavailable, match="locked"):
        check_comment(hurried, site, COMMENT)
    hurried.engine.dispose()


def test_every_check_has_its_own_decision(desk: Desk, site: Site, clock: Clock) -> None:
    """The same comment sent twice was judged twice."""
    first = check_comment(desk, site, COMMENT)
    clock.advance(1)
    second = check_comment(desk, site, COMMENT)
    assert first.id != second.id
    assert first.made_at < second.made_at


@one_desk
@given(text=st.text(st.characters(), max_size=60), author=st.none() | st.text(st.characters(), max_size=10))
@example(text="\x00", author="\ud83d")
@example(text="", author="")
def test_any_text_is_stored(desk: Desk, holding_site: Site, text: str, author: str | None) -> None:
    """Whatever a Python string can hold is judged and stored; it comes back with U+FFFD for NUL and lone surrogates."""
    decision = check_comment(desk, holding_site, Comment(text=text, author=author))
    found, _ = find_decision(desk, holding_site, decision.id)
    assert found.comment == Comment(text=storable(text), author=None if author is None else storable(author))
    assert found.score == decision.score


@one_desk
@given(st.sets(st.sampled_from(COMMENT_FIELDS[1:])))
def test_unknown_stays_apart_from_empty(desk: Desk, site: Site, emptied: set[str]) -> None:
    """`None` (the site did not say) and the empty string (the author left it empty) come back as they were."""
    fields: dict[str, str] = dict.fromkeys(emptied, "")
    comment = Comment(text="Hello there", **fields)
    decision = check_comment(desk, site, comment)
    assert find_decision(desk, site, decision.id)[0].comment == comment


def test_a_site_is_judged_by_its_own_weights(desk: Desk, site: Site, tmp_path: Path) -> None:
    """One model serves all, and what a site's people taught it holds at that site alone."""
    shelf = Shelf(tmp_path / "odd")
    shelf.add(odd_trained().arrays(), small_card("odd"))
    shelf.promote("odd")
    odd_desk = replace(desk, shelf=shelf, live=LiveModel(shelf))
    odd_site = add_site(desk, ODD_SITE)[0]
    for comment, spam in list(odd_labels(45))[-6:]:
        here, elsewhere = (check_comment(odd_desk, where, comment).score for where in (odd_site, site))
        assert (here.probability > 0.5) == spam != (elsewhere.probability > 0.5)
        assert here.model == elsewhere.model == "odd"
