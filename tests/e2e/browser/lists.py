"""A list of the queue as a moderator sees it."""

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.conftest import Queue


def current(page: Page) -> str:
    """Return the decision of the current comment."""
    return page.locator("article[aria-current]").get_attribute("data-id") or ""


def said(page: Page) -> Locator:
    """Return the place in which results are shown and spoken."""
    return page.locator("[role=status]").first


def opened(queue: Queue, person: Page, number: int = 3) -> list[str]:
    """Open the held comments with new ones at the top. Returns their decisions, the first of the list first."""
    decisions = queue.hold_some(number)
    person.goto(f"{queue.address}/queue")
    assert current(person) == decisions[0]
    return decisions


def wait_until_stored(page: Page, number: int = 10) -> None:
    """Wait until the server has confirmed every decision of the rail: each can then be undone by its act."""
    key = f"moderation.rail.{page.locator('#rail').get_attribute('data-moderator')}"
    stored = "([key, number]) => JSON.parse(sessionStorage.getItem(key)).length === number"
    page.wait_for_function(stored, arg=[key, number])
    expect(page.locator("#rail li")).to_have_count(number)
