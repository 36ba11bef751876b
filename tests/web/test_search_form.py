"""Stories of finding: the search field, orders, facets and saved views on the pages of the lists."""

import html
import re
from urllib.parse import quote, urlencode

import pytest
from flask import Flask

from moderation.actions import queue_search
from moderation.actions.moderators import add_moderator, remove_moderator
from moderation.actions.saved_views import MAX_VIEWS
from moderation.actions.services import Services
from moderation.domain.people import Grant, Role
from moderation.domain.queue import ListName, Order
from moderation.storage.engine import read_transaction
from moderation.storage.operator_tables import saved_views
from moderation.web.queue.own_paths import own_path
from moderation.web.queue.search_form import ORDERS
from tests.conftest import PASSWORD, Clock
from tests.queue_lists import held_items
from tests.web.conftest import HOLD_ALL, Blog, Browser

HOSTILE = "<script>alert(1)</script>\u202e\" onfocus='x'"


@pytest.fixture(autouse=True)
def everything_is_held(blog: Blog) -> None:
    blog.set_thresholds(HOLD_ALL)


def search(browser: Browser, query: str, path: str = "/queue", **fields: str) -> str:
    """Return the page of a search."""
    return browser.read(f"{path}?{urlencode({'q': query, **fields}, errors='surrogatepass')}")


def links_with(page: str, words: str) -> list[str]:
    """Return the addresses of the links that show these words."""
    return [
        html.unescape(url)
        for url in re.findall(rf'<a href="([^"]+)"(?: id="[^"]+")?><bdi>{re.escape(words)}</bdi></a>', page)
    ]


def test_a_search_is_a_page_of_its_list(blog: Blog, mara: Browser) -> None:
    """With its query in the field, and a decision leads back to it."""
    blog.score("a needle")
    blog.score("straw")
    page = search(mara, "NEEDLE")
    assert page.count("<article") == 1 and "a needle" in page and 'name="q" value="NEEDLE"' in page
    assert "Nothing matches." in search(mara, "nowhere")
    (needle,) = [item for item in held_items(blog.services) if "needle" in item.decision.comment.text]
    back = re.search(r'name="back" value="([^"]+)"', page)
    assert back and back[1] == "/queue?q=NEEDLE"
    sent = mara.send("/queue/act", id=str(needle.seen), verb="ham", back=html.unescape(back[1]))
    assert sent.headers["Location"] == "/queue?q=NEEDLE"


def test_pages_of_a_search_follow_each_other(blog: Blog, mara: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a link that says how far was searched, where the bound of a search ended it."""
    monkeypatch.setattr(queue_search, "MAX_READ", 10)
    for number in range(25):
        blog.score(f"number {number} {'needle' if number in (3, 24) else ''}")
    first = search(mara, "needle")
    assert "number 24" in first and "Searched to 02 Jan 2026, 12:00 UTC. Search further" in first
    url, seen = "", [first]
    while older := re.search(r'rel="next" href="([^"]+)"', seen[-1]):
        url = html.unescape(older[1])
        assert own_path(url) == url
        seen.append(mara.read(url))
    assert len(seen) == 3 and "None of the comments that were read matches." in seen[1]
    assert "number 3 " in seen[2] and "number 24" not in seen[2]


def test_an_id_leads_to_its_comment(blog: Blog, mara: Browser) -> None:
    """With the operator or without; an unknown one is searched as a word."""
    number = blog.score("hello")["id"]
    for query in (number, f"id:{number}", f" {number} "):
        answer = mara.get(f"/queue/blocked?q={quote(query)}")
        assert answer.status_code == 302 and answer.headers["Location"] == f"/queue/comments/{number}"
    assert "Nothing matches." in search(mara, "0" * 32)
    assert "Nothing matches." in search(mara, f"id:{'0' * 32}")


def test_a_query_that_is_not_understood_says_so(blog: Blog, mara: Browser) -> None:
    """In a sentence beside the field, with the comments that match it as a word."""
    blog.score("it says bogus:x here")
    page = search(mara, "bogus:x")
    assert "There is no operator “bogus:”" in page and page.count("<article") == 1
    assert 'aria-describedby="problems"' in page
    assert "has no date like 2026-05-03" in search(mara, "before:99999-99-99")


@pytest.mark.parametrize(
    "query", [HOSTILE, "x" * 100_000, "\0" * 50, "(a+)+$", "author:x " * 1_000, "\u202e\u2066bidi", "%", "&#x3c;"]
)
def test_a_hostile_query_is_text(blog: Blog, mara: Browser, query: str) -> None:
    """On every list, in every place that repeats it, without an error and of bounded size."""
    blog.score("hello")
    for name in ListName:
        answer = mara.get(f"/queue/{name}?{urlencode({'q': query, 'order': query, 'facets': '1'})}")
        page = answer.text
        assert answer.status_code == 200 and len(page) < 60_000
        assert "<script>alert" not in page and "' onfocus" not in page
    for url in re.findall(r'href="(/queue[^"#]*[?][^"#]*)"', page):
        assert mara.get(html.unescape(url)).status_code in (200, 302)


@pytest.mark.parametrize("name", list(ListName))
def test_each_list_offers_its_orders(blog: Blog, mara: Browser, name: ListName) -> None:
    """An order that a list does not have is the newest first, and new comments are announced only in that."""
    blog.score("hello")
    for order in Order:
        page = mara.read(f"/queue/{name}?order={order}")
        offered = re.findall(r'<option value="(\w+)"', page)
        assert offered == list(Order)[: 5 if name is ListName.HELD else 2]
        chosen = re.search(r'<option value="(\w+)" selected', page)
        assert chosen and chosen[1] == (order if order in offered else "newest")
        assert ('data-newest="' in page) is (chosen[1] == "newest" and name is not ListName.DECIDED)
    assert ORDERS.keys() == set(Order)


def test_new_comments_of_a_search_are_those_that_match(blog: Blog, mara: Browser) -> None:
    """The script asks for the same search again."""
    blog.score("a needle")
    newest = re.search(r'data-newest="([^"]+)"', search(mara, "needle"))
    assert newest
    blog.score("another needle")
    blog.score("straw")
    fragment = mara.client.get(html.unescape(newest[1]), headers={"X-Requested-Fragment": "cards"}).text
    assert fragment.count("<article") == 2 and "<html" not in fragment


def test_facets_narrow_a_list(blog: Blog, mara: Browser) -> None:
    """Each value is a link that adds an operator; the counts name what was counted."""
    for number in range(3):
        blog.score("Buy cheap pills", url="https://pills.example", lang="de_DE", author=f"Ann {number}")
    blog.score("hello", url="https://ours.example", lang=HOSTILE)
    page = mara.read("/queue?facets=1")
    assert "Among all 4 comments" in page and "<script>alert" not in page
    words = ("pills.example", "de-de", "blog.example.org")
    (host,), (language,), (site,) = (links_with(page, each) for each in words)
    assert "q=url:pills.example" in host and "q=site:blog.example.org" in site and "facets=1" in host
    narrowed = mara.read(host)
    assert narrowed.count("<article") == 3 and "Among all 3 comments" in narrowed
    assert mara.read(language).count("<article") == 3


def test_facets_are_counted_among_so_many(blog: Blog, mara: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """And say so."""
    monkeypatch.setattr(queue_search, "MAX_COUNTED_FOR_FACETS", 2)
    for number in range(3):
        blog.score(f"hello {number}")
    assert "Among the first 2 comments" in mara.read("/queue?facets=1")


def test_skipped_comments_are_found_by_their_kind(blog: Blog, mara: Browser) -> None:
    """Also without the choice to list them."""
    blog.score("hello")
    (item,) = held_items(blog.services)
    mara.send("/queue/act", id=str(item.seen), verb="skip")
    assert "<article" not in search(mara, "hello") and search(mara, "is:skipped").count("<article") == 1
    assert search(mara, "hello", skipped="1").count("<article") == 1


def save(browser: Browser, name: str, **fields: str) -> str:
    sent = {"list": "held", "order": "newest", "q": "", "name": name, **fields}
    answer = browser.send("/queue/views", **sent)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_view_is_saved_and_removed(app: Flask, blog: Blog, mara: Browser, services: Services) -> None:
    """It is a person's own: another one neither sees nor removes it."""
    assert save(mara, "German pills", list="blocked", order="oldest", q="pills lang:de") == (
        "/queue/blocked?q=pills+lang:de&order=oldest"
    )
    page = mara.read("/queue/public")
    assert links_with(page, "German pills") == ["/queue/blocked?q=pills+lang:de&order=oldest"]
    (number,) = re.findall(r'name="view" value="(\d+)"', page)
    add_moderator(services, "Ana", PASSWORD, Grant(Role.READER))
    ana = Browser(app.test_client())
    ana.sign_in("Ana")
    assert "German pills" not in ana.read("/queue")
    token = {"csrf_token": re.findall(r'name="csrf_token" value="([^"]+)"', ana.get("/queue").text)[0]}
    ana.client.post("/queue/views/remove", data={**token, "view": number})
    assert "You have no such view" in ana.read("/queue") and "German pills" in mara.read("/queue")
    mara.send("/queue/views/remove", view=number, back="/queue/public")
    assert "German pills" not in mara.read("/queue")


def test_the_name_of_a_view_is_hostile(blog: Blog, mara: Browser) -> None:
    """It is text, with its invisible characters shown."""
    save(mara, HOSTILE)
    page = mara.get("/queue").text
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page and "\u202e" not in page
    assert not re.search(r'="[^"]*<', page)
    save(mara, "\0\ud800x".encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    assert mara.get("/queue").status_code == 200


def test_views_are_bounded(blog: Blog, mara: Browser) -> None:
    """In number and length, and each name is used once; each refusal is a sentence on the page."""
    for name, sentence in (("", "1 to 60 characters"), ("x" * 61, "1 to 60 characters"), (" ", "1 to 60 characters")):
        save(mara, name)
        assert sentence in mara.read("/queue")
    for number in range(MAX_VIEWS):
        save(mara, f"View {number}")
    save(mara, "View 3")
    assert "You have a view with this name" in mara.read("/queue")
    save(mara, "One more")
    assert "Remove one first" in mara.read("/queue")
    assert mara.send("/queue/views", list="other", order="newest", name="x").status_code == 400


def test_views_go_with_the_moderator(blog: Blog, mara: Browser, services: Services) -> None:
    """A query may name a person."""
    save(mara, "Ann", q="email:ann@example.org")
    remove_moderator(services, "mara")
    with read_transaction(services.engine) as connection:
        assert connection.execute(saved_views.select()).all() == []


def test_a_reader_may_search_and_an_outsider_not(app: Flask, blog: Blog, services: Services, clock: Clock) -> None:
    """Signing in leads to the search that was asked for."""
    blog.score("a needle")
    outsider = app.test_client()
    answer = outsider.get("/queue/held?q=needle&order=oldest")
    assert answer.headers["Location"] == "/queue/sign-in?next=/queue/held?q%3Dneedle%26order%3Doldest"
    add_moderator(services, "Rita", PASSWORD, Grant(Role.READER))
    rita = Browser(app.test_client())
    signed_in = rita.sign_in("Rita", next="/queue/held?q=needle&order=oldest")
    assert signed_in.headers["Location"] == "/queue/held?q=needle&order=oldest"
    assert search(rita, "needle").count("<article") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/queue?q=%0d%0aX:y\n",
        "/queue?q=a b",
        "/queue?q=x&next=//e",
        "/queue?q=\\",
        "/queue?q=<",
        "//e?q=x",
        "/queue?q=x#e",
    ],
)
def test_only_an_encoded_query_is_a_path_of_ours(path: str) -> None:
    """Nothing of it reaches a header as it is."""
    assert own_path(path) == ""
    assert own_path("/queue?q=%22two+words%22&order=highest&facets=1&after=7&skipped=1")
