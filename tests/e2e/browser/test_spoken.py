"""What a screen reader says: each result is put into one live region, as text, while the focus stays where it is."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.conftest import OpenBrowser, Queue
from tests.e2e.browser.lists import current, opened, said

pytestmark = pytest.mark.e2e

# What is there when the page is loaded is not spoken, and neither is a region that a script adds.
_LISTEN = """() => {
  const region = document.querySelector('[role=status]');
  window.spoken = [];
  new MutationObserver(() => {
    const words = region.isConnected && region.textContent.trim().replace(/\\s+/g, ' ');
    if (words) window.spoken.push(words);
  }).observe(region, {childList: true, subtree: true, characterData: true});
}"""


def hears(page: Page, *sentences: str) -> None:
    """Wait until the last sentence is said. Fails unless each was, in this order."""
    expect(said(page)).to_contain_text(sentences[-1])
    spoken = iter(page.evaluate("spoken"))
    assert all(any(sentence in said_text for said_text in spoken) for sentence in sentences), page.evaluate("spoken")
    page.evaluate("spoken.length = 0")


def test_each_result_is_spoken(queue: Queue, page: Page, open_browser: OpenBrowser) -> None:
    """Ham, spam, undo, a refusal, and the ends of the list."""
    first, second, _ = opened(queue, page)
    page.evaluate(_LISTEN)
    names = [page.locator(f"#c-{each} h2").inner_text() for each in (first, second)]
    page.keyboard.press("h")
    hears(page, f"Ham: {names[0]}.", f"The comment by “{names[0]}” is ham: the label is stored.")
    page.keyboard.press("u")
    hears(page, f"Undone: Ham: {names[0]}.", "Undone: 1 comment is as before.")
    page.keyboard.press("s")
    hears(page, f"Spam: {names[0]}.", f"The comment by “{names[0]}” is spam: the label is stored.")
    ben = open_browser("ben").open("/queue")
    ben.locator(f"#c-{second}").get_by_role("button", name="Ham").click()
    expect(said(ben)).to_contain_text("is ham")
    page.keyboard.press("s")
    hears(page, f"Spam: {names[1]}.", "Nothing changed: ben was faster and labelled it ham.")
    assert page.evaluate("document.activeElement.dataset.id") == current(page) == second
    page.keyboard.press("k")
    hears(page, "This is the first comment of the list.")


def test_the_end_of_a_list(queue: Queue, page: Page) -> None:
    """The last comment has no next one. After its decision the list says that it has ended, and has the focus."""
    page.goto(f"{queue.address}/queue?after=3")
    page.evaluate(_LISTEN)
    last, first = (card.get_attribute("data-id") for card in page.locator("article.card").all())
    expect(page.locator(".end")).to_be_hidden()
    for key in "jj":
        page.keyboard.press(key)
    hears(page, "This is the last comment of the list.")
    assert current(page) == first
    for key in "xx":
        page.keyboard.press(key)
    expect(page.locator(".end")).to_be_focused()
    expect(page.locator(".end")).to_have_text("This is the end of the list.")
    expect(page.locator("#rail li")).to_have_count(2)
    for key in "uu":
        page.keyboard.press(key)
    expect(page.locator("article.card")).to_have_count(2)
    hears(page, "Undone: 1 comment is as before.")
    assert current(page) in (last, first)


def test_the_numbers_follow_the_decisions(small_queue: Queue, open_browser: OpenBrowser) -> None:
    """The heading and the numbers beside the lists are those of the server, and are not spoken."""
    page = open_browser(at=small_queue).page
    opened(small_queue, page)
    page.evaluate(_LISTEN)
    page.keyboard.press("h")
    heading, beside = page.get_by_role("heading", level=1), page.get_by_role("navigation", name="Lists")
    expect(heading).to_have_text("Held 2 held")
    expect(beside).to_have_text(re.compile(r"Held 2\s+Blocked 0\s+Public 0\s+Decided 1"))
    for key in "su":
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("as before")
    expect(heading).to_have_text("Held 2 held")
    for key in "sx":
        page.keyboard.press(key)
    expect(heading).to_have_text("Held 0 held")
    expect(page.locator(".end")).to_have_text("This is the end of the list.")
    expect(beside).to_have_text(re.compile(r"Held 0\s+Blocked 0\s+Public 0\s+Decided 3"))
    assert not any("Decided" in sentence for sentence in page.evaluate("spoken"))
