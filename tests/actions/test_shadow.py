"""A shadow candidate: compared with live decisions after their answers, in small counts."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.services import Services
from moderation.actions.shadow import read_shadow, score_shadow
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.registry.live_model import LiveModel
from moderation.storage import shadow
from tests.conftest import Clock
from tests.models import small_arrays, small_card, small_model_registry


@pytest.fixture
def shadowed(services: Services, tmp_path: Path) -> Services:
    """The services with a shadow candidate that blocks everything."""
    registry = small_model_registry(tmp_path / "shadowed")
    registry.add(small_arrays(), replace(small_card("strict"), thresholds=Thresholds(1e-9, 1e-9, 1e-9)))
    registry.set_shadow("strict")
    return replace(services, registry=registry, live_model=LiveModel(registry))


def check(services: Services, site: Site, number: int) -> Decision:
    return check_comment(services, site, CheckRequest(Comment(f"Good soup, thank you {number}"))).decision


def test_live_decisions_are_compared_once(shadowed: Services, site: Site, clock: Clock) -> None:
    """From its start on, in rounds, by whichever process comes first; the answer is that of the live model."""
    check(shadowed, site, 0)
    clock.advance(60)
    score_shadow(shadowed, Event())
    clock.advance(60)
    decided = [check(shadowed, site, number) for number in range(1, 6)]
    clock.advance(60)
    assert {each.score.model for each in decided} == {"small"}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("moderation.actions.shadow.MAX_PER_ROUND", 2)
        for _ in range(5):
            score_shadow(shadowed, Event())
    ((counted_site, counts),) = read_shadow(shadowed, "strict")
    assert counted_site.url == site.url and counts.counts.total() == 5
    assert {before for before, _ in counts.counts} == {each.verdict for each in decided}
    assert {decision_id for decision_id, _ in counts.changed} == {each.id for each in decided}
    assert read_shadow(shadowed, "small") == []


def test_another_process_does_not_count_twice(shadowed: Services, site: Site, clock: Clock) -> None:
    """It finds that the place has moved on, and stores nothing."""
    score_shadow(shadowed, Event())
    clock.advance(60)
    check(shadowed, site, 1)
    clock.advance(60)
    real = shadow.find
    with pytest.MonkeyPatch.context() as monkeypatch:
        calls = iter([lambda: score_shadow(shadowed, Event())])

        def find_late(connection: object, site_id: int) -> object:
            found = real(connection, site_id)  # type: ignore[arg-type]
            monkeypatch.setattr(shadow, "find", real)
            next(calls)()
            return found

        monkeypatch.setattr(shadow, "find", find_late)
        score_shadow(shadowed, Event())
    ((_, counts),) = read_shadow(shadowed, "strict")
    assert counts.counts.total() == 1 and len(counts.changed) == 1


def test_the_list_of_differing_decisions_is_bounded(
    shadowed: Services, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last ones stay, the counts are of all."""
    monkeypatch.setattr(shadow, "MAX_CHANGED", 2)
    score_shadow(shadowed, Event())
    clock.advance(60)
    decided = []
    for number in range(4):
        decided.append(check(shadowed, site, number).id)
        clock.advance(60)
    score_shadow(shadowed, Event())
    ((_, counts),) = read_shadow(shadowed, "strict")
    assert [decision_id for decision_id, _ in counts.changed] == decided[-2:] and counts.counts.total() == 4


def test_without_a_candidate_nothing_is_compared(shadowed: Services, site: Site, clock: Clock) -> None:
    """Also with one that has been removed, and after a stop."""
    for content in (b"", b"gone\n", b"../small\n", b"\xff"):
        (shadowed.registry.folder / "shadow").write_bytes(content)
        score_shadow(shadowed, Event())
    shadowed.registry.set_shadow(None)
    score_shadow(shadowed, Event())
    assert read_shadow(shadowed, "strict") == []
