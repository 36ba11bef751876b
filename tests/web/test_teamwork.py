"""Several people at one comment, on the pages of the queue: notes, second opinions, and who decides."""

import html
import re

import pytest
from flask import Flask

from moderation.actions.callbacks import GRACE
from moderation.actions.moderators import add_moderator
from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.people import Grant, Role
from moderation.domain.queue import MAX_NOTE_LENGTH
from tests.conftest import PASSWORD, Clock
from tests.queue_lists import held_items
from tests.web.conftest import HOLD_ALL, Blog, Browser

HOSTILE = '<script>alert(1)</script>\n"\u202egnp.exe" ' + "e" + "\u0301" * 40


@pytest.fixture
def held(blog: Blog, services: Services, moderator: Moderator) -> str:
    blog.set_thresholds(HOLD_ALL)
    blog.score("Is it here?")
    return held_items(services)[0].id


def person(app: Flask, services: Services, name: str, grant: Grant) -> Browser:
    add_moderator(services, name, PASSWORD, grant)
    browser = Browser(app.test_client())
    assert browser.sign_in(name).status_code == 303
    return browser


def text_of(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", "", page).split()))


def test_a_note_is_on_the_comment_and_its_card(
    app: Flask, services: Services, blog: Blog, mara: Browser, held: str
) -> None:
    """The card shows the newest one; a reader of the site sees them too, and no form."""
    form = {"id": held, "back": f"/queue/comments/{held}"}
    answer = mara.send("/queue/notes", text="A regular of ours?", **form)
    assert (answer.status_code, answer.location) == (303, f"/queue/comments/{held}")
    mara.send("/queue/notes", text="Yes, since 2019.", **form)
    reader = person(app, services, "Rita", Grant(Role.READER, blog.site.id))
    for browser, name in ((mara, "you"), (reader, "mara")):
        page, card = (text_of(browser.get(path).text) for path in (f"/queue/comments/{held}", "/queue"))
        assert "“A regular of ours?”" in page and f"Note by {name}, " in page
        assert "(the newest of 2 notes): “Yes, since 2019.”" in card and "regular" not in card
    forms = ["/queue/notes" in browser.get(f"/queue/comments/{held}").text for browser in (mara, reader)]
    links = ['class="note"' in browser.get("/queue").text for browser in (mara, reader)]
    assert forms == links == [True, False]
    assert reader.send("/queue/notes", text="Mine", **form).status_code == 403


def test_a_second_opinion_is_asked_and_given(
    app: Flask, services: Services, blog: Blog, mara: Browser, held: str
) -> None:
    """The comment stays in the list, and is also in that of the asked person, until somebody decides."""
    ann = person(app, services, "Ann", Grant(Role.MODERATOR, blog.site.id))
    bob = person(app, services, "Bob", Grant(Role.MODERATOR, blog.site.id))
    assert '<option value="Ann">' in mara.get(f"/queue/comments/{held}").text
    answer = mara.send("/queue/notes", id=held, text="Spanish?", ask="1", asked="Ann", back="/queue?mine=1")
    assert answer.location == "/queue?mine=1"
    for browser, words, link in ((ann, "mara asks you", 1), (bob, "mara asks Ann", 0), (mara, "You ask Ann", 0)):
        page = browser.get("/queue").text
        assert f"{words} for a second opinion" in text_of(page) and "“Spanish?”" in text_of(page)
        assert page.count('href="/queue?mine=1"') == link and page.count("<article") == 1
        assert browser.get("/queue?mine=1").text.count("<article") == link
    assert "1 for your second opinion" in ann.get("/queue").text
    ann.send("/queue/act", id=held, verb="ham")
    assert "Nothing waits for your opinion" in ann.get("/queue?mine=1").text
    page = text_of(mara.get(f"/queue/comments/{held}").text)
    assert "You asked Ann for a second opinion" in page and "You ask Ann" not in page


def test_refusals_say_why(mara: Browser, held: str) -> None:
    """On the page, and as a problem to a script. Nothing is stored."""
    refused = [{"text": " "}, {"text": "x" * (MAX_NOTE_LENGTH + 1)}, {"text": "x", "ask": "1", "asked": "nobody"}]
    for fields in refused:
        assert mara.send("/queue/notes", id=held, **fields).status_code == 303
        assert "Nothing changed: " in mara.get("/queue").text
        form = {"csrf_token": mara.token(), "id": held, **fields}
        answer = mara.client.post("/queue/notes", data=form, headers={"Accept": "application/json"})
        assert answer.status_code in (404, 422) and answer.get_json()["detail"]
    assert mara.client.post("/queue/notes", data={"id": held, "text": "x"}).status_code == 400
    assert "Note by" not in mara.get("/queue").text


def test_a_script_gets_the_form_and_the_remark(mara: Browser, held: str) -> None:
    """The form alone, and the words that the card then has."""
    form = mara.client.get(f"/queue/comments/{held}", headers={"X-Requested-Fragment": "note"}).text
    assert "<form" in form and "<article" not in form and "<html" not in form
    fields = {"csrf_token": mara.token(), "id": held, "text": "Hm.", "ask": "1", "asked": ""}
    answer = mara.client.post("/queue/notes", data=fields, headers={"Accept": "application/json"}).get_json()
    assert answer["message"] == "The comment waits for a second opinion."
    assert answer["remark"].startswith("You ask anybody for a second opinion") and "“Hm.”" in answer["remark"]


def test_hostile_notes_are_text(app: Flask, services: Services, mara: Browser, held: str) -> None:
    """Escaped, with invisible characters shown, and bounded: on the card short, on the page as space allows."""
    mara.send("/queue/notes", id=held, text=HOSTILE)
    for path in ("/queue", f"/queue/comments/{held}"):
        page = mara.get(path).text
        assert "<script>alert" not in page and "&lt;script&gt;" in page and "\u202e" not in page
        assert "U+202E" in page and "\u0301" * 40 not in page
    before = [len(mara.get(path).data) for path in ("/queue", f"/queue/comments/{held}")]
    for _ in range(60):
        mara.send("/queue/notes", id=held, text="\u202e'" * (MAX_NOTE_LENGTH // 2))
    after = [len(mara.get(path).data) for path in ("/queue", f"/queue/comments/{held}")]
    assert after[0] - before[0] < 1_000 and after[1] - before[1] < 20_000
    assert "older notes" in mara.get(f"/queue/comments/{held}").text


def test_a_comment_that_another_has_open_says_so(
    app: Flask, services: Services, blog: Blog, mara: Browser, held: str, clock: Clock
) -> None:
    """Who opens its page is deciding, unless this person may only read; nobody is kept from deciding."""
    ann = person(app, services, "Ann", Grant(Role.MODERATOR, blog.site.id))
    rita = person(app, services, "Rita", Grant(Role.READER, blog.site.id))
    rita.get(f"/queue/comments/{held}")
    ann.get(f"/queue/comments/{held}")
    for path in ("/queue", f"/queue/comments/{held}"):
        assert "Ann is deciding this." in mara.get(path).text
        assert "mara is deciding this." in ann.get(path).text or path == "/queue"
    assert "Rita" not in text_of(ann.get("/queue").text)
    assert (
        "the label is stored"
        in mara.client.post(
            "/queue/act", data={"csrf_token": mara.token(), "id": held, "verb": "spam"}, follow_redirects=True
        ).text
    )
    assert tell(ann, f"{held}.0") == "mara decided this as spam a moment ago."
    assert "mara decided this as spam a moment ago." in ann.get(f"/queue/comments/{held}").text
    clock.advance(GRACE.total_seconds() + 1)
    assert tell(ann, f"{held}.0") == "mara decided this as spam."
    assert "decided this" not in ann.get(f"/queue/comments/{held}").text


def test_a_script_tells_which_comment_is_open(
    app: Flask, services: Services, blog: Blog, mara: Browser, held: str
) -> None:
    """It is answered with a sentence on the others, and can leave the comment again."""
    ann = person(app, services, "Ann", Grant(Role.MODERATOR, blog.site.id))
    assert [tell(ann, held), tell(mara, held), tell(ann, held)] == [
        "",
        "Ann is deciding this.",
        "mara is deciding this.",
    ]
    assert tell(ann, held, left="1") == ""
    assert tell(mara, held) == ""


def tell(browser: Browser, decision_id: str, **fields: str) -> str:
    sentence: str = browser.send("/queue/open", id=decision_id, **fields).get_json()["message"]
    return sentence
