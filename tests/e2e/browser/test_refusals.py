"""What goes wrong between the page and the server: another moderator, a restart, an ended session, the back button."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.chromium import Browsing, browsing
from tests.e2e.browser.conftest import OpenBrowser, Queue
from tests.e2e.browser.large_queue import MODERATORS, PASSWORD
from tests.e2e.browser.lists import current, opened, said
from tests.e2e.service import Service, free_port, served

pytestmark = pytest.mark.e2e


def test_two_moderators_on_one_comment(queue: Queue, open_browser: OpenBrowser) -> None:
    """The slower one gets the comment back, with the name of the faster one; the label stays."""
    mara, ben = open_browser("mara").page, open_browser("ben").page
    first, second, _ = opened(queue, mara)
    ben.goto(mara.url)
    mara.keyboard.press("h")
    expect(said(mara)).to_contain_text("is ham")
    ben.keyboard.press("s")
    assert current(ben) == second or ben.locator(f"#c-{first} .refusal").is_visible()
    expect(ben.locator(f"#c-{first} .refusal")).to_contain_text("mara was faster and labelled it ham")
    expect(said(ben)).to_contain_text("mara was faster")
    assert current(ben) == first and queue.label(first) == "ham"
    expect(ben.locator("#rail li.refused")).to_have_count(1)


def test_a_decision_after_the_session_has_ended(queue: Queue, open_browser: OpenBrowser) -> None:
    """The form of the decision takes the moderator to the sign-in; after it one press carries the decision out."""
    person = open_browser(storage_state=None)
    person.sign_in()
    first, *_ = opened(queue, person.page)
    person.context.clear_cookies()
    person.page.keyboard.press("s")
    sign_in(person.page)
    assert queue.label(first) is None
    person.page.get_by_role("button", name=re.compile("Spam|Confirm|Carry", re.IGNORECASE)).first.click()
    expect(said(person.page)).to_contain_text("is spam")
    assert queue.label(first) == "spam"


@pytest.mark.parametrize("scripted", [True, False])
def test_a_session_ends_in_the_middle_of_a_bulk_action(queue: Queue, open_browser: OpenBrowser, scripted: bool) -> None:
    """One press after the sign-in decides the chosen ones once, but none that another person decided meanwhile."""
    person = open_browser(storage_state=None, java_script_enabled=scripted)
    page, chosen = person.sign_in(), queue.hold_some(4)
    person.open("/queue")
    for decision in chosen[:3]:
        page.locator(f"#c-{decision}").get_by_label("Choose").check()
    end_session(open_browser, person)
    ben = open_browser("ben", java_script_enabled=False).open("/queue")
    ben.locator(f"#c-{chosen[0]}").get_by_role("button", name="Ham").click()
    expect(said(ben)).to_contain_text("is ham")
    page.locator("#bulk").get_by_role("button", name="Spam").click()
    expect(page.get_by_text("nothing has changed yet")).to_be_visible()
    sign_in(page, "a wrong password")
    expect(page.get_by_text("is wrong")).to_be_visible()
    sign_in(page)
    expect(page.get_by_role("main")).to_contain_text("Spam for 3 comments")
    assert [queue.label(decision) for decision in chosen] == ["ham", None, None, None]
    page.get_by_role("button", name="Spam", exact=True).dblclick()
    expect(said(page)).to_contain_text("2 comments: spam")
    expect(said(page)).to_contain_text("ben was faster and labelled it ham")
    assert [queue.label(decision) for decision in chosen] == ["ham", "spam", "spam", None]
    person.open("/queue/acts")
    expect(page.locator("form.actions").first).to_contain_text("2 comments: spam, by mara")
    expect(page.locator("form.actions").nth(1)).to_contain_text("1 comment: ham, by ben")
    page.locator("form.actions").first.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("2 comments are as before")
    assert [queue.label(decision) for decision in chosen] == ["ham", None, None, None]


def end_session(open_browser: OpenBrowser, person: Browsing) -> None:
    """Sign the person out in another window with the same cookies."""
    other = open_browser(storage_state=person.context.storage_state()).open("/queue")
    other.get_by_role("button", name="Sign out", exact=True).click()
    expect(said(other)).to_contain_text("signed out")


def sign_in(page: Page, password: str = PASSWORD) -> None:
    """Fill in and send the form of the sign-in that is on the page."""
    page.get_by_label("Name").fill(MODERATORS[0])
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_server_restarts_while_a_page_is_open(browser: Browser, queue: Queue, tmp_path: Path) -> None:
    """Decisions made meanwhile are shown as waiting, and arrive."""
    service = Service(tmp_path, {"PORT": str(free_port())})
    service.prepare()
    for url, key in (("https://bakery.example", "00ba4e4f0001"),):
        service.moderation("site", "add", url, "--key", key)
        service.moderation("site", "thresholds", url, "--review", "1e-300", "--spam", "1", "--discard", "1")
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    service.moderation("moderator", "add", MODERATORS[0], "--password-file", str(tmp_path / "password"))
    small = replace(queue, service=service, address=f"http://127.0.0.1:{service.settings['PORT']}")
    with browsing(browser, small.address) as person:
        with served(service):
            person.sign_in()
            decisions = opened(small, person.page)
        person.page.keyboard.press("h")
        person.page.keyboard.press("s")
        assert current(person.page) == decisions[2]
        expect(said(person.page)).to_contain_text("does not answer")
        with served(service):
            expect(said(person.page)).to_contain_text("is spam", timeout=30_000)
            assert [small.label(decision) for decision in decisions] == ["ham", "spam", None]


def test_the_back_button_shows_no_decided_comment(queue: Queue, open_browser: OpenBrowser) -> None:
    """The list is read again, and what was decided is not in it."""
    page = open_browser().page
    first, second, _ = opened(queue, page)
    page.keyboard.press("h")
    expect(said(page)).to_contain_text("is ham")
    page.locator("#rail a").first.click()
    expect(page).to_have_url(re.compile(f"/queue/comments/{first}"))
    page.go_back()
    expect(page.locator("article[aria-current]")).to_have_attribute("data-id", second)
    expect(page.locator(f"#c-{first}")).to_have_count(0)
