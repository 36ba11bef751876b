"""The keys of the queue: each does its work on the current comment, and the next one is there at once."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import PHONE, faults, violations
from tests.e2e.browser.conftest import OpenBrowser, Queue
from tests.e2e.browser.lists import current, opened, said, wait_until_stored

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("key", "label", "words"), [("h", "ham", "is ham"), ("s", "spam", "is spam")])
def test_a_key_labels_and_the_next_comment_comes_to_the_same_place(
    queue: Queue, page: Page, key: str, label: str, words: str
) -> None:
    """The decision is stored and spoken; the next comment has the focus."""
    first, second, _ = opened(queue, page)
    page.keyboard.press("j")
    page.keyboard.press("k")
    top = page.locator(f"#c-{first}").bounding_box()
    page.keyboard.press(key)
    assert current(page) == second and page.evaluate("document.activeElement.dataset.id") == second
    below = page.locator(f"#c-{second}").bounding_box()
    assert top and below and abs(top["y"] - below["y"]) <= 1
    expect(said(page)).to_contain_text(words)
    assert queue.label(first) == label


def test_other_verbs(queue: Queue, page: Page) -> None:
    """`x` removes, `r` defers; neither labels, and both take the comment from the list. `f` is for labelled ones."""
    first, second, third = opened(queue, page)
    page.keyboard.press("x")
    expect(said(page)).to_contain_text("is removed")
    page.keyboard.press("r")
    expect(said(page)).to_contain_text("is skipped")
    page.keyboard.press("f")
    assert current(page) == third and queue.label(first) is None and queue.label(second) is None
    page.keyboard.press("4")
    expect(page).to_have_url(re.compile("/queue/decided$"))
    assert current(page) == first
    page.keyboard.press("f")
    expect(said(page)).to_contain_text("taken back")
    page.keyboard.press("1")
    expect(page.locator(f"#c-{first}")).to_be_visible()


def test_trust_and_block_leave_the_comment(queue: Queue, page: Page) -> None:
    """They are about the author, whom the blog vouches for. Each can be undone."""
    (first,) = queue.hold("Where can I buy the small oven?", author_id="author-7")
    page.goto(f"{queue.address}/queue")
    page.keyboard.press("t")
    expect(said(page)).to_contain_text("is trusted")
    page.keyboard.press("b")
    expect(said(page)).to_contain_text("is blocked")
    assert current(page) == first
    page.keyboard.press("u")
    expect(page.locator("#rail li")).to_have_count(1)
    expect(said(page)).to_contain_text("is as before")


def test_moving_and_reasons(queue: Queue, page: Page) -> None:
    """`j` and `k` stop at the ends, `e` opens the reasons, `z` shows one comment at a time, also after a reload."""
    first, second, third = opened(queue, page)
    for key, expected in (("k", first), ("j", second), ("j", third), ("k", second)):
        page.keyboard.press(key)
        assert current(page) == expected
    reasons = page.locator(f"#c-{second} .why")
    page.keyboard.press("e")
    expect(reasons).to_have_attribute("open", "")
    page.keyboard.press("z")
    expect(page.locator("article.card:visible")).to_have_count(1)
    page.keyboard.press("j")
    assert page.locator("article.card:visible").get_attribute("data-id") == third
    page.reload()
    expect(page.locator("article.card:visible")).to_have_count(1)
    page.keyboard.press("z")
    expect(page.locator(f"#c-{second}")).to_be_visible()


def test_undo_and_decide_otherwise(queue: Queue, page: Page) -> None:
    """`u` brings the comment back to its place; another verdict then holds."""
    first, second, _ = opened(queue, page)
    page.keyboard.press("h")
    expect(said(page)).to_contain_text("is ham")
    page.keyboard.press("u")
    assert current(page) == first
    assert page.locator("article.card").nth(1).get_attribute("data-id") == second
    expect(said(page)).to_contain_text("Undone")
    page.keyboard.press("s")
    expect(said(page)).to_contain_text("is spam")
    assert queue.label(first) == "spam" and queue.label(second) is None


def test_the_rail_has_the_last_ten_decisions(queue: Queue, page: Page) -> None:
    """Each can be undone, also from the next page of the same tab."""
    decisions = opened(queue, page, 11)
    for _ in decisions:
        page.keyboard.press("s")
    rows = page.locator("#rail li")
    expect(rows).to_have_count(10)
    expect(said(page)).to_contain_text("is spam: the label")
    rows.nth(9).get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(9)
    assert current(page) == decisions[1]
    expect(said(page)).to_contain_text("Undone")
    expect(rows.nth(0)).to_be_visible()
    wait_until_stored(page, 9)
    page.keyboard.press("2")
    expect(page).to_have_url(re.compile("/queue/blocked$"))
    expect(rows).to_have_count(9)
    page.keyboard.press("u")
    expect(rows).to_have_count(8)
    labels = [queue.label(decision) for decision in decisions]
    assert labels == ["spam", None, *["spam"] * 8, None]


def test_the_next_page_is_there_before_it_is_needed(queue: Queue, page: Page) -> None:
    """Thirty decisions, and the address is still that of the first page."""
    opened(queue, page, 1)
    for number in range(30):
        expect(page.locator("article[aria-current]")).to_have_count(1)
        before = current(page)
        page.keyboard.press("j")
        expect(page.locator("article[aria-current]")).not_to_have_attribute("data-id", before)
        assert page.locator("article.card").count() >= 20, number
    assert page.url == f"{queue.address}/queue"


def test_keys_are_silent_elsewhere(queue: Queue, page: Page) -> None:
    """No command with a modifier, in a field, while composing, or from a key that is held down."""
    first, *_ = opened(queue, page)
    for keys in ("Control+s", "Alt+h", "Meta+x", "Shift+S"):
        page.keyboard.press(keys)
    send = "options => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...options}))"
    page.evaluate(send, {"key": "s", "code": "KeyS", "isComposing": True})
    page.evaluate(send, {"key": "s", "code": "KeyS", "repeat": True})
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<textarea id=field></textarea>')")
    page.locator("#field").press_sequentially("sshx")
    assert page.locator("#field").input_value() == "sshx" and current(page) == first
    expect(page.locator("#rail")).to_be_hidden()


def test_keys_of_other_layouts(queue: Queue, page: Page) -> None:
    """A key of a layout without Latin letters counts by its place, every other by its letter."""
    first, second, _ = opened(queue, page)
    send = "options => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...options}))"
    page.evaluate(send, {"key": "о", "code": "KeyJ"})
    assert current(page) == second
    # Dvorak: the letter K is at the place of V.
    page.evaluate(send, {"key": "k", "code": "KeyV"})
    assert current(page) == first


def test_keys_can_be_changed_and_switched_off(queue: Queue, page: Page) -> None:
    """WCAG 2.1.4. The dialog lists only what the page can do, keeps changes, and refuses a key that is taken."""
    first, second, third = opened(queue, page)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    assert violations(page) == [] and faults(page) == []
    expect(dialog.get_by_label("Forget the decision")).to_be_hidden()
    dialog.get_by_label("Ham", exact=True).fill("s")
    dialog.get_by_label("Spam", exact=True).focus()
    expect(dialog.get_by_role("alert")).to_contain_text("stands for another command")
    dialog.get_by_label("Ham", exact=True).fill("g")
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    assert current(page) == first
    page.reload()
    page.keyboard.press("g")
    expect(said(page)).to_contain_text("is ham")
    page.get_by_role("button", name="Keys").click()
    dialog.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.reload()
    page.keyboard.press("j")
    assert current(page) == second
    page.get_by_role("button", name="Keys").click()
    dialog.get_by_role("button", name="Standard keys").click()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert current(page) == third and queue.label(second) is None


def test_new_comments_wait_until_they_are_asked_for(queue: Queue, page: Page) -> None:
    """Nothing moves when a comment arrives; `.` shows it."""
    first, *_ = opened(queue, page)
    before = page.locator(f"#c-{first}").bounding_box()
    (arrived,) = queue.hold("One more")
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert page.locator(f"#c-{first}").bounding_box() == before
    page.keyboard.press(".")
    expect(page.locator("article.card").first).to_have_attribute("data-id", arrived)
    assert current(page) == arrived
    expect(page.get_by_role("button", name="1 new")).to_be_hidden()


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE, "has_touch": True}], ids=["wide", "phone"])
def test_a_click_moves_nothing_under_the_pointer(
    queue: Queue, open_browser: OpenBrowser, options: dict[str, object]
) -> None:
    """After a click on Spam its place is empty, and a second click decides nothing."""
    page = open_browser(**options).page
    first, second, _ = opened(queue, page)
    button = page.locator(f"#c-{first}").get_by_role("button", name="Spam")
    button.scroll_into_view_if_needed()
    place = page.locator(f"#c-{second}").bounding_box()
    button.dblclick()
    assert page.locator(f"#c-{second}").bounding_box() == place
    expect(said(page)).to_contain_text("is spam")
    assert [queue.label(decision) for decision in (first, second)] == ["spam", None]
    said(page).get_by_role("button", name="Undo").click()
    expect(page.locator(f"#c-{first}")).to_be_visible()
    expect(said(page)).to_contain_text("Undone")
    assert queue.label(first) is None


def test_enter_on_a_button_leads_to_the_same_button_of_the_next_comment(queue: Queue, page: Page) -> None:
    """A keyboard without single keys decides by Enter alone."""
    first, second, _ = opened(queue, page)
    page.locator(f"#c-{first}").get_by_role("button", name="Spam").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#c-{second}").get_by_role("button", name="Spam")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#rail li")).to_have_count(2)
    expect(said(page)).to_contain_text("is spam: the label")
    assert [queue.label(decision) for decision in (first, second)] == ["spam", "spam"]
