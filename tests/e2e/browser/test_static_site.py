"""The static page of docs/static-site.md in a browser without script: posting, waiting, a moderator's act, attacks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from examples.static.receiver import create_app
from moderation.client import Client
from tests.e2e.browser.chromium import PHONE, Browsing, browsing, faults, photograph, violations
from tests.e2e.browser.large_queue import PASSWORD
from tests.e2e.browser.lists import said
from tests.e2e.browser.test_hostile import hostile
from tests.e2e.service import Service, free_port, served

pytestmark = pytest.mark.e2e

BLOG, KEY = "https://blog.example.org", "0123456789ab"
DELIVERY_MILLISECONDS = 60_000
DANGEROUS = "main :is(script, iframe, style, link, meta, base, img, object, embed, video, audio, dialog, a)"

Open = Callable[..., Browsing]


@dataclass(frozen=True)
class StaticSite:
    """A static page with its receiver, and the service that judges and calls it."""

    service: Service
    queue_address: str
    address: str

    def set_thresholds(self, threshold: str) -> None:
        """Publish each comment with 1, and hold each with a number near 0."""
        numbers = ("--review", threshold, "--spam", "1", "--discard", "1")
        self.service.moderation("site", "thresholds", BLOG, *numbers)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[StaticSite]:
    """Serve as the page says: the service with a webhook for decisions, and the receiver."""
    service, port, folder = Service(tmp_path), free_port(), tmp_path / "comments"
    service.prepare()
    service.moderation("site", "add", BLOG, "--key", KEY)
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    service.moderation("moderator", "add", "mara", "--password-file", str(tmp_path / "password"))
    address = f"http://127.0.0.1:{port}"
    added = service.moderation(
        "webhook", "add", f"{address}/moderation", "--event", "decided", "--site", BLOG, "--private"
    )
    secret = next(word for word in added.split() if word.startswith("whsec_"))
    with served(service) as server:
        queue_address = f"http://127.0.0.1:{server.port}"
        client = Client(queue_address, KEY, spool=folder / "spool", timeout_seconds=30)
        app = create_app(client, folder, secret)  # type: ignore[no-untyped-call]  # untyped, to be short
        receiver = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield StaticSite(service, queue_address, address)
        finally:
            receiver.shutdown()
            thread.join()
            receiver.server_close()


@pytest.fixture
def open_page(browser: Browser, site: StaticSite) -> Iterator[Open]:
    """Return a function that opens the browser of a visitor, checked after the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(browsing(browser, site.address, **options))


def post(visitor: Browsing, text: str, author: str = "") -> Page:
    page = visitor.open("/index.html")
    page.get_by_label("Name").fill(author)
    page.get_by_label("Comment").fill(text)
    page.get_by_role("button", name="Send").click()
    return page


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE}], ids=["wide", "phone"])
def test_a_comment_is_published_or_waits_for_its_moderator(
    site: StaticSite, browser: Browser, open_page: Open, options: dict[str, Any]
) -> None:
    """Ham is there at once. A held comment appears when a moderator has pressed Ham, and goes again with Spam."""
    visitor = open_page(java_script_enabled=False, **options)
    site.set_thresholds("1")
    page = post(visitor, "Mine took two hours longer.\nIs that usual?", "Ana")
    expect(page.locator("article .text")).to_have_text("Mine took two hours longer.\nIs that usual?")
    site.set_thresholds("1e-9")
    page = post(visitor, "With rye it is even better.")
    expect(page.get_by_role("status")).to_have_text("Thank you. Your comment waits for a moderator.")
    assert faults_of(browser, page.url, options) == []
    expect(visitor.open("/index.html").get_by_role("article")).to_have_count(1)
    with browsing(browser, site.queue_address, java_script_enabled=False) as mara:
        queue = mara.sign_in("mara")
        queue.get_by_role("article").get_by_role("button", name="Ham").click()
        expect(said(queue)).to_contain_text("is ham")
        wait_for_articles(site, visitor, 2)
        expect(visitor.page.get_by_text("With rye it is even better.")).to_be_visible()
        photograph(visitor.page, f"static-site-{'phone' if options else 'wide'}")
        said(queue).get_by_role("button", name="Undo").click()
        wait_for_articles(site, visitor, 1)


def test_a_hostile_comment_is_inert(site: StaticSite, open_page: Open) -> None:
    """In a browser that would run its script, too. Every attack is shown as the text that was sent."""
    site.set_thresholds("1")
    attacks = [comment.text for comment in islice(hostile(), 0, 36, 2)]
    for attack in attacks:
        data = {"text": attack, "author": attack[:100]}
        assert httpx.post(f"{site.address}/comments", data=data, timeout=60).status_code == 303
    page = open_page().open("/index.html")
    shown = page.locator("article .text")
    expect(shown).to_have_count(len(attacks))
    assert [text.strip() for text in shown.all_text_contents()] == [attack.strip() for attack in attacks]
    assert page.title() == "How to bake bread" and page.locator(DANGEROUS).count() == 0
    assert violations(page) == [] and faults(page) == []


def wait_for_articles(site: StaticSite, visitor: Browsing, number: int) -> None:
    """Load the page again until it has a number of comments."""
    articles = visitor.page.get_by_role("article")
    for _ in range(DELIVERY_MILLISECONDS // 500):
        visitor.open("/index.html")
        if articles.count() == number:
            break
        visitor.page.wait_for_timeout(500)
    expect(articles).to_have_count(number)


def faults_of(browser: Browser, address: str, options: dict[str, Any]) -> list[str]:
    """Return what hinders a person on a page, measured by a browser with script."""
    with browsing(browser, address.rpartition("/")[0], **options) as visitor:
        page = visitor.open("/" + address.rpartition("/")[2])
        return [*violations(page), *faults(page)]
