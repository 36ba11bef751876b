"""The card of a comment: the comment first, then verdict and reasons, and buttons that keep their place."""

import html
import re

import pytest
from flask.testing import FlaskClient

from moderation.actions.review import list_comments
from moderation.actions.services import Services
from moderation.domain.queue import ListedComment, ListName
from tests.web.conftest import HOLD_ALL, Blog, Browser, style_sheet

SPAM = "Order cheap casino bonus at http://casino.example now, dear friends, I think"


@pytest.fixture(autouse=True)
def everything_is_held(blog: Blog) -> None:
    blog.set_thresholds(HOLD_ALL)


def held(services: Services) -> list[ListedComment]:
    return list_comments(services, ListName.HELD).comments


def cards(page: str) -> list[str]:
    return re.findall(r"<article .*?</article>", page, re.DOTALL)


def test_the_comment_comes_before_its_verdict(mara: Browser, blog: Blog) -> None:
    """Name, text, links, post, verdict, chips and the folded table, in this order; no link leads out of the service."""
    blog.score(SPAM, author="Ann", context="A <b>post</b>", permalink="https://blog.example.org/a-post")
    (card,) = cards(mara.get("/queue").text)
    parts = (
        *(
            'value="ham"',
            ">Ann<",
            ">Order ",
            "Links lead to",
            '<bdi class="address">http://casino.',
            "A &lt;b&gt;post&lt;/b&gt;",
        ),
        *("https://blog.example.org/a-post", "Held: ", 'class="chips"', "<summary>All reasons</summary>", "<table>"),
    )
    places = [card.index(part) for part in parts]
    assert places == sorted(places)
    assert not re.search(r'href="(?!/queue|#)', card) and '<details class="why">' in card


def test_each_chip_leads_to_its_mark(mara: Browser, blog: Blog) -> None:
    """Three reasons for spam and two for ham at most; those with a place in the text link to a mark."""
    for text in ("cheap casino bonus", "cheap casino bonus, again a cheap casino"):
        blog.score(text)
    page = mara.get("/queue").text
    for card in cards(page):
        chips = re.findall(r'<li class="(spam|ham)"><strong>\1</strong> (.*?)</li>', card)
        assert [side for side, _ in chips] == ["spam"] * 3 + ["ham"] * 2
        linked = [(side, target) for side, chip in chips for target in re.findall(r'<a href="#([^"]+)"', chip)]
        assert linked
        for side, target in linked:
            assert page.count(f'<mark class="{side}" id="{target}" title="speaks for {side}: ') == 1
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_an_audit_card_shows_neither_verdict_nor_reasons(mara: Browser, blog: Blog) -> None:
    """All that a card without reasons has is the comment: no empty list, no empty table."""
    blog.score("")
    (card,) = cards(mara.get("/queue").text)
    assert "<em>no text</em>" in card and "<em>no name</em>" in card and '<ul class="links">' not in card


def test_the_next_comment_takes_the_place(mara: Browser, blog: Blog) -> None:
    """A decision leads to the card behind the decided one; without one, and for an odd `next`, to the list."""
    for number in range(3):
        blog.score(f"number {number}", author_id="7")
    page = mara.get("/queue").text
    listed = held(blog.services)
    following = [re.findall(r'name="next" value="(\w+)"', card) for card in cards(page)]
    assert following == [[listed[1].id], [listed[2].id], []]
    assert f'<article class="card" id="c-{listed[1].id}"' in page and 'tabindex="-1"' in page
    fields = {"back": "/queue", "verb": "ham"}
    sent = mara.send("/queue/act", id=str(listed[0].seen), next=listed[1].id, **fields)
    assert sent.headers["Location"] == f"/queue#c-{listed[1].id}"
    for odd in ("", "x", "//evil.example", f"{listed[0].id}\r\nX: y", "9" * 50):
        sent = mara.send("/queue/act", id=str(listed[1].seen), next=odd, **fields)
        assert sent.headers["Location"] == "/queue"
    judged = mara.send("/queue/act", id=str(listed[2].seen), next=listed[0].id, verb="trust", back="/queue")
    assert judged.headers["Location"] == f"/queue#c-{listed[2].id}"


def test_the_result_is_spoken_first(mara: Browser, blog: Blog) -> None:
    """The title of the page begins with it, as screen readers speak that; a status region has it as well."""
    blog.score("number 1", author="<Ann>")
    (item,) = held(blog.services)
    sent = mara.send("/queue/act", id=str(item.seen), verb="spam", back="/queue")
    page = mara.get(sent.headers["Location"]).text
    title = html.unescape(re.search(r"<title>(.*?)</title>", page, re.DOTALL)[1])  # type: ignore[index]
    assert title.startswith("The comment by “<Ann>” is spam") and title.endswith("Held · Moderation")
    status = page[page.index('<div role="status" class="result">') :]
    assert "is spam" in status[: status.index("</div>")]
    assert "is spam" not in mara.get("/queue").text


def test_only_a_long_text_is_a_stop_of_the_keyboard(mara: Browser, blog: Blog) -> None:
    """A text that scrolls in its frame can be reached and scrolled by the keyboard."""
    blog.score("short")
    assert '<div class="comment" dir="auto">' in mara.get("/queue").text
    for text in (" ".join(map(str, range(1000, 1100))), "line\n" * 7):
        blog.score(text)
        assert '<div class="comment" dir="auto" tabindex="0">' in mara.get("/queue").text


def test_the_history_tells_who_did_what(mara: Browser, blog: Blog) -> None:
    """Newest first, with verdicts, people and reasons; hostile names are text."""
    decision = blog.score("number 1")
    seen = str(held(blog.services)[0].seen)
    own = f"/queue/comments/{decision['id']}"
    assert "It was held for a person" in mara.get(own).text
    mara.send("/queue/act", id=seen, verb="spam")
    blog.call("PUT", f"/v1/decisions/{decision['id']}/label", {"label": "ham", "labelled_by": "<b>Eve"})
    page = mara.get(own).text
    history = page[page.index('<ol class="history"') :]
    events = ["The blog called it ham on", "You called it spam on", "It was held for a person"]
    places = [history.index(event) for event in events]
    assert places == sorted(places)


def style(client: FlaskClient) -> str:
    with client.get(style_sheet(client)) as response:
        return response.get_data(as_text=True)


def rule(sheet: str, selector: str) -> str:
    """Return the declarations of the first rule of a selector."""
    match = re.search(rf"^{re.escape(selector)} \{{(.*?)\}}", sheet, re.MULTILINE | re.DOTALL)
    assert match, selector
    return match[1]


def test_nothing_of_a_comment_covers_a_button(client: FlaskClient) -> None:
    """The bar is painted above its card, and the text of the comment cannot paint outside its frame."""
    sheet = style(client)
    assert "z-index: 1" in rule(sheet, ".card > .actions") and "background: var(--card)" in rule(
        sheet, ".card > .actions"
    )
    assert {"contain: paint", "overflow: auto"} <= {part.strip() for part in rule(sheet, ".comment").split(";")}
    assert re.findall(r"z-index: (\d)", sheet) == ["1", "2"], "only the bar and the result are above others"


def test_nothing_moves_or_needs_colour_alone(client: FlaskClient) -> None:
    """There is no animation to reduce; the marks of both sides differ in style, and forced colours keep them."""
    sheet = style(client)
    assert not re.search(r"animation|transition|scroll-behavior|!important", sheet)
    assert "dotted" in rule(sheet, "mark.ham") and "dotted" in rule(sheet, ".chips li.ham")
    assert "@media (forced-colors: active)" in sheet and "min-height: 2.75rem" in rule(sheet, ".button")


def test_the_page_of_a_comment_leads_to_the_next_held_one(mara: Browser, blog: Blog) -> None:
    """To the one below it in the list, also after its decision; from the last one to the first; else nowhere."""
    for text in ("first", "second", "third"):
        blog.score(text)
    third, second, first = (comment.id for comment in held(blog.services))

    def following(decision_id: str) -> list[str]:
        page = mara.get(f"/queue/comments/{decision_id}").text
        return re.findall(r'class="button onward" href="/queue/comments/(\w+)"', page)

    assert [following(each) for each in (third, second, first)] == [[second], [first], [third]]
    mara.send("/queue/act", id=second, verb="ham")
    assert [following(each) for each in (third, second, first)] == [[first], [first], [third]]
    mara.send("/queue/act", id=first, verb="skip")
    assert following(third) == [] and following(first) == [third]


def test_a_script_reads_the_numbers_alone(mara: Browser, blog: Blog) -> None:
    """The heading and the number of each list, as the whole page has them."""
    for text in ("first", "second", "third"):
        blog.score(text)
    mara.send("/queue/act", id=held(blog.services)[0].id, verb="ham")
    for path in ("/queue", "/queue/decided", "/queue?skipped=1"):
        fragment = mara.client.get(path, headers={"X-Requested-Fragment": "counts"}).text
        page = mara.get(path).text
        live = re.findall(r'data-live="([\w-]+)">([^<]*)<', fragment)
        assert live == re.findall(r'data-live="([\w-]+)">([^<]*)<', page) and "<article" not in fragment
        assert dict(live)["held"] == "2" and dict(live)["decided"] == "1"
