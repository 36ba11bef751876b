"""A page costs at most its bytes, whatever the comments on it are."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.queue import (
    HOSTILE_TEXTS,
    MAX_COMPRESSED_BYTES,
    MAX_PAGE_BYTES,
    RANDOM_ALPHABETS,
    HostileQueue,
    hostile_comments,
    random_comments,
)
from moderation.actions.services import Services
from moderation.actions.sites import add_site
from moderation.domain.comment import Comment
from moderation.domain.opinions import Opinion
from moderation.settings import Settings
from moderation.storage import opinions
from moderation.storage.engine import write_transaction
from moderation.web.queue.site_page import SITES_PAGE_SIZE
from moderation.web.queue.views import PAGE_SIZE
from tests.web.conftest import Browser

TEXT_BYTES = 20_000
_pieces = st.tuples(st.sampled_from(sorted(HOSTILE_TEXTS)), st.integers(1, 700))


@pytest.fixture
def hostile_queue(services: Services, settings: Settings) -> HostileQueue:
    return HostileQueue(services, settings)


def too_heavy(queue: HostileQueue, paths: list[str]) -> list[tuple[str, int, int]]:
    """Return the pages with too many bytes, before or after compression, of those that show some comments."""
    found = []
    for path in paths:
        page = queue.client.get(path, headers={"Accept-Encoding": "gzip"}).data
        sizes = (len(gzip.decompress(page)), len(page))
        if sizes[0] > MAX_PAGE_BYTES or sizes[1] > MAX_COMPRESSED_BYTES:
            found.append((path, *sizes))
    return found


@pytest.mark.e2e
def test_twenty_of_each_hostile_kind_are_bounded(hostile_queue: HostileQueue) -> None:
    """Each kind in all fields of twenty comments with similar ones, and each on its own page."""
    comments = {kind: comment for kind, comment in hostile_comments(TEXT_BYTES) if kind.endswith("in all fields")}
    assert len(comments) == len(HOSTILE_TEXTS)
    found = {kind: too_heavy(hostile_queue, hostile_queue.hold(comment)) for kind, comment in comments.items()}
    assert {kind: pages for kind, pages in found.items() if pages} == {}


def test_texts_that_do_not_compress_are_bounded(hostile_queue: HostileQueue) -> None:
    """A card shows less of them, and its own page has more parts."""
    for kind, alphabet in RANDOM_ALPHABETS.items():
        assert too_heavy(hostile_queue, hostile_queue.hold_all(random_comments(alphabet))) == [], kind


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_pieces, min_size=2, max_size=6))
def test_mixtures_are_bounded(hostile_queue: HostileQueue, pieces: list[tuple[str, int]]) -> None:
    """Pieces of several kinds, one behind the other and again and again."""
    text = "".join(HOSTILE_TEXTS[kind](length) for kind, length in pieces) * 4
    comment = Comment(text, author=text, url=text, email=f"a@{text}", context=text, permalink=text)
    assert too_heavy(hostile_queue, hostile_queue.hold(comment)) == []


def test_opinions_of_other_models_are_bounded(services: Services, hostile_queue: HostileQueue) -> None:
    """Each card has one, by a model with a long and hostile name."""
    for alphabet in RANDOM_ALPHABETS.values():
        paths = hostile_queue.hold_all(random_comments(alphabet))
        name = random_comments(alphabet)[0].text
        with write_transaction(services.engine) as connection:
            while (question := opinions.next_question(connection, services.clock())) is not None:
                now = services.clock()
                claimed = opinions.claim(connection, question, name[question.comment_id :], now, now)
                assert claimed and opinions.settle(connection, claimed, Opinion(name, True, 0.92))
        assert hostile_queue.client.get("/queue").text.count("which decides nothing") == PAGE_SIZE
        assert too_heavy(hostile_queue, paths) == []


def test_the_page_of_sites_is_bounded(mara: Browser, services: Services) -> None:
    """Many sites with long addresses have several pages, each site once."""
    for number in range(SITES_PAGE_SIZE + 3):
        add_site(services, f"https://n{number:03}.example/{'x' * 450}", None)
    first, second = mara.get("/queue/sites"), mara.get(f"/queue/sites?after={SITES_PAGE_SIZE}")
    assert len(first.data) < MAX_PAGE_BYTES and f"/queue/sites?after={SITES_PAGE_SIZE}" in first.text
    assert [page.text.count("<article ") for page in (first, second)] == [SITES_PAGE_SIZE, 3]
    assert "This is the end of the list" in mara.get("/queue/sites?after=2000000000").text
