"""Lines are drawn in the background, whatever goes wrong now and then."""

from time import monotonic, sleep

import pytest
from sqlalchemy import text

from moderation.actions.access import find_site
from moderation.actions.desk import Desk
from moderation.actions.upkeep import Upkeep
from moderation.domain.site import Site
from moderation.storage.engine import writing
from tests.calibration import write_past

PATIENCE = 20


def wait_until_drawn(desk: Desk, site: Site) -> None:
    give_up = monotonic() + PATIENCE
    while find_site(desk, site.url).earned is None:
        assert monotonic() < give_up
        sleep(0.01)


def test_what_is_due_is_drawn_by_itself(desk: Desk, site: Site) -> None:
    """Nobody has to call a command for a site to climb."""
    write_past(desk, site, [0.1] * 59)
    upkeep = Upkeep(desk, pause=0.01)
    upkeep.start()
    wait_until_drawn(desk, site)
    upkeep.stop()


def test_trouble_does_not_end_the_rounds(desk: Desk, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The journal names it, and a later round works."""
    write_past(desk, site, [0.1] * 59)
    _rename(desk, "labels", "gone")
    upkeep, seen, give_up = Upkeep(desk, pause=0.01), "", monotonic() + PATIENCE
    upkeep.start()
    while "a round of drawing lines failed" not in seen:
        assert monotonic() < give_up
        seen += capsys.readouterr().err
    _rename(desk, "gone", "labels")
    wait_until_drawn(desk, site)
    upkeep.stop()


def test_stopping_takes_no_time(desk: Desk) -> None:
    """However long the pause."""
    upkeep = Upkeep(desk, pause=3_600)
    upkeep.start()
    began = monotonic()
    upkeep.stop()
    assert monotonic() - began < 1


def test_processes_do_not_look_at_the_same_moment(desk: Desk) -> None:
    """The pauses differ by up to a half either way."""
    chances = iter((0.0, 0.5, 1.0))
    upkeep = Upkeep(desk, pause=100, chance=lambda: next(chances))
    assert [upkeep._pause() for _ in range(3)] == [50, 100, 150]


def _rename(desk: Desk, old: str, new: str) -> None:
    with writing(desk.engine) as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
