"""The queue without JavaScript: every function is a form or a link, and the next comment comes to the same place."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import PHONE, photograph
from tests.e2e.browser.conftest import OpenBrowser, Queue
from tests.e2e.browser.lists import said

pytestmark = pytest.mark.e2e


@pytest.fixture
def page(open_browser: OpenBrowser) -> Page:
    """Return the page of a moderator whose browser runs no script."""
    return open_browser(java_script_enabled=False, viewport=PHONE).page


def test_decide_and_undo(queue: Queue, page: Page) -> None:
    """A press on Spam decides, and the next comment is there; a press on Undo takes it back."""
    first, second, _ = queue.hold_some(3)
    page.goto(f"{queue.address}/queue")
    photograph(page, "held-without-script")
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    page.locator(f"#c-{first}").get_by_role("button", name="Spam").click()
    expect(said(page)).to_contain_text("is spam")
    expect(page.locator(f"#c-{first}")).to_have_count(0)
    expect(page.locator(f"#c-{second}").get_by_role("button", name="Spam")).to_be_in_viewport()
    assert queue.label(first) == "spam"
    said(page).get_by_role("button", name="Undo").click()
    expect(page.locator(f"#c-{first}")).to_have_count(1)
    assert queue.label(first) is None


def test_each_list_and_its_next_page(queue: Queue, page: Page) -> None:
    """Links lead to each list and on to its second page, which has other comments."""
    page.goto(f"{queue.address}/queue")
    for name in ("Held", "Blocked", "Public", "Decided"):
        page.get_by_role("navigation", name="Lists").get_by_role("link", name=re.compile(name)).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        shown = {card.get_attribute("data-id") for card in page.locator("article.card").all()}
        page.get_by_role("link", name="Older").click()
        others = {card.get_attribute("data-id") for card in page.locator("article.card").all()}
        assert len(shown) == len(others) == 20 and not shown & others


def test_two_presses_on_one_button(queue: Queue, page: Page) -> None:
    """The second press decides nothing else: there is one label, and no comment but this one has it."""
    first, second, _ = queue.hold_some(3)
    page.goto(f"{queue.address}/queue")
    page.locator(f"#c-{first}").get_by_role("button", name="Spam").dblclick()
    expect(page.locator(f"#c-{first}")).to_have_count(0)
    assert [queue.label(decision) for decision in (first, second)] == ["spam", None]


def test_a_decision_on_a_page_from_before(queue: Queue, open_browser: OpenBrowser, page: Page) -> None:
    """The back button shows an old page; a press there changes nothing that another moderator decided since."""
    first, *_ = queue.hold_some(1)
    page.goto(f"{queue.address}/queue")
    other = open_browser("ben", java_script_enabled=False).page
    other.goto(page.url)
    other.locator(f"#c-{first}").get_by_role("button", name="Ham").click()
    expect(said(other)).to_contain_text("is ham")
    page.locator(f"#c-{first}").get_by_role("button", name="Spam").click()
    expect(said(page)).to_contain_text("ben was faster")
    assert queue.label(first) == "ham"
