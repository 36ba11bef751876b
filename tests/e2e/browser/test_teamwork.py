"""Search, notes and second opinions in the browser, and the pages that tell who did what."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import NARROW, faults, violations
from tests.e2e.browser.conftest import OpenBrowser, Queue
from tests.e2e.browser.lists import current, opened, said

pytestmark = pytest.mark.e2e


def test_search_without_the_mouse(queue: Queue, page: Page) -> None:
    """`/` goes to the field, Enter shows what was found, and the keys then work on it; a saved view leads back."""
    (wanted,) = queue.hold("Does the cinnamon of page nine keep?", author="Quentin Searched")
    opened(queue, page)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("author:quentin cinnamon")
    page.keyboard.press("Enter")
    expect(page.locator("article.card")).to_have_count(1)
    assert current(page) == wanted and violations(page) == [] and faults(page) == []
    page.get_by_text("Save this view").click()
    page.get_by_label("Name for this search").fill("Quentin")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Quentin", exact=True)).to_be_visible()
    page.keyboard.press("h")
    expect(said(page)).to_contain_text("is ham")
    expect(page.locator("article.card")).to_have_count(0)
    page.goto(f"{queue.address}/queue/decided")
    page.get_by_role("link", name="Quentin", exact=True).click()
    expect(page).to_have_url(re.compile("q=author"))
    page.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.get_by_role("link", name="Quentin", exact=True)).to_have_count(0)
    assert queue.label(wanted) == "ham"


def test_a_question_that_cannot_be_searched_is_explained(page: Page, queue: Queue) -> None:
    """The field names its problem, for the ear too."""
    page.goto(f"{queue.address}/queue?q=before%3Ayesterdayish")
    field = page.get_by_role("searchbox")
    problem = page.locator(f"#{field.get_attribute('aria-describedby')}")
    expect(problem).to_be_visible()
    assert violations(page) == []


def test_a_note_is_written_in_the_list(queue: Queue, page: Page, open_browser: OpenBrowser) -> None:
    """`n` opens the form at the card, Escape closes it, and the other moderator reads the note on the card."""
    first, *_ = opened(queue, page)
    page.keyboard.press("n")
    field = page.get_by_label("A note for the other moderators")
    expect(field).to_be_focused()
    page.keyboard.type("shx is no command here")
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    assert current(page) == first and page.evaluate("document.activeElement.dataset.id") == first
    page.keyboard.press("n")
    field.fill("Asked the author about <b>the oven</b>.")
    page.get_by_role("button", name="Save the note").click()
    expect(said(page)).to_contain_text("The note is stored.")
    card = page.locator(f"#c-{first}")
    expect(card).to_contain_text("Asked the author about <b>the oven</b>.")
    assert violations(page) == [] and faults(page) == []
    expect(open_browser("ben").open("/queue").locator(f"#c-{first}")).to_contain_text("Asked the author about")
    assert queue.label(first) is None


def test_a_second_opinion(queue: Queue, page: Page, open_browser: OpenBrowser) -> None:
    """One person is asked, finds the comment under what waits for that person, and decides."""
    (first,) = queue.hold_some(1)
    page.goto(f"{queue.address}/queue/comments/{first}")
    page.keyboard.press("n")
    page.keyboard.type("Is this irony?")
    page.get_by_label("Second opinion of").select_option("ben")
    page.get_by_role("button", name="Ask for it").click()
    expect(said(page)).to_contain_text("waits for a second opinion")
    ben = open_browser("ben").open("/queue")
    ben.get_by_role("link", name=re.compile("second opinion", re.IGNORECASE)).first.click()
    card = ben.locator(f"#c-{first}")
    expect(card).to_contain_text("Is this irony?")
    assert violations(ben) == []
    card.get_by_role("button", name="Ham").click()
    expect(said(ben)).to_contain_text("is ham")
    assert queue.label(first) == "ham"


@pytest.mark.parametrize("path", ["/queue/log", "/queue/agreement", "/queue/second-look"])
def test_pages_of_the_team_in_a_narrow_window(queue: Queue, open_browser: OpenBrowser, path: str) -> None:
    """Nothing is cut at 320 pixels, and no rule of axe-core is violated, with rows on the page."""
    page = open_browser(viewport=NARROW).page
    opened(queue, page, 2)
    page.keyboard.press("s")
    expect(said(page)).to_contain_text("is spam")
    page.goto(f"{queue.address}{path}")
    assert violations(page) == [] and faults(page) == []


def test_the_log_names_the_decision_and_its_undo(queue: Queue, page: Page) -> None:
    """It leads to the comment; the form narrows it to a person and keeps what was asked."""
    first, *_ = opened(queue, page)
    page.keyboard.press("s")
    expect(said(page)).to_contain_text("is spam")
    page.keyboard.press("u")
    expect(said(page)).to_contain_text("Undone")
    page.goto(f"{queue.address}/queue/log?person=mara")
    link = page.locator(f"a[href*='{first}']").first
    expect(link).to_be_visible()
    link.click()
    expect(page).to_have_url(re.compile(first))
