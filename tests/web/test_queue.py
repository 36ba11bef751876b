"""Stories of the queue: the moderators Mara and Ana decide; outsiders cannot."""

import html
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.author_rules import list_author_rules
from moderation.actions.callbacks import GRACE
from moderation.actions.check import CheckRequest, check_comment, find_decision
from moderation.actions.labelling import export_labels
from moderation.actions.moderators import add_moderator, remove_moderator, reset_password
from moderation.actions.review import count_held
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.queue import ListedComment, ListName
from moderation.domain.site import Callback
from moderation.settings import Settings
from moderation.storage import callbacks
from moderation.storage.engine import write_transaction
from moderation.web.app import create_app
from moderation.web.queue import auth
from moderation.web.queue.views import PAGE_SIZE
from tests.conftest import PASSWORD, Clock
from tests.queue_lists import held_items
from tests.web.conftest import BLOG, HOLD_ALL, KEY, Blog, Browser, Seconds, style_sheet

HOSTILE = '<script>alert(1)</script>\n<a href="http://pills.example/x">\u202egnp.exe</a>'


@pytest.fixture(autouse=True)
def everything_is_held(blog: Blog) -> None:
    blog.set_thresholds(HOLD_ALL)


@pytest.fixture
def ana(app: Flask, services: Services) -> Browser:
    """Another moderator, signed in."""
    add_moderator(services, "Ana", PASSWORD)
    browser = Browser(app.test_client())
    assert browser.sign_in("Ana").status_code == 303
    return browser


def newest(services: Services) -> ListedComment:
    return held_items(services)[0]


def path_of(comment: ListedComment) -> str:
    return f"/queue/comments/{comment.id}"


def decide(browser: Browser, comment: ListedComment, verb: str, **fields: str) -> str:
    """Press a button and return the page that follows."""
    response = browser.send("/queue/act", id=str(comment.seen), verb=verb, **fields)
    assert response.status_code == 303, response.text
    return browser.read(response.headers["Location"])


def test_an_outsider_is_redirected_to_the_sign_in(client: FlaskClient, blog: Blog) -> None:
    """The queue is not shown, and a decision without signing in has no effect."""
    blog.score("a secret comment")
    response = client.get("/queue?after=7")
    assert response.status_code == 303 and response.headers["Location"] == "/queue/sign-in?next=/queue?after%3D7"
    browser = Browser(client)
    sent = browser.send("/queue/act", page="/queue/sign-in", id=newest(blog.services).id, verb="ham")
    assert sent.status_code == 401 and "Your session has ended" in sent.text and "a secret comment" not in sent.text
    assert count_held(blog.services) == 1


def test_the_root_redirects_to_the_queue(client: FlaskClient) -> None:
    """Only moderators open the service in a browser."""
    assert client.get("/").headers["Location"] == "/queue"


def test_a_moderator_signs_in_and_out(app: Flask, moderator: Moderator) -> None:
    """The name shows while signed in; after signing out the queue is closed again."""
    browser = Browser(app.test_client())
    assert browser.sign_in().headers["Location"] == "/queue"
    page = browser.read("/queue")
    assert "mara" in page and "Nothing is held" in page
    assert browser.send("/queue/sign-out").headers["Location"] == "/queue/sign-in"
    assert browser.get("/queue").status_code == 303


def cookie_of(browser: Browser) -> str:
    cookie = browser.client.get_cookie("moderation")
    assert cookie
    return cookie.value


def test_signing_out_ends_every_copy_of_the_cookie(mara: Browser) -> None:
    """A cookie that was copied before opens nothing afterwards, while another sign-in of Mara's stays."""
    copied = cookie_of(mara)
    elsewhere = Browser(mara.client.application.test_client())
    assert elsewhere.sign_in().status_code == 303
    mara.send("/queue/sign-out")
    mara.client.set_cookie("moderation", copied)
    assert mara.get("/queue").status_code == 303 and elsewhere.get("/queue").status_code == 200


def test_signing_out_everywhere(mara: Browser, ana: Browser) -> None:
    """All of Mara's sessions end, and none of Ana's."""
    elsewhere = Browser(mara.client.application.test_client())
    assert elsewhere.sign_in().status_code == 303
    assert "Sign out everywhere" in mara.get("/queue").text
    mara.send("/queue/sign-out", everywhere="1")
    assert elsewhere.get("/queue").status_code == 303 and ana.get("/queue").status_code == 200


def test_a_session_has_an_absolute_end(mara: Browser, clock: Clock) -> None:
    """Requests do not prolong it, and a cookie alone does not decide."""
    hours = mara.client.application.permanent_session_lifetime.total_seconds() / 3600
    for _ in range(int(hours) - 1):
        clock.advance(3600)
        assert mara.get("/queue").status_code == 200
    clock.advance(3600)
    assert mara.get("/queue").status_code == 303


def test_signing_out_takes_a_form(mara: Browser) -> None:
    """A link or an image of a comment cannot sign a moderator out."""
    assert mara.get("/queue/sign-out").status_code == 405
    assert mara.client.post("/queue/sign-out").status_code == 400
    assert mara.get("/queue").status_code == 200


@pytest.mark.parametrize(
    ("name", "password"), [("mara", "wrong password"), ("nobody", PASSWORD), ("", ""), ("\0", "\0")]
)
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    app: Flask, moderator: Moderator, name: str, password: str
) -> None:
    """401 with the same message, so that names cannot be probed."""
    browser = Browser(app.test_client())
    response = browser.sign_in(name, password)
    assert response.status_code == 401 and "The name or the password is wrong." in response.text
    assert browser.get("/queue").status_code == 303


def test_guessing_passwords_is_throttled(
    services: Services, settings: Settings, moderator: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten failures even the right password has to wait, at that address; after five minutes it works again."""
    seconds = Seconds()
    monkeypatch.setattr(auth, "monotonic", seconds)
    browser = Browser(create_app(services, settings).test_client())
    for _ in range(10):
        assert browser.sign_in("mara", "a wrong password").status_code == 401
    response = browser.sign_in()
    assert response.status_code == 429 and int(response.headers["Retry-After"]) == 300
    seconds.now += 300
    assert browser.sign_in().status_code == 303


def test_signing_in_redirects_only_to_the_queue(mara: Browser) -> None:
    """`next` may only name a page of the queue, before and after signing in."""
    good = {
        "/queue/blocked",
        "/queue/comments/0a7",
        "/queue?after=7",
        "/queue?skipped=1",
        "/queue/held?after=7&skipped=1",
    }
    evil = {
        "https://evil.example/queue",
        "//evil.example/queue",
        "/\\evil.example",
        "/queue/../../x",
        "/queue?after=7\r\nX: y",
        "/queue\n",
        "javascript:alert(1)",
    }
    for sent in good | evil:
        response = mara.client.get("/queue/sign-in", query_string={"next": sent})
        assert response.headers["Location"] == (sent if sent in good else "/queue")
    assert mara.sign_in_again(next="//evil.example/queue").headers["Location"] == "/queue"
    assert mara.sign_in_again(next="/queue?after=7").headers["Location"] == "/queue?after=7"


def test_the_session_cookie_is_restricted(
    app: Flask, services: Services, settings: Settings, moderator: Moderator
) -> None:
    """HttpOnly, SameSite=Lax, bounded in time; Secure when the setting says so."""
    cookie = Browser(app.test_client()).sign_in().headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Expires=" in cookie and "Secure" not in cookie
    secured = create_app(services, settings.model_copy(update={"secure_cookies": True, "session_hours": 3}))
    assert secured.permanent_session_lifetime == timedelta(hours=3)
    assert "Secure" in secured.test_client().get("/queue/sign-in").headers["Set-Cookie"]


def test_the_signing_key_is_not_the_secret(app: Flask, services: Services) -> None:
    """The cookie key is derived, and differs from the secret that keys the digests."""
    assert (
        isinstance(app.secret_key, bytes)
        and app.secret_key != services.secret
        and services.secret not in app.secret_key
    )


def test_a_removed_moderator_is_out_at_the_next_click(mara: Browser, services: Services) -> None:
    """The removal ends the session at once."""
    remove_moderator(services, "mara")
    assert mara.get("/queue").status_code == 303


def test_a_new_password_ends_the_sessions_of_the_old_one(mara: Browser, ana: Browser, services: Services) -> None:
    """A password change ends the moderator's sessions, but not those of others."""
    reset_password(services, "mara", "another password")
    assert mara.get("/queue").status_code == 303
    assert ana.get("/queue").status_code == 200


def test_a_new_moderator_does_not_inherit_a_session(mara: Browser, services: Services, clock: Clock) -> None:
    """The sessions of a removed moderator are gone, not only without an owner."""
    remove_moderator(services, "mara")
    clock.advance(60)
    add_moderator(services, "Ana", PASSWORD)
    assert mara.get("/queue").status_code == 303


def test_an_item_shows_everything_a_moderator_needs(mara: Browser, blog: Blog) -> None:
    """Author, site, e-mail domain, address, text, links, probability and reasons; the e-mail's user stays private."""
    decision = blog.score(
        "Cheap pills at http://news.pills.example/x",
        author="Ann",
        email="ann.secret@mail.example",
        url="http://a.example/",
    )
    page = mara.read("/queue")
    shown = ("Ann", blog.site.url, "mail.example", "http://a.example/", "pills.example", "1 held")
    for fact in (
        *shown,
        f"Held: {int(100 * decision['probability'])} % spam",
        decision["reasons"][0]["description"],
    ):
        assert fact in page, fact
    assert "ann.secret" not in page


def test_hostile_text_is_shown_and_inert(mara: Browser, blog: Blog) -> None:
    """Tags are text, links are inert, invisible characters are visible, and the policy allows own modules alone."""
    blog.score(HOSTILE, author="<img src=x onerror=alert(1)>", url="javascript:alert(1)", email='"><b>@evil.example')
    response, read = mara.get("/queue"), mara.read("/queue")
    assert "&lt;script&gt;alert(1)" in read and "&lt;img src=x" in read and "[U+202E]" in read
    scripts = re.findall(r"<script.*?</script>", response.text, re.DOTALL)
    assert all(re.fullmatch(r'<script type="module" src="/static/[0-9a-f]+/\w+\.js"></script>', tag) for tag in scripts)
    assert (
        0 < len(scripts) == response.text.count("<script")
        and "<img" not in response.text
        and "\u202e" not in response.text
    )
    assert "http://pills.example/x" in read
    assert not re.search(r'<a [^>]*href="(?!/|#)', response.text) and "style=" not in response.text
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    assert policy.endswith("; script-src 'self'; connect-src 'self'")
    assert "script" not in mara.get("/queue/sites").headers["Content-Security-Policy"]


def test_the_spans_of_reasons_are_highlighted(mara: Browser, blog: Blog) -> None:
    """Spans are marked, in hostile text too; marks for spam and ham differ in more than colour."""
    blog.score("Order <b>cheap\u202e casino bonus</b> now")
    page = mara.get("/queue").text
    assert '" title="speaks for spam: ' in page
    assert "Order &lt;b&gt;cheap" in mara.read("/queue")
    with mara.get(style_sheet(mara.client)) as response:
        assert re.search(r"mark\.ham \{[^}]*text-decoration-style: dotted", response.get_data(as_text=True))


def test_the_strongest_reasons_show_and_the_others_on_a_page(mara: Browser, blog: Blog) -> None:
    """Five for spam and three for ham are listed; the comment's own page has all others."""
    decision = blog.score("Order cheap casino bonus at http://casino.example now, dear friends, I think")
    others = len(decision["reasons"]) - 8
    listed = mara.read("/queue").partition("<summary>All reasons</summary>")[2]
    assert [listed.count(f'<td class="{side}">') for side in ("spam", "ham")] == [5, 3]
    assert f'{others} more reasons: <a href="{path_of(newest(blog.services))}">' in listed
    whole = mara.read(path_of(newest(blog.services)))
    assert len(re.findall('<td class="(?:spam|ham)">', whole)) == others + 8 and "more reasons" not in whole


def test_a_long_comment_is_cut_with_a_link_to_the_whole(mara: Browser, blog: Blog) -> None:
    """The list shows the beginning, the comment's own page the whole text and the same buttons."""
    blog.score("word " * 700 + "the end")
    listed, page = mara.read("/queue"), mara.read(path_of(newest(blog.services)))
    # A reason may quote the end of the text.
    shown, _, _ = listed.partition('<p class="verdict">')
    assert "the end" not in shown and f'<a href="{path_of(newest(blog.services))}">The whole text</a>' in listed
    assert "3507 characters" in listed and "the end" in page and "Characters 1 to" not in page
    assert "is ham" in decide(mara, newest(blog.services), "ham")


def test_a_very_long_comment_has_parts(mara: Browser, blog: Blog) -> None:
    """Following the links reads the whole text once, in order; any other start is a page too."""
    text = "".join(f"number {number}, <b>; " for number in range(12_000))
    blog.score(text)
    assert "more than 4000 characters" in mara.read("/queue")
    link, seen = path_of(newest(blog.services)), ""
    while link:
        page = mara.get(link).text
        seen += html.unescape(re.search(r'<div class="comment"[^>]*>(.*?)</div>', page, re.DOTALL)[1])  # type: ignore[index]
        match = re.search(r'rel="next" href="([^"]+)"', page)
        link = match[1] if match else ""
    assert seen == text
    for odd in ("-1", "x", "9" * 10, "9" * 40):
        assert mara.get(f"{path_of(newest(blog.services))}?start={odd}").status_code == 200


@pytest.mark.parametrize("value", ["ham", "spam"])
def test_a_decision_closes_the_item_and_labels_the_comment(mara: Browser, blog: Blog, value: str) -> None:
    """The next page reports the decision; the label names the moderator."""
    answered = blog.score("Hello there")
    item = newest(blog.services)
    assert f"The comment is {value}" in decide(mara, item, value)
    assert count_held(blog.services) == 0
    label = find_decision(blog.services, blog.site, answered["id"])[1]
    assert label is not None and (label.value, label.labelled_by, label.channel) == (LabelValue(value), "mara", "queue")


def test_a_skipped_item_can_be_decided_later(mara: Browser, blog: Blog) -> None:
    """A skipped comment leaves the list, is shown on request, and can then be decided."""
    blog.score("Hello there")
    item = newest(blog.services)
    page = decide(mara, item, "skip")
    assert "is skipped" in page and "Hello there" not in page and "Skipped too (1)" in page
    assert "Hello there" in mara.read("/queue?skipped=1")
    assert "The comment is ham" in decide(mara, item, "ham", back="/queue?skipped=1")


def test_two_moderators_one_decision(mara: Browser, ana: Browser, blog: Blog) -> None:
    """The slower moderator sees who was faster, and nothing changes."""
    answered = blog.score("Hello there")
    item = newest(blog.services)
    decide(ana, item, "ham")
    page = decide(mara, item, "spam")
    assert "Nothing changed: Ana was faster" in page
    label = find_decision(blog.services, blog.site, answered["id"])[1]
    assert label is not None and label.value is LabelValue.HAM


def test_a_decision_on_an_unknown_item_changes_nothing(mara: Browser) -> None:
    """An id that does not exist, is no id or is none."""
    for odd in ("0" * 32, "12345.7", ".", "", "\0", f"{'0' * 32}.{'9' * 40}"):
        response = mara.send("/queue/act", id=odd, verb="ham")
        assert response.status_code == 303 and "Nothing changed: There is no such comment" in mara.read("/queue")
    assert mara.get(f"/queue/comments/{'0' * 32}").status_code == 404


def test_only_known_words_are_decisions(mara: Browser, blog: Blog) -> None:
    """Any other decision is 400, and the comment stays held."""
    blog.score("Hello there")
    for odd in ("", "discard", "HAM"):
        response = mara.send("/queue/act", id=newest(blog.services).id, verb=odd)
        assert response.status_code == 400
        assert "must be ham, spam, remove, forget, skip, keep, trust or block." in response.text
    assert count_held(blog.services) == 1


def test_a_form_without_its_token_is_refused(mara: Browser, blog: Blog) -> None:
    """Without a valid CSRF token, another site cannot make Mara's browser decide."""
    blog.score("Hello there")
    fields = {"id": newest(blog.services).id, "verb": "spam"}
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "nonsense"}):
        response = mara.client.post("/queue/act", data={**fields, **token})
        assert response.status_code == 400 and "text/html" in response.content_type
    assert count_held(blog.services) == 1


def test_signing_in_takes_a_token_too(client: FlaskClient, moderator: Moderator) -> None:
    """Another site cannot sign a browser in."""
    assert client.post("/queue/sign-in", data={"name": "mara", "password": PASSWORD}).status_code == 400


def test_a_token_is_valid_as_long_as_the_session(mara: Browser, blog: Blog) -> None:
    """A page may be open for hours before a button is pressed."""
    assert mara.client.application.config["WTF_CSRF_TIME_LIMIT"] is None


def test_older_pages_are_reached_by_a_link(mara: Browser, blog: Blog) -> None:
    """Newest first, each item once; a decision on an older page returns to that page."""
    for count in range(PAGE_SIZE + 2):
        blog.score(f"comment number {count}.")
    first = mara.read("/queue")
    link = re.search(r'href="(/queue\?after=\d+)"', first)
    assert link
    older = mara.read(link[1])
    seen = [int(n) for page in (first, older) for n in re.findall(r'<div class="comment".*number (\d+)\.', page)]
    assert seen == list(reversed(range(PAGE_SIZE + 2)))
    assert ">Newest<" in older and ">Older<" not in older
    comment = re.search(r'name="id" value="([^"]+)"', older)
    assert comment
    response = mara.send("/queue/act", id=comment[1], verb="ham", back=link[1])
    assert response.headers["Location"] == link[1]


def test_an_invalid_page_is_still_a_page(mara: Browser, blog: Blog) -> None:
    """Each list answers for any `after`."""
    blog.score("Hello there")
    for odd in ("x", "-1", "9" * 10, "9" * 40, "", "٣", "1.5", "0"):
        for name in ListName:
            assert mara.client.get(f"/queue/{name}", query_string={"after": odd}).status_code == 200


def test_pages_are_accessible(mara: Browser, blog: Blog) -> None:
    """A language, one main heading, a label for each field, and a viewport for phones."""
    blog.score("Hello there")
    sign_in = mara.client.application.test_client().get("/queue/sign-in").text
    for page in (mara.read("/queue"), sign_in):
        assert '<html lang="en">' in page and page.count("<h1") == 1 and "width=device-width" in page
    for field in re.findall(r'<input id="(\w+)"', sign_in):
        assert f'<label for="{field}">' in sign_in


def luminance(colour: str) -> float:
    """Return the relative luminance by WCAG 2.2."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_have_enough_contrast(client: FlaskClient) -> None:
    """WCAG AA, light and dark: text has a contrast of at least 4.5 on each background."""
    with client.get(style_sheet(client)) as response:
        sheets = re.findall(r":root \{(.*?)\}", response.get_data(as_text=True), re.DOTALL)
    pairs = [(ink, ground) for ink in ("ink", "quiet", "spam", "ham", "accent") for ground in ("card", "ground")]
    assert len(sheets) == 2
    for sheet in sheets:
        colours = {name: luminance(value) for name, value in re.findall(r"--([\w-]+): #([0-9a-f]+);", sheet)}
        for one, other in [*pairs, ("mark-ink", "mark"), ("accent-ink", "accent")]:
            dark, light = sorted((colours[one], colours[other]))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{one} on {other}"


def hold_with_a_deadline(blog: Blog, text: str) -> None:
    """Send a comment that WordPress holds and would publish by itself."""
    fields = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", "comment_content": text}
    fields |= {"callback": f"{BLOG}/wp-json/akismet/v1/webhook"}
    agent = {"User-Agent": "WordPress/6.8 | Akismet/5.7"}
    assert blog.client.post("/1.1/comment-check", data=fields, headers=agent).text == "false"


def test_expiring_items_are_shown_first(blog: Blog, mara: Browser, clock: Clock) -> None:
    """The queue shows when a blog publishes by itself, warns twelve hours before, and lists these items first."""
    hold_with_a_deadline(blog, "the first")
    clock.advance(3600)
    hold_with_a_deadline(blog, "the second")
    blog.score("without a deadline")
    assert "03 Jan 2026" not in mara.read("/queue") and "04 Jan 2026, 12:00 UTC" in mara.read("/queue")
    assert "Show the soonest first" not in mara.read("/queue")
    clock.advance(1.6 * 86_400)
    assert mara.sign_in_again().status_code == 303
    assert "2 comments are published" in mara.read("/queue")
    soon = mara.read("/queue?order=soon")
    assert soon.index("the first") < soon.index("the second") and "without a deadline" not in soon
    first = min(held_items(blog.services), key=lambda comment: comment.since)
    after = mara.send("/queue/act", page="/queue?order=soon", id=str(first.seen), verb="ham", back="/queue?order=soon")
    assert after.headers["Location"] == "/queue?order=soon"
    clock.advance(86_400)
    assert mara.sign_in_again().status_code == 303
    assert "Its blog has published it by itself" in mara.read("/queue")


def test_a_blog_that_does_not_confirm_is_named(blog: Blog, mara: Browser) -> None:
    """The queue names the blog and the cause."""
    hold_with_a_deadline(blog, "hello")
    decide(mara, newest(blog.services), "spam")
    with write_transaction(blog.services.engine) as connection:
        (due,) = callbacks.due(connection, blog.services.clock() + GRACE, 10)
        claimed = callbacks.claim(connection, due, blog.services.clock())
        assert claimed
        callbacks.mark_failed(connection, claimed, "The blog answered with status 401.", None, blog.services.clock())
    page = mara.read("/queue")
    assert "has not taken 1" in page and "The blog answered with status 401." in page


def test_a_blog_whose_callback_is_rejected_is_named(blog: Blog, mara: Browser) -> None:
    """With what to do, in one sentence."""
    sent = Callback("https://www.blog.example.org/wp-json/akismet/v1/webhook", KEY)
    check_comment(
        blog.services, find_site(blog.services, BLOG), CheckRequest(Comment("hello"), channel="akismet", callback=sent)
    )
    assert f"Set the blog&#39;s own address to {BLOG}, or add https://www.blog.example.org" in mara.read("/queue")


def test_similar_comments_are_shown_with_their_labels(mara: Browser, ana: Browser, blog: Blog, clock: Clock) -> None:
    """Label, author of the label and date: as many of three as fit, with hostile text escaped."""
    for number, browser in enumerate((mara, ana, mara)):
        blog.score(f"{HOSTILE} and number {number}, sheds of oak and pine sent to any garden")
        decide(browser, newest(blog.services), "spam")
    liked = blog.score("<i>sheds of oak</i>, larch and pine sent to any garden")
    blog.call("PUT", f"/v1/decisions/{liked['id']}/label", {"label": "ham"})
    clock.advance(3600)
    blog.score(f"{HOSTILE} and number 9, sheds of oak and pine sent to any garden")
    page = mara.get("/queue").text
    assert "Similar comments: 3 spam" in page
    assert "you called it spam on 02 Jan 2026" in page and "Ana called it spam on 02 Jan 2026" in page
    assert "<script>" not in page and "\u202e" not in page and page.count("&lt;script&gt;") == 3
    assert "1 more similar comment: " in page
    decide(mara, newest(blog.services), "spam")
    blog.score("cheap sheds of oak, larch and pine sent to you")
    page = mara.get("/queue").text
    assert "the blog called it ham" in page and "&lt;i&gt;sheds" in page


def test_without_similar_comments_none_are_shown(mara: Browser, blog: Blog) -> None:
    """The page does not mention similar comments."""
    blog.score("Hello there")
    assert "Similar comments" not in mara.get("/queue").text


def undo_of(page: str) -> str:
    """Return the number of the act that a page offers to undo."""
    match = re.search(r'name="act" value="(\d+)"', page)
    assert match, "the page offers no undo"
    return match[1]


def test_a_comment_is_removed_and_the_decision_undone(blog: Blog, mara: Browser, ana: Browser) -> None:
    """The message about a decision offers to undo it, for another moderator too; the comment then waits again."""
    blog.score("Hello there")
    item = newest(blog.services)
    page = decide(mara, item, "remove")
    assert "nothing is learnt from it" in page
    assert count_held(blog.services) == 0 and list(export_labels(blog.services, None)) == []
    assert "mara was faster and removed it" in decide(ana, item, "spam")
    ana.send("/queue/undo", act=undo_of(page))
    assert "Undone: 1 comment is as before" in ana.read("/queue") and count_held(blog.services) == 1
    ana.send("/queue/undo", act=undo_of(page))
    assert "Ana has undone it already" in ana.read("/queue")
    for odd in ("", "x", "-1", "²"):
        assert mara.send("/queue/undo", act=odd).status_code == 400
    for odd in ("0", "9" * 40):
        assert mara.send("/queue/undo", act=odd).status_code == 303


def test_chosen_comments_and_whole_pages_are_decided_at_once(blog: Blog, mara: Browser, ana: Browser) -> None:
    """By tick boxes, or all on the page, in one act; its undo is on the page of decisions too."""
    for number in range(4):
        blog.score(f"comment number {number}")
    comments = held_items(blog.services)
    decide(ana, comments[0], "ham")
    chosen = [str(comment.seen) for comment in comments[:3]]
    mara.client.post("/queue/act", data={"csrf_token": mara.token(), "id": chosen, "verb": "spam"})
    page = mara.read("/queue")
    assert "2 comments: spam" in page and "Ana was faster" in page and count_held(blog.services) == 1
    listed = re.search(r'name="page" value="([^"]+)"', page)
    assert listed
    everything = {"page": f"{listed[1]} {comments[1].seen}", "all": "1", "id": chosen}
    mara.client.post("/queue/act", data={"csrf_token": mara.token(), **everything, "verb": "remove"})
    assert "1 comment: removed" in mara.read("/queue/acts") and count_held(blog.services) == 0
    acts = mara.read("/queue/acts")
    assert acts.count("Undo<") == 3 and "2 comments: spam" in acts and "Ana" in acts
    mara.send("/queue/undo", act=undo_of(acts), back="/queue/acts")
    assert "Undone by" in mara.read("/queue/acts") and count_held(blog.services) == 1
    mara.send("/queue/act", verb="spam")
    assert "choose a comment first" in mara.read("/queue")


def test_a_script_sends_the_same_forms(blog: Blog, mara: Browser) -> None:
    """And gets JSON: the act and a sentence, or a problem."""
    blog.score("Hello there")
    item, token = newest(blog.services), mara.token()
    accept = {"Accept": "application/json"}

    def send(path: str, **fields: str) -> TestResponse:
        return mara.client.post(path, data={"csrf_token": token, **fields}, headers=accept)

    decided = send("/queue/act", id=str(item.seen), verb="spam").get_json()
    assert decided["message"].startswith("The comment is spam: the label is stored. Its blog asked through /v1")
    refused = send("/queue/act", id=str(item.seen), verb="ham")
    assert refused.status_code == 409 and "mara was faster" in refused.get_json()["detail"]
    assert send("/queue/act", verb="spam").status_code == 409
    undone = send("/queue/undo", act=str(decided["act"])).get_json()
    assert undone == {"act": None, "message": "Undone: 1 comment is as before."}
    for path, fields in (("/queue/undo", {"act": "0"}), ("/queue/undo", {"act": "x"}), ("/queue/act", {"verb": "x"})):
        problem = send(path, **fields)
        assert problem.content_type == "application/problem+json" and problem.status_code in (400, 404)
    fragment = mara.client.get("/queue", headers={"X-Requested-Fragment": "cards"}).text
    assert "<article" in fragment and "<html" not in fragment


def test_an_author_is_trusted_from_the_queue(blog: Blog, mara: Browser) -> None:
    """Only where the blog vouches for the author; the comment still waits."""
    blog.set_thresholds(HOLD_ALL)
    blog.score("Hello there", author_id="<b>42</b>")
    item = newest(blog.services)
    page = mara.get("/queue").text
    assert "Trust author" in page and "&lt;b&gt;42" in page
    assert "is trusted; the comment stays as it is" in decide(mara, item, "trust") and count_held(blog.services) == 1
    (rule,) = list_author_rules(blog.services, blog.site)
    assert (rule.value, rule.standing, rule.set_by) == ("<b>42</b>", "trusted", "mara")
    blog.score("Hello again")
    assert "does not say which" in decide(mara, newest(blog.services), "block")
