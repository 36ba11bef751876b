"""Stories of the queue: Mara and Ana decide what was held; outsiders do not."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from moderation.actions.access import add_moderator, remove_moderator, reset_password
from moderation.actions.check import find_decision
from moderation.actions.desk import Desk
from moderation.actions.review import count_held, held_items
from moderation.domain.judgement import LabelValue
from moderation.domain.prior import FEWEST
from moderation.domain.site import Moderator
from moderation.settings import Settings
from moderation.storage import callbacks
from moderation.storage.engine import writing
from moderation.web.app import create_app
from moderation.web.queue.held import PAGE
from moderation.web.queue.throttle import ALLOWED
from tests.conftest import PASSWORD, Clock
from tests.web.conftest import BLOG, HOLD_ALL, KEY, Blog, Browser

HOSTILE = '<script>alert(1)</script>\n<a href="http://pills.example/x">\u202egnp.exe</a>'


@pytest.fixture(autouse=True)
def everything_is_held(blog: Blog) -> None:
    blog.draw(HOLD_ALL)


@pytest.fixture
def ana(app: Flask, desk: Desk) -> Browser:
    """Another moderator, signed in."""
    add_moderator(desk, "Ana", PASSWORD)
    browser = Browser(app.test_client())
    assert browser.sign_in("Ana").status_code == 303
    return browser


def newest(desk: Desk) -> int:
    return held_items(desk, before=None, limit=1)[0].id


def decide(browser: Browser, item: int, decision: str, **fields: str) -> str:
    """Presses a button; the page that follows."""
    reply = browser.send(f"/queue/{item}/resolve", decision=decision, **fields)
    assert reply.status_code == 303, reply.text
    return browser.read(reply.headers["Location"])


def test_an_outsider_is_led_to_the_sign_in(client: FlaskClient, blog: Blog) -> None:
    """Nothing of the queue shows, and a decision sent without signing in does nothing."""
    blog.score("a secret comment")
    reply = client.get("/queue?before=7")
    assert reply.status_code == 303 and reply.headers["Location"] == "/queue/sign-in?next=/queue?before%3D7"
    browser = Browser(client)
    sent = browser.send(f"/queue/{newest(blog.desk)}/resolve", page="/queue/sign-in", decision="ham")
    assert sent.status_code == 303 and "/queue/sign-in" in sent.headers["Location"]
    assert count_held(blog.desk) == 1


def test_the_root_leads_to_the_queue(client: FlaskClient) -> None:
    """Whoever opens the address in a browser is a moderator."""
    assert client.get("/").headers["Location"] == "/queue"


def test_a_moderator_signs_in_and_out(app: Flask, moderator: Moderator) -> None:
    """The name shows while signed in; after signing out the queue is closed again."""
    browser = Browser(app.test_client())
    assert browser.sign_in().headers["Location"] == "/queue"
    page = browser.read("/queue")
    assert "mara" in page and "Nothing is held" in page
    assert browser.send("/queue/sign-out").headers["Location"] == "/queue/sign-in"
    assert browser.get("/queue").status_code == 303


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
    """401 and one sentence: which names exist is not told."""
    browser = Browser(app.test_client())
    reply = browser.sign_in(name, password)
    assert reply.status_code == 401 and "The name or the password is wrong." in reply.text
    assert browser.get("/queue").status_code == 303


def test_guessing_is_slowed_down(app: Flask, moderator: Moderator, clock: Clock) -> None:
    """After too many failures even the right password has to wait; after the window it works again."""
    browser = Browser(app.test_client())
    for _ in range(ALLOWED):
        assert browser.sign_in("mara", "a wrong password").status_code == 401
    reply = browser.sign_in()
    assert reply.status_code == 429 and int(reply.headers["Retry-After"]) == 300
    clock.advance(300)
    assert browser.sign_in().status_code == 303


def test_signing_in_leads_nowhere_else(mara: Browser) -> None:
    """Only pages of the queue are places to go on to, for whoever signs in and whoever is signed in."""
    good = {"/queue?before=7", "/queue?skipped=1", "/queue?before=7&skipped=1"}
    evil = {
        "https://evil.example/queue",
        "//evil.example/queue",
        "/\\evil.example",
        "/queue/../../x",
        "/queue?before=7\r\nX: y",
        "/queue\n",
        "javascript:alert(1)",
    }
    for sent in good | evil:
        reply = mara.client.get("/queue/sign-in", query_string={"next": sent})
        assert reply.headers["Location"] == (sent if sent in good else "/queue")
    assert mara.sign_in_again(next="//evil.example/queue").headers["Location"] == "/queue"
    assert mara.sign_in_again(next="/queue?before=7").headers["Location"] == "/queue?before=7"


def test_the_cookie_is_kept_from_scripts_and_strangers(
    app: Flask, desk: Desk, settings: Settings, moderator: Moderator
) -> None:
    """HttpOnly, SameSite=Lax, bounded in time; Secure when the setting says so."""
    cookie = Browser(app.test_client()).sign_in().headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Expires=" in cookie and "Secure" not in cookie
    secured = create_app(desk, settings.model_copy(update={"secure_cookies": True, "session_hours": 3}))
    assert secured.permanent_session_lifetime == timedelta(hours=3)
    assert "Secure" in secured.test_client().get("/queue/sign-in").headers["Set-Cookie"]


def test_the_signing_key_is_not_the_secret(app: Flask, desk: Desk) -> None:
    """What signs cookies is derived: it must not open the digests of keys."""
    assert isinstance(app.secret_key, bytes) and app.secret_key != desk.secret and desk.secret not in app.secret_key


def test_a_removed_moderator_is_out_at_the_next_click(mara: Browser, desk: Desk) -> None:
    """Also when the next moderator is given the same number."""
    remove_moderator(desk, "mara")
    assert mara.get("/queue").status_code == 303


def test_a_new_password_ends_the_sessions_of_the_old_one(mara: Browser, ana: Browser, desk: Desk) -> None:
    """Whoever knew the old one is out at the next click; others stay."""
    reset_password(desk, "mara", "another password")
    assert mara.get("/queue").status_code == 303
    assert ana.get("/queue").status_code == 200


def test_a_new_moderator_does_not_inherit_a_session(mara: Browser, desk: Desk, clock: Clock) -> None:
    """A database may give the number of the removed one to the next."""
    remove_moderator(desk, "mara")
    clock.advance(60)
    add_moderator(desk, "Ana", PASSWORD)
    assert mara.get("/queue").status_code == 303


def test_what_is_held_shows_with_everything_a_person_needs(mara: Browser, blog: Blog) -> None:
    """Author, site, e-mail domain, address, text, links, chance, model and reasons; the e-mail's user stays private."""
    told = blog.score(
        "Cheap pills at http://news.pills.example/x",
        author="Ann",
        email="ann.secret@mail.example",
        url="http://a.example/",
    )
    page = mara.read("/queue")
    shown = ("Ann", blog.site.url, "mail.example", "http://a.example/", "pills.example", told["model"], "1 held")
    for fact in (*shown, f"{told['probability']:.1%}", told["reasons"][0]["code"]):
        assert fact in page, fact
    assert "ann.secret" not in page


def test_the_chance_at_the_site_is_shown_once_it_is_known(mara: Browser, blog: Blog) -> None:
    """A comment in doubt is less likely spam where nearly all is good, and the page says both."""
    blog.score("I do not agree: it still runs.")
    assert "by what this site gets" not in mara.read("/queue")
    for number in range(FEWEST):
        blog.score(f"I do not agree: number {number} was repaired by my brother, and it still runs.")
    told = blog.score("nice site")
    said = re.search(r"<strong>([0-9.]+)%</strong>[^;]*; by what this site gets, ([0-9.]+)%", mara.read("/queue"))
    assert said and f"{told['probability']:.1%}" == f"{said[1]}%" and float(said[2]) < float(said[1])


def test_hostile_text_is_shown_and_does_nothing(mara: Browser, blog: Blog) -> None:
    """Tags are text, links are not links, what hides is marked, and the page allows no script at all."""
    blog.score(HOSTILE, author="<img src=x onerror=alert(1)>", url="javascript:alert(1)", email='"><b>@evil.example')
    reply, read = mara.get("/queue"), mara.read("/queue")
    assert "&lt;script&gt;alert(1)" in read and "&lt;img src=x" in read and "[U+202E]" in read
    assert "<script" not in reply.text and "<img" not in reply.text and "\u202e" not in reply.text
    assert "http://pills.example/x" in read
    assert not re.search(r'<a [^>]*href="(?!/|#)', reply.text) and "style=" not in reply.text
    policy = reply.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';") and "script" not in policy and "unsafe" not in policy


def test_what_weighed_is_marked_in_the_text(mara: Browser, blog: Blog) -> None:
    """The words of a reason are marked where they stand, hostile or not; the two sides differ in more than colour."""
    told = blog.score("Order <b>cheap\u202e casino bonus</b> now")
    spans = [span for reason in told["reasons"] if reason["weight"] >= 0.1 for span in reason["spans"]]
    assert spans
    page = mara.get("/queue").text
    assert '<mark class="spam" title="speaks for spam, +' in page and "Underlined:" in page
    assert "Order &lt;b&gt;cheap" in mara.read("/queue")
    with mara.get("/static/style.css") as reply:
        assert re.search(r"mark\.ham \{[^}]*text-decoration-style: dotted", reply.get_data(as_text=True))


def test_the_strongest_reasons_show_and_the_others_unfold(mara: Browser, blog: Blog) -> None:
    """Five for spam and three against it are seen at once; with the folded ones it is every reason there is."""
    told = blog.score("Order cheap casino bonus at http://casino.example now, dear friends, I think")
    seen, _, folded = mara.read("/queue").partition("<h3>Why</h3>")[2].partition(" more</summary>")
    assert [seen.count(f'<td class="{side}">') for side in ("spam", "ham")] == [5, 3]
    assert folded.count('<td class="weight">') == len(told["reasons"]) - 8


def test_long_comments_unfold(mara: Browser, blog: Blog) -> None:
    """The whole text is on the page, the rest of a long one folded."""
    blog.score("word " * 1000 + "the end")
    page = mara.read("/queue")
    assert "the end" in page and "The rest, 3507 characters" in page


@pytest.mark.parametrize("value", ["ham", "spam"])
def test_a_decision_closes_the_item_and_labels_the_comment(mara: Browser, blog: Blog, value: str) -> None:
    """The page that follows says what happened; the label names who."""
    told = blog.score("Hello there")
    item = newest(blog.desk)
    assert f"Comment {item} is {value}" in decide(mara, item, value)
    assert count_held(blog.desk) == 0
    label = find_decision(blog.desk, blog.site, told["id"])[1]
    assert label is not None and (label.value, label.who, label.source) == (LabelValue(value), "mara", "queue")


def test_skipping_lays_aside_without_deciding(mara: Browser, blog: Blog) -> None:
    """A skipped comment leaves the list, can be asked for, and can then be decided."""
    blog.score("Hello there")
    item = newest(blog.desk)
    page = decide(mara, item, "skip")
    assert "is skipped" in page and "Hello there" not in page and "Skipped too (1)" in page
    assert "Hello there" in mara.read("/queue?skipped=1")
    assert f"Comment {item} is ham" in decide(mara, item, "ham", skipped="1")


def test_two_moderators_one_decision(mara: Browser, ana: Browser, blog: Blog) -> None:
    """The slower one is told kindly who was faster, and nothing changes."""
    told = blog.score("Hello there")
    item = newest(blog.desk)
    decide(ana, item, "ham")
    page = decide(mara, item, "spam")
    assert "Nothing changed: Ana was faster" in page
    label = find_decision(blog.desk, blog.site, told["id"])[1]
    assert label is not None and label.value is LabelValue.HAM


def test_a_decision_on_nothing_is_told(mara: Browser) -> None:
    """An item that never was, or a number no database takes."""
    assert "not in the queue any more" in decide(mara, 12345, "ham")
    assert mara.send(f"/queue/{2**80}/resolve", decision="ham").status_code == 404


def test_only_three_words_are_decisions(mara: Browser, blog: Blog) -> None:
    """Anything else is a page that says so, and the comment stays held."""
    blog.score("Hello there")
    for odd in ("", "discard", "HAM"):
        reply = mara.send(f"/queue/{newest(blog.desk)}/resolve", decision=odd)
        assert reply.status_code == 400 and "must be ham, spam or skip" in reply.text
    assert count_held(blog.desk) == 1


def test_a_form_without_its_token_is_refused(mara: Browser, blog: Blog) -> None:
    """Another site cannot make Mara's browser decide, whether the token is missing, wrong or somebody else's."""
    blog.score("Hello there")
    place = f"/queue/{newest(blog.desk)}/resolve"
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "nonsense"}):
        reply = mara.client.post(place, data={"decision": "spam", **token})
        assert reply.status_code == 400 and "text/html" in reply.content_type
    assert count_held(blog.desk) == 1


def test_signing_in_takes_a_token_too(client: FlaskClient, moderator: Moderator) -> None:
    """Nobody can be signed in as somebody else by a foreign page."""
    assert client.post("/queue/sign-in", data={"name": "mara", "password": PASSWORD}).status_code == 400


def test_a_token_is_good_for_as_long_as_the_session(mara: Browser, blog: Blog) -> None:
    """A page may lie open for hours before the button is pressed."""
    assert mara.client.application.config["WTF_CSRF_TIME_LIMIT"] is None


def test_older_pages_are_reached_by_a_link(mara: Browser, blog: Blog) -> None:
    """Newest first, nothing twice, nothing left out; a decision on an older page comes back to it."""
    for count in range(PAGE + 2):
        blog.score(f"comment number {count}.")
    first = mara.read("/queue")
    link = re.search(r'href="(/queue\?before=\d+)"', first)
    assert link
    older = mara.read(link[1])
    seen = [int(n) for page in (first, older) for n in re.findall(r'<div class="comment".*number (\d+)\.', page)]
    assert seen == list(reversed(range(PAGE + 2)))
    assert ">Newest<" in older and ">Older<" not in older
    before = link[1].partition("=")[2]
    item = re.search(r"/queue/(\d+)/resolve", older)
    assert item
    reply = mara.send(f"/queue/{item[1]}/resolve", decision="ham", before=before)
    assert reply.headers["Location"] == link[1]


def test_an_odd_page_is_still_a_page(mara: Browser, blog: Blog) -> None:
    """Whatever stands in the address, the queue answers."""
    blog.score("Hello there")
    for odd in ("x", "-1", "9" * 10, "9" * 40, "", "٣", "1.5", "0"):
        assert mara.client.get("/queue", query_string={"before": odd}).status_code == 200


def test_pages_work_for_everybody(mara: Browser, blog: Blog) -> None:
    """A language, one main heading, a label for each field, a name for each button, and a width for phones."""
    blog.score("Hello there")
    sign_in = mara.client.application.test_client().get("/queue/sign-in").text
    for page in (mara.read("/queue"), sign_in):
        assert '<html lang="en">' in page and page.count("<h1") == 1 and "width=device-width" in page
    for field in re.findall(r'<input id="(\w+)"', sign_in):
        assert f'<label for="{field}">' in sign_in


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_can_be_told_apart(client: FlaskClient) -> None:
    """WCAG AA, light and dark: each ink on each ground it stands on has a contrast of at least 4.5."""
    with client.get("/static/style.css") as reply:
        sheets = re.findall(r":root \{(.*?)\}", reply.get_data(as_text=True), re.DOTALL)
    pairs = [(ink, ground) for ink in ("ink", "quiet", "spam", "ham", "accent") for ground in ("card", "ground")]
    assert len(sheets) == 2
    for sheet in sheets:
        colours = {name: luminance(value) for name, value in re.findall(r"--([\w-]+): #([0-9a-f]+);", sheet)}
        for one, other in [*pairs, ("mark-ink", "mark"), ("accent-ink", "accent")]:
            dark, light = sorted((colours[one], colours[other]))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{one} on {other}"


def hold_with_a_deadline(blog: Blog, text: str) -> None:
    """A comment that WordPress holds and would publish by itself."""
    fields = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", "comment_content": text}
    fields |= {"callback": f"{BLOG}/wp-json/akismet/v1/webhook"}
    agent = {"User-Agent": "WordPress/6.8 | Akismet/5.7"}
    assert blog.client.post("/1.1/comment-check", data=fields, headers=agent).text == "false"


def test_what_runs_out_is_shown_first(blog: Blog, mara: Browser, clock: Clock) -> None:
    """A blog publishes by itself after two days: the queue says when, warns half a day before, and lists it first."""
    hold_with_a_deadline(blog, "the first")
    clock.advance(3600)
    hold_with_a_deadline(blog, "the second")
    blog.score("without a deadline")
    assert "03 Jan 2026" not in mara.read("/queue") and "04 Jan 2026, 12:00 UTC" in mara.read("/queue")
    assert "Show the soonest first" not in mara.read("/queue")
    clock.advance(1.6 * 86_400)
    assert mara.sign_in_again().status_code == 303
    assert "2 comments are published" in mara.read("/queue")
    soon = mara.read("/queue?soon=1")
    assert soon.index("the first") < soon.index("the second") and "without a deadline" not in soon
    first = min(item.id for item in held_items(blog.desk))
    after = mara.send(f"/queue/{first}/resolve", page="/queue?soon=1", decision="ham", soon="1")
    assert after.headers["Location"] == "/queue?soon=1"
    clock.advance(86_400)
    assert mara.sign_in_again().status_code == 303
    assert "Its blog has published it by itself" in mara.read("/queue")


def test_a_blog_that_does_not_listen_is_named(blog: Blog, mara: Browser) -> None:
    """The moderator sees that a decision has not arrived, and why."""
    hold_with_a_deadline(blog, "hello")
    decide(mara, newest(blog.desk), "spam")
    with writing(blog.desk.engine) as connection:
        (due,) = callbacks.due(connection, blog.desk.clock(), 10)
        claimed = callbacks.claim(connection, due, blog.desk.clock())
        assert claimed
        callbacks.failed(connection, claimed, "The blog answered with status 401.", None, blog.desk.clock())
    page = mara.read("/queue")
    assert "has not taken 1" in page and "The blog answered with status 401." in page


def test_a_moderator_is_reminded_of_what_was_said(mara: Browser, ana: Browser, blog: Blog, clock: Clock) -> None:
    """What comments like this one were called, by whom and when: at most three, hostile text made harmless."""
    for number, browser in enumerate((mara, ana, mara)):
        blog.score(f"{HOSTILE} and number {number}, sheds of oak and pine sent to any garden")
        decide(browser, newest(blog.desk), "spam")
    liked = blog.score("<i>sheds of oak</i>, larch and pine sent to any garden")
    blog.call("PUT", f"/v1/decisions/{liked['id']}/label", {"label": "ham"})
    clock.advance(3600)
    blog.score(f"{HOSTILE} and number 9, sheds of oak and pine sent to any garden")
    page = mara.get("/queue").text
    assert "Like 3 labelled comments: 3 spam" in page
    assert "you called it spam on 02 Jan 2026" in page and "Ana called it spam on 02 Jan 2026" in page
    assert "<script" not in page and "\u202e" not in page and page.count("&lt;script&gt;") == 4
    decide(mara, newest(blog.desk), "spam")
    blog.score("sheds of oak, larch and fir sent to any garden")
    page = mara.get("/queue").text
    assert "the blog called it ham" in page and "&lt;i&gt;sheds" in page


def test_nobody_is_reminded_of_nothing(mara: Browser, blog: Blog) -> None:
    """Where nothing alike was labelled, the page says nothing about it."""
    blog.score("Hello there")
    assert "labelled comment" not in mara.get("/queue").text
