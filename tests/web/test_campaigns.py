"""The pages of campaigns: found, shown without harm, decided with one press, and rules that end."""

import re
from html import unescape

import pytest
from hypothesis import given

from benchmarks.queue import HOSTILE_TEXTS, MAX_PAGE_BYTES
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.site import Site
from moderation.web.queue.campaign_view_models import differing, key_text
from tests.queue_lists import held_items
from tests.strategies import hostile_texts
from tests.web.conftest import Browser

TAG = re.compile(r'</?mark[^>]*>|<span class="invisible-character" title="[^"<>]*">|</span>')
WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def flood(services: Services, site: Site, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        text = f"A {WORDS[number % len(WORDS)]} word"
        comment = Comment(text, author=f"Ann {number}", url="http://casino-royal.com/")
        check_comment(services, site, CheckRequest(comment))


def path_of_only(browser: Browser) -> str:
    """Return the path of the only campaign in the list."""
    (path,) = set(re.findall(r'href="(/queue/campaigns/[0-9a-f]{16})"', browser.get("/queue/campaigns").text))
    return str(path)


def newest_of(browser: Browser, path: str) -> str:
    match = re.search(r'name="newest" value="(\d+)"', browser.get(path).text)
    assert match
    return match[1]


def test_a_campaign_is_listed_and_shown(mara: Browser, services: Services, hold_all_site: Site) -> None:
    """The list names what its comments share; its page has the members, with the words marked that differ."""
    assert "No two held comments share a trait" in mara.get("/queue/campaigns").text
    flood(services, hold_all_site, 3)
    listed = mara.get("/queue/campaigns").text
    assert re.search(r"3 comments\s+with the author&#39;s site <bdi>casino-royal.com</bdi>", listed)
    page = mara.get(path_of_only(mara)).text
    assert page.count('<article class="card">') == 3
    assert '<mark class="differs">second </mark>word' in page
    assert "Spam: all 3" in page and "3 different names and 3 different texts" in page


def test_a_comment_leads_to_its_largest_campaign(mara: Browser, services: Services, hold_all_site: Site) -> None:
    """A comment with its text and its site alike leads to those with its site; one without others to its own page."""
    check_comment(services, hold_all_site, CheckRequest(Comment("Nobody else wrote this")))
    (alone,) = held_items(services)
    flood(services, hold_all_site, 11)
    campaign = path_of_only(mara)
    for item in held_items(services):
        link = f"/queue/campaigns/of/{item.id}"
        assert f'<a class="campaign" href="{link}">' in mara.get(f"/queue/comments/{item.id}").text
        target = f"/queue/comments/{alone.id}" if item.id == alone.id else campaign
        assert (mara.get(link).status_code, mara.get(link).headers["Location"]) == (303, target)
    assert "No other held comment shares" in mara.get(f"/queue/comments/{alone.id}").text
    assert mara.client.get("/queue/campaigns/of/0", follow_redirects=True).status_code == 404


def test_one_press(mara: Browser, services: Services, hold_all_site: Site) -> None:
    """All are decided, the next page says so, and the campaign is over for a second press."""
    flood(services, hold_all_site, 3)
    path = path_of_only(mara)
    newest = newest_of(mara, path)
    answer = mara.send(path, verb="spam", newest=newest)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/queue/campaigns")
    report = mara.get("/queue/campaigns").text
    match = re.search(r'name="act" value="(\d+)"', report)
    assert "3 comments: spam" in report and match and held_items(services) == []
    assert mara.send("/queue/undo", act=match[1], back="/queue/campaigns").headers["Location"] == "/queue/campaigns"
    assert path_of_only(mara) == path and len(held_items(services)) == 3
    mara.send(path, verb="spam", newest=newest)
    mara.send(path, verb="spam", newest=newest)
    assert "This campaign is over" in mara.get("/queue/campaigns").text
    assert mara.get(path).status_code == 404


def test_a_rule_for_the_next_ones_is_listed_and_revoked(mara: Browser, services: Services, hold_all_site: Site) -> None:
    """With a tick, and with Spam only."""
    for verb, count in (("ham", 0), ("spam", 1)):
        flood(services, hold_all_site, 2, first=2 * count)
        path = path_of_only(mara)
        mara.send(path, verb=verb, newest=newest_of(mara, path), next="1")
        assert mara.get("/queue/campaigns").text.count('name="key" value="casino-royal.com"') == count
    mara.send("/queue/campaigns/rules", key="casino-royal.com")
    page = mara.get("/queue/campaigns").text
    assert "The rule has ended." in page and 'name="key"' not in page
    mara.send("/queue/campaigns/rules", key="casino-royal.com")
    assert "no such rule any longer" in mara.get("/queue/campaigns").text


@pytest.mark.parametrize("fields", [{"verb": "skip", "newest": "1"}, {"verb": "spam"}, {"newest": "x", "verb": "ham"}])
def test_an_unusable_form_is_refused(
    mara: Browser, services: Services, hold_all_site: Site, fields: dict[str, str]
) -> None:
    """Nothing is decided."""
    flood(services, hold_all_site, 2)
    assert mara.send(path_of_only(mara), **fields).status_code == 400
    assert len(held_items(services)) == 2


@pytest.mark.parametrize("key", ["0" * 16, "f" * 16, "xyz", "0" * 17, "%00"])
def test_an_unknown_campaign_is_not_found(mara: Browser, key: str) -> None:
    """Neither to look at nor to decide."""
    assert mara.get(f"/queue/campaigns/{key}").status_code == 404
    assert mara.send(f"/queue/campaigns/{key}", verb="spam", newest="1").status_code in (303, 404)


def test_the_pages_need_a_sign_in_and_a_token(mara: Browser, services: Services, hold_all_site: Site) -> None:
    """A stranger sees nothing, and another site's form decides nothing."""
    flood(services, hold_all_site, 2)
    path = path_of_only(mara)
    assert mara.client.post(path, data={"verb": "spam", "newest": "99"}).status_code == 400
    stranger = Browser(mara.client.application.test_client())
    for each in ("/queue/campaigns", path):
        assert stranger.get(each).status_code == 303
    assert len(held_items(services)) == 2


def test_a_key_has_sixteen_digits_either_way() -> None:
    """A negative number too."""
    assert [key_text(key) for key in (-1, 0, 2**63 - 1, -(2**63))] == [
        "f" * 16,
        "0" * 16,
        "7" + "f" * 15,
        "8" + "0" * 15,
    ]


@pytest.mark.parametrize("kind", sorted(HOSTILE_TEXTS))
def test_hostile_campaigns_are_bounded(mara: Browser, services: Services, hold_all_site: Site, kind: str) -> None:
    """Twenty comments of each kind of hostile text, in all fields."""
    text = HOSTILE_TEXTS[kind](5_000)
    for number in range(21):
        comment = Comment(f"{number} {text}", author=f"{number} {text}", email="ann@casino-royal.com", url=text)
        check_comment(services, hold_all_site, CheckRequest(comment))
    path = re.findall(r'href="(/queue/campaigns/[0-9a-f]{16})"', mara.get("/queue/campaigns").text)[0]
    for each in ("/queue/campaigns", path):
        page = mara.get(each)
        assert page.status_code == 200 and len(page.data) < MAX_PAGE_BYTES


@given(hostile_texts, hostile_texts)
def test_differences_are_safe_markup(text: str, reference: str) -> None:
    """Only escaped text and marks come out."""
    shown = TAG.sub("", str(differing(text, reference)))
    assert "<" not in shown and ">" not in shown and len(str(differing(text, reference)).encode()) < 4_000


def test_only_words_that_differ_are_marked() -> None:
    """White space makes no difference, and an equal text has no mark."""
    assert str(differing("a b  c", "a b c")) == "a b  c"
    assert unescape(str(differing("a x c", "a b c"))) == 'a <mark class="differs">x </mark>c'
    assert str(differing("", "a")) == ""
