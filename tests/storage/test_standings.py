"""What sites have earned is found without looking at every decision."""

from typing import Any

from sqlalchemy import Select

from moderation.actions.access import find_site
from moderation.actions.desk import Desk
from moderation.domain.budget import Budget, Earned, Standing, draw_line
from moderation.domain.site import Site
from moderation.storage import keys, standings
from moderation.storage.engine import reading, writing
from tests.calibration import write_past

GOOD = [(f"{number:032x}", 0.1 + number / 1_000) for number in range(598)]
EARNED = Earned("small", Budget(), Standing(draw_line(GOOD[:59], 0.05, 0.95), draw_line(GOOD, 0.005, 0.95)), 59, 598)


def plan(desk: Desk, statement: Select[Any], **wanted: object) -> str:
    """How SQLite goes about a statement."""
    spelled = statement.params(**wanted).compile(desk.engine, compile_kwargs={"literal_binds": True})
    with reading(desk.engine) as connection:
        return "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {spelled}"))


def test_what_was_stored_comes_back(desk: Desk, site: Site) -> None:
    """To the last digit, with the number of its row, by the site and by the terms."""
    with writing(desk.engine) as connection:
        number = standings.add(connection, site.id, EARNED, desk.clock())
        found = standings.newest_under(connection, site.id, "small", Budget())
        assert standings.newest_number(connection, site.id) == number
        assert standings.newest_under(connection, site.id, "other", Budget()) is None
        assert standings.newest_under(connection, site.id, "small", Budget(0.01)) is None
    assert found and found.standing == Standing(EARNED.standing.review, EARNED.standing.spam, number)
    assert find_site(desk, site.url).earned == found


def test_the_newest_standing_comes_with_the_site(desk: Desk, site: Site, teammate_site: Site) -> None:
    """Of several the last one, and never another site's."""
    with writing(desk.engine) as connection:
        standings.add(connection, site.id, Earned("old", Budget()), desk.clock())
        standings.add(connection, site.id, EARNED, desk.clock())
        standings.add(connection, teammate_site.id, Earned("theirs", Budget()), desk.clock())
    found = [find_site(desk, one.url).earned for one in (site, teammate_site)]
    assert [one.model for one in found if one] == ["small", "theirs"]


def test_the_first_good_comments_come_in_their_order(desk: Desk, site: Site) -> None:
    """Oldest first, as many as are asked for."""
    ids = write_past(desk, site, [0.1, 0.2, 0.3])
    with reading(desk.engine) as connection:
        assert standings.count_good(connection, site.id, "small") == 3
        found = standings.oldest_good(connection, site.id, "small", 2)
    assert found == list(zip(ids, [0.1, 0.2], strict=False))


def test_no_question_reads_a_whole_table(desk: Desk, site: Site) -> None:
    """Good comments are found by the labels, the site of a key by the key: time does not grow with what was decided."""
    good = plan(desk, standings._COUNT, wanted_site=1, wanted_model="small")
    caller = plan(desk, keys._SITE_OF, wanted_digest="x")
    assert "SCAN decisions" not in good and "ix_labels_site_id_value_comment_id" in good
    assert "SCAN standings" not in caller and "SCAN sites" not in caller
