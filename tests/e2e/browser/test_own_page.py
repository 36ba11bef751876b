"""The keys on a comment's own page: the comment stays, the result is said, and the next held one is offered."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import violations
from tests.e2e.browser.conftest import OpenBrowser, Queue
from tests.e2e.browser.lists import said

pytestmark = pytest.mark.e2e


def opened(queue: Queue, page: Page, number: int = 2, **fields: str) -> list[str]:
    """Open the own page of the newest held comment. Returns the decisions, the newest first."""
    decisions = queue.hold_some(number) if not fields else queue.hold("Where can I buy the small oven?", **fields)
    page.goto(f"{queue.address}/queue/comments/{decisions[0]}")
    return decisions


def test_a_key_decides_and_the_next_comment_is_offered(queue: Queue, page: Page) -> None:
    """The page shows label and history at once; the pressed button keeps the focus; `j` goes on."""
    first, second = opened(queue, page)
    page.get_by_role("button", name="Spam").focus()
    page.keyboard.press("h")
    expect(said(page)).to_contain_text("is ham")
    expect(page.locator(f"#c-{first}")).to_contain_text("you called it ham")
    expect(page.locator("[data-live=history]")).to_contain_text("You called it ham")
    expect(page.get_by_role("button", name="Spam")).to_be_focused()
    assert queue.label(first) == "ham" and violations(page) == []
    onward = said(page).get_by_role("link", name="Next held comment")
    expect(onward).to_have_attribute("href", f"/queue/comments/{second}")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(f"/queue/comments/{second}$"))


def test_each_verb(queue: Queue, page: Page) -> None:
    """One after the other on the same comment, without waiting: each follows the label of the one before."""
    (first,) = opened(queue, page, author_id="author-9")
    for key in "tbhsx":
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("is removed")
    expect(page.locator("[data-live=history] li")).to_have_count(4)
    page.keyboard.press("f")
    expect(said(page)).to_contain_text("taken back")
    expect(page.get_by_role("button", name="Skip")).to_be_visible()
    page.keyboard.press("r")
    expect(said(page)).to_contain_text("is skipped")
    assert queue.label(first) is None


def test_undo(queue: Queue, page: Page) -> None:
    """By the key and by the button of the message; the label of before is in force again."""
    first, _ = opened(queue, page)
    for key in "hs":
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("is spam")
    page.keyboard.press("u")
    expect(said(page)).to_contain_text("as before")
    expect(page.locator(f"#c-{first}")).to_contain_text("you called it ham")
    assert queue.label(first) == "ham"
    page.keyboard.press("u")
    expect(page.locator("#rail")).to_be_hidden()
    expect(page.get_by_role("button", name="Skip")).to_be_visible()
    assert queue.label(first) is None


def test_another_moderator_was_faster(queue: Queue, page: Page, open_browser: OpenBrowser) -> None:
    """The refusal is said, and the page shows the label that stands."""
    first, _ = opened(queue, page)
    ben = open_browser("ben").open(f"/queue/comments/{first}")
    ben.keyboard.press("s")
    expect(said(ben)).to_contain_text("is spam")
    page.keyboard.press("h")
    expect(said(page)).to_contain_text("ben was faster")
    expect(page.locator(f"#c-{first}")).to_contain_text("ben called it spam")
    assert queue.label(first) == "spam"


def test_reasons_campaign_and_help(queue: Queue, page: Page) -> None:
    """`e` folds the reasons, `?` lists what works here, and `c` leads to the comments like this one."""
    first, *_ = queue.hold(*(f"Order {oven} at https://ovens-for-two.example today" for oven in ("small", "large")))
    page.goto(f"{queue.address}/queue/comments/{first}")
    reasons = page.locator(".why")
    expect(reasons).to_have_attribute("open", "")
    page.keyboard.press("e")
    expect(reasons).not_to_have_attribute("open", "")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    for name in ("Next comment", "Ham", "Undo the last decision", "Comments of the same campaign"):
        expect(dialog.get_by_label(name, exact=True)).to_be_visible()
    for name in ("Previous comment", "One comment at a time", "Show new comments", "List: Held"):
        expect(dialog.get_by_label(name)).to_be_hidden()
    # A key of a list is taken on this page too.
    dialog.get_by_label("Ham", exact=True).fill("z")
    dialog.get_by_label("Spam", exact=True).focus()
    expect(dialog.get_by_role("alert")).to_contain_text("stands for another command")
    page.keyboard.press("Escape")
    for key in "z.k1":
        page.keyboard.press(key)
    page.keyboard.press("c")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 comments with")
