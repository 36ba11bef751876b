"""The sweep: held comments by score, a band of them, a sample, and one press that can be undone."""

import re

import pytest

from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.services import Services
from moderation.actions.sweep import SAMPLE_SIZE, read_sweep
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelOrigin
from moderation.domain.errors import InvalidInput
from moderation.domain.site import Site
from tests.queue_lists import held_items
from tests.web.conftest import Browser


@pytest.fixture
def held(services: Services, hold_all_site: Site) -> list[Decision]:
    """Hold comments of many scores."""
    texts = [f"Thank you {number}, great casino bonus http://c{number}.com" * (number % 3 + 1) for number in range(15)]
    texts += [f"I disagree with the point {number} of the author about libraries" for number in range(15)]
    return [check_comment(services, hold_all_site, CheckRequest(Comment(text))).decision for text in texts]


def band_of(decision: Decision) -> tuple[int, int]:
    """Return the narrowest band with a decision."""
    percent = int(100 * decision.score.probability)
    return percent, min(100, percent + 1)


def test_the_histogram_counts_each_comment_once(services: Services, held: list[Decision]) -> None:
    """The whole band has all of them, with the ham expected by their scores."""
    sweep = read_sweep(services, 0, 100)
    band = sweep.band
    assert band and sum(sweep.counts) == len(held) == band.size == band.total
    assert band.expected_spam == pytest.approx(sum(each.score.probability for each in held))
    assert band.expected_ham + band.expected_spam == pytest.approx(len(held))
    assert len({comment.id for comment in band.sample}) == SAMPLE_SIZE
    assert [each.id for each in band.sample] == [each.id for each in (read_sweep(services, 0, 100).band or band).sample]


@pytest.mark.parametrize("band", [(-1, 5), (50, 40), (0, 101)])
def test_a_band_is_in_order(services: Services, band: tuple[int, int]) -> None:
    """Percentages from 0 to 100."""
    with pytest.raises(InvalidInput):
        read_sweep(services, *band)


def test_one_press_decides_the_band(
    mara: Browser, services: Services, hold_all_site: Site, held: list[Decision]
) -> None:
    """The others stay, the labels have the origin of a sweep, and an undo brings all back."""
    low, high = band_of(held[0])
    inside = {each.id for each in held if low <= 100 * each.score.probability <= high}
    page = mara.get(f"/queue/sweep?low={low}&high={high}").text
    match = re.search(r'name="newest" value="(\d+)"', page)
    assert match and f"Spam: all {len(inside)}" in page and f"{len(inside)} comment" in page
    late = check_comment(services, hold_all_site, CheckRequest(held[0].comment, recheck=False)).decision
    answer = mara.send("/queue/sweep", low=str(low), high=str(high), newest=match[1], verb="spam")
    assert answer.headers["Location"] == f"/queue/sweep?low={low}&high={high}"
    assert {each.id for each in held_items(services)} == {each.id for each in [*held, late]} - inside
    label = find_decision(services, hold_all_site, held[0].id)[1]
    assert label and label.origin is LabelOrigin.SWEEP
    act = re.search(r'name="act" value="(\d+)"', mara.get("/queue/sweep").text)
    assert act
    mara.send("/queue/undo", act=act[1], back="/queue/sweep")
    assert {each.id for each in held} <= {each.id for each in held_items(services)}


def test_an_empty_band_and_an_unusable_one(mara: Browser, held: list[Decision]) -> None:
    """The page says so, a press on nothing changes nothing, and a form without its fields is refused."""
    assert "from a percentage to one that is not lower" in mara.get("/queue/sweep?low=60&high=20").text
    assert mara.get("/queue/sweep?low=x&high=").status_code == 200
    assert mara.send("/queue/sweep", low="0", high="100", newest="0", verb="spam").status_code == 303
    assert "No held comment is in this band any longer" in mara.get("/queue/sweep").text
    assert mara.send("/queue/sweep", low="0", high="100", verb="spam").status_code == 400
    assert mara.send("/queue/sweep", low="0", high="100", newest="9", verb="skip").status_code == 400


def test_nothing_held(mara: Browser) -> None:
    """An empty queue has an empty chart."""
    assert "No held comment has a score in this band" in mara.get("/queue/sweep").text
