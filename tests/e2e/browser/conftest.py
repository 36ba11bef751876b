"""One Chromium and one served service with a large queue for all tests of this folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from moderation.domain.comment import Comment
from tests.e2e.browser.chromium import Browsing, browsing, chromium
from tests.e2e.browser.large_queue import KEY, MODERATORS, large_queue, written_comments
from tests.e2e.browser.large_queue import small_queue as prepared_queue
from tests.e2e.service import Service, served

OpenBrowser = Callable[..., Browsing]


@dataclass(frozen=True)
class Queue:
    """A service that runs, and the sessions of its moderators as a browser keeps them."""

    service: Service
    address: str
    sessions: dict[str, Any] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)
    # No text comes twice, as the site learns from each test. Those before are in the large queue.
    _texts: Iterator[Comment] = field(default_factory=lambda: islice(written_comments(), 1_000, None))

    def hold_some(self, number: int) -> list[str]:
        """Hold some ordinary comments. Return the ids of their decisions in the order of the list."""
        return self.hold(*(comment.text for comment in islice(self._texts, number)))[::-1]

    def hold(self, *texts: str, **fields: str) -> list[str]:
        """Send comments that are all held. Return the ids of their decisions; the last one is at the top."""
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=self.address, headers=headers, timeout=60) as blog:
            # Two requests with the same comment have one decision.
            sent = [{"text": text, "author": f"Guest {next(self._numbers)}"} | fields for text in texts]
            decided = [blog.post("/v1/score", json=comment).raise_for_status().json() for comment in sent]
        assert {decision["verdict"] for decision in decided} == {"review"}, decided
        return [str(decision["id"]) for decision in decided]

    def label(self, decision_id: str) -> str | None:
        """Return the label in force of a comment."""
        headers = {"Authorization": f"Bearer {KEY}"}
        decision = httpx.get(f"{self.address}/v1/decisions/{decision_id}", headers=headers).raise_for_status().json()
        return decision["label"]["value"] if decision["label"] else None


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run one Chromium. Each test has its own profile in it."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def queue(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Queue]:
    """Serve a queue with 50,000 held comments, and sign its moderators in."""
    with running(large_queue(tmp_path_factory.mktemp("queue")), browser) as queue:
        yield queue


@pytest.fixture
def small_queue(tmp_path: Path, browser: Browser) -> Iterator[Queue]:
    """Serve a queue without a comment, and sign its moderators in."""
    with running(prepared_queue(tmp_path), browser) as queue:
        yield queue


@contextmanager
def running(service: Service, browser: Browser) -> Iterator[Queue]:
    """Serve a queue until the block ends, and sign its moderators in."""
    settings = {"MODERATION_MAX_CHECKS_PER_MINUTE": "0", "MODERATION_AUDIT_SHARE": "0"}
    service = replace(service, settings=settings)
    with served(service) as server:
        queue = Queue(service, f"http://127.0.0.1:{server.port}")
        for name in MODERATORS:
            with browsing(browser, queue.address) as person:
                person.sign_in(name)
                queue.sessions[name] = person.context.storage_state()
        yield queue


@pytest.fixture
def open_browser(browser: Browser, queue: Queue) -> Iterator[OpenBrowser]:
    """Return a function that opens the browser of a signed-in moderator, closed and checked after the test."""
    with ExitStack() as stack:

        def open_signed_in(name: str = MODERATORS[0], at: Queue = queue, **options: Any) -> Browsing:
            options = {"storage_state": at.sessions[name]} | options
            return stack.enter_context(browsing(browser, at.address, **options))

        yield open_signed_in


@pytest.fixture
def page(open_browser: OpenBrowser) -> Page:
    """Return the page of a moderator."""
    return open_browser().page
