"""A page costs at most its bytes, whatever the comments on it are."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.queue import HOSTILE_TEXTS, MAX_PAGE_BYTES, HostileQueue, hostile_comments
from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.domain.comment import Comment
from moderation.settings import Settings
from moderation.web.queue.views import SITES_PAGE_SIZE
from tests.web.conftest import Browser

TEXT_BYTES = 20_000
_pieces = st.tuples(st.sampled_from(sorted(HOSTILE_TEXTS)), st.integers(1, 700))


@pytest.fixture
def hostile_queue(services: Services, settings: Settings) -> HostileQueue:
    return HostileQueue(services, settings)


def heaviest(queue: HostileQueue, comment: Comment) -> int:
    """Return the most bytes of the pages that show twenty of the comment, or one alone."""
    return max(len(queue.client.get(path).data) for path in queue.hold(comment))


def test_twenty_of_each_hostile_kind_are_bounded(hostile_queue: HostileQueue) -> None:
    """Each kind in all fields of twenty comments with similar ones, and each on its own page."""
    comments = {kind: comment for kind, comment in hostile_comments(TEXT_BYTES) if kind.endswith("in all fields")}
    assert len(comments) == len(HOSTILE_TEXTS)
    sizes = {kind: heaviest(hostile_queue, comment) for kind, comment in comments.items()}
    assert {kind: size for kind, size in sizes.items() if size > MAX_PAGE_BYTES} == {}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_pieces, min_size=2, max_size=6))
def test_mixtures_are_bounded(hostile_queue: HostileQueue, pieces: list[tuple[str, int]]) -> None:
    """Pieces of several kinds, one behind the other and again and again."""
    text = "".join(HOSTILE_TEXTS[kind](length) for kind, length in pieces) * 4
    assert heaviest(hostile_queue, Comment(text, author=text, url=text, email=f"a@{text}")) <= MAX_PAGE_BYTES


def test_the_page_of_sites_is_bounded(mara: Browser, services: Services) -> None:
    """Many sites with long addresses have several pages, each site once."""
    for number in range(SITES_PAGE_SIZE + 3):
        add_site(services, f"https://n{number:03}.example/{'x' * 450}", None)
    first, second = mara.get("/queue/sites"), mara.get(f"/queue/sites?after={SITES_PAGE_SIZE}")
    assert len(first.data) < MAX_PAGE_BYTES and f"/queue/sites?after={SITES_PAGE_SIZE}" in first.text
    assert [page.text.count('<th scope="row">') for page in (first, second)] == [SITES_PAGE_SIZE, 3]
    assert "This is the end of the list" in mara.get("/queue/sites?after=2000000000").text
