"""A real WordPress with the unmodified Akismet plugin, pointed at the real service by our must-use plugin."""

import json
import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.blog import HELD, KEY_PAGE, PUBLISHED, SPAM, Posted
from tests.e2e.town import Town, built
from tests.e2e.wanted import missing
from tests.e2e.wordpress import free_port, lacking
from tests.shipped import SHIPPED

ORDINARY = (
    "We tried the rye loaf from your second recipe at the weekend. It needed ten more minutes in our old oven, "
    "but the crust came out wonderful."
)
DOUBTFUL = "Nice article. I sell the same flour in my shop, have a look: http://tom-bakes.example/flour"
SPAMMY = "Good post! Visit my website for cheap flour."
BLATANT = "I really like your blog, keep it up. Cheap replica watches for sale at http://replica-watches.example"
AWKWARD = {
    "apostrophes": "It's what the baker's wife said: \"don't open the oven\". We didn't, and that's all there's to it.",
    "backslashes": r"On Windows it lies in C:\recipes\new\bread.txt, and 'a \"quoted\" path' won't open \\ there.",
    "emoji": "Prachtvoll \U0001f35e\U0001f600! Der Teig ging über Nacht so gut auf wie noch nie – danke für die Mühe.",
    "a link": 'The mill is <a href="http://mill.example/a?b=1&c=2">in the valley</a>, &amp; bread & butter < cake.',
    "lines": "First it rests.\n\nThen  I   fold it,\nand it rests again. <b>Twice</b> <script>x()</script> is enough.",
}
ALL_PUBLISHED = ("--review", "1", "--spam", "1", "--discard", "1")
ALL_SPAM = ("--review", "1e-12", "--spam", "1e-12", "--discard", "1")
ALL_DISCARDED = ("--review", "1e-12", "--spam", "1e-12", "--discard", "1e-12")
ALL_REVIEWED = ("--review", "1e-12", "--spam", "1", "--discard", "1")

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """One for all tests: each brings readers of its own, and leaves the blog as it was."""
    if lack := lacking():
        missing(f"{lack}, for a real WordPress")
    with built() as town:
        yield town
        assert "mu-plugins" not in town.blog.installed.log.read_text("utf-8")  # no notice, no warning of ours


def published(posted: Posted | None) -> bool:
    return posted is not None and posted.state == PUBLISHED


def test_every_verdict_has_its_place(town: Town) -> None:
    """At the model's own lines: ordinary published, doubtful and spam in the spam folder, blatant not stored at all."""
    town.blog.set_strict(strict=True)
    lines = json.loads(town.service.moderation("models", "show", SHIPPED, "--json"))["lines"]
    with town.drawn(*(part for name, line in lines.items() for part in (f"--{name}", repr(line)))):
        assert published(town.blog.comment(ORDINARY, "Martha Lind"))
        for text, author in ((DOUBTFUL, "Tom Doubt"), (SPAMMY, "Tom Spam")):
            posted = town.blog.comment(text, author, "http://tom-bakes.example")
            assert posted and posted.state == SPAM
        assert town.blog.comment(BLATANT, "Replica Watches", "http://replica-watches.example") is None
    verdicts = dict(town.rows("SELECT author, verdict FROM comments c JOIN decisions d ON c.id = d.comment_id"))
    wanted = {"Martha Lind": "publish", "Tom Doubt": "review", "Tom Spam": "spam", "Replica Watches": "discard"}
    assert verdicts.items() >= wanted.items()


def test_blatant_spam_is_kept_if_the_plugin_is_not_strict(town: Town) -> None:
    """Dropping is the blog's own choice; the spam folder is what it has otherwise."""
    town.blog.set_strict(strict=False)
    with town.drawn(*ALL_DISCARDED):
        posted = town.blog.comment("The strict reader has come and gone, but this folder is still here.", "Lax Larry")
    assert posted and posted.state == SPAM


def test_review_may_mean_publish(town: Town) -> None:
    """The site's choice; the item waits in our queue in either case."""
    with town.drawn(*ALL_REVIEWED), town.review_means("publish"):
        assert published(town.blog.comment("Do you know a good mill near the coast?", "Coast Reader"))
    (decision,) = town.decisions("Coast Reader")
    assert town.rows("SELECT 1 FROM items WHERE decision_id = ? AND closed_at IS NULL", decision)


@pytest.mark.parametrize("what", AWKWARD)
def test_people_change_their_minds_about(town: Town, what: str) -> None:
    """Spam, Not Spam and Spam again label the one decision, whatever WordPress does to quotes, links and lines."""
    author = f'O\'Brien \\ "{what}"'
    with town.drawn(*ALL_PUBLISHED):
        posted = town.blog.comment(AWKWARD[what], author, "http://obrien.example/?a=1&b='2'")
    assert posted and posted.state == PUBLISHED
    ((decision,),) = town.rows(
        "SELECT d.id FROM comments c JOIN decisions d ON c.id = d.comment_id WHERE author LIKE ?", f"%{what}%"
    )
    town.blog.press(posted.number, "spamcomment")
    assert town.label(decision) == "spam"
    town.blog.press(posted.number, "unspamcomment")
    assert town.label(decision) == "ham"
    # As if it came from another blog: what is reported now is what WordPress has made of it.
    town.blog.forget_what_was_sent(posted.number)
    town.blog.press(posted.number, "spamcomment")
    assert town.label(decision) == "spam"
    assert town.rows("SELECT count(*) FROM comments WHERE author LIKE ?", f"%{what}%") == [(1,)]


def test_labels_are_exported(town: Town) -> None:
    """What a moderator says in wp-admin is in the corpus of the next training, by the name of the one who said it."""
    text = "Rye bread keeps for a week in a linen bag, my grandmother said."
    posted = town.blog.comment(text, "Granny Reader")
    assert posted
    town.blog.press(posted.number, "spamcomment")
    assert town.service.labels()[text] == "spam"
    assert town.rows("SELECT who, source FROM labels ORDER BY id DESC LIMIT 1") == [("admin", "akismet")]


def test_the_settings_page_shows_our_counts(town: Town) -> None:
    """Connected, active, and with the figures of this site: what a moderator takes back is a false positive."""
    spam, wrong = counts(town)
    with town.drawn(*ALL_SPAM):
        posted = town.blog.comment("Which salt do you take for the crust, please?", "Salty Reader")
    assert posted and posted.state == SPAM
    town.blog.press(posted.number, "unspamcomment")
    assert counts(town) == (spam + 1, wrong + 1)
    assert "Subscription Type Self-hosted" in town.blog.settings()


def counts(town: Town) -> tuple[int, int]:
    said = town.blog.settings()
    assert "Status Active" in said and "connect to Akismet" not in said
    found = re.search(r"All time (\d+) Spam blocked .* (\d+) false positive", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def test_what_commenters_leave_stays_on_the_blog(town: Town) -> None:
    """No link previews by a third party, and no frame of akismet.com that would be told the key."""
    assert "enable_mshots" not in town.blog.admin.get("/wp-admin/edit-comments.php").text
    assert town.blog.admin.get(KEY_PAGE).headers["Content-Security-Policy"] == "frame-src 'self'"


def test_a_stopped_service_loses_nothing(town: Town) -> None:
    """Held while we are down; the plugin's own retry, and its Check for Spam, then get their verdicts."""
    town.stop()
    try:
        good = town.blog.comment("My starter is a week old, is that too young?", "Starter Reader")
        link = '<a href="http://mill.example/?a=1&b=2">Our mill\'s page</a> has a "how to" on that, don\'t miss it.'
        bad = town.blog.comment(link, "Miller's Boy")
    finally:
        town.start()
    assert good and bad and good.state == bad.state == HELD
    assert "no answer from Moderation" in town.blog.history(good.number)
    with town.drawn(*ALL_SPAM):
        counts = town.blog.check_for_spam()
    assert counts["processed"] == counts["spam"] >= 2
    assert town.blog.state(good.number) == town.blog.state(bad.number) == SPAM
    assert town.comments("Miller's Boy") == town.comments("Starter Reader") == 1


def test_the_retry_gets_a_verdict(town: Town) -> None:
    """Twenty minutes after a failure the plugin's cron asks again, and the blog does as it is told."""
    town.stop()
    try:
        posted = town.blog.comment("Half rye and half spelt is what we like best at home.", "Spelt Reader")
    finally:
        town.start()
    assert posted and posted.state == HELD
    town.blog.retry()
    assert town.blog.state(posted.number) == PUBLISHED
    assert len(town.decisions("Spelt Reader")) == 1


def test_a_check_without_an_answer_has_a_guid(town: Town) -> None:
    """Newer plugins publish what has none: neither a refused connection nor a proxy's page may reach the plugin."""
    for nobody in (f"http://127.0.0.1:{free_port()}", town.url):
        town.point(f"define( 'MODERATION_URL', '{nobody}' );")
        try:
            status, guid, body = remote(town, "https://rest.akismet.com/1.1/comment-check", "blog=x")
        finally:
            town.point()
        assert (status, body) == ("503", "no answer from Moderation") and re.fullmatch("[0-9a-f]{32}", guid)


def test_a_key_in_the_host_name_becomes_a_parameter(town: Town) -> None:
    """Older plugins and other clients name it there; a key that is a parameter already is left alone."""
    asked = f"https://{town.key}.rest.akismet.com/1.1/verify-key"
    assert remote(town, asked, f"blog={town.url}") == ("200", "", "valid")
    assert remote(town, asked, f"blog={town.url}&api_key=ffffffffffff")[2] == "invalid"
    # Not Akismet's: blocked by the blog's own setting, so it was not sent to us.
    assert remote(town, "https://rest.akismet.com.evil.example/1.1/test", "") == ("", "", "")


def remote(town: Town, url: str, body: str) -> tuple[str, ...]:
    """What WordPress gets for a POST: status, guid and body."""
    said = town.blog.installed.php(
        f"$r = wp_remote_post('{url}', ['body' => '{body}', 'headers' => ['Host' => 'rest.akismet.com']]);"
        "echo wp_remote_retrieve_response_code($r), '|', wp_remote_retrieve_header($r, 'x-akismet-guid'), '|',"
        "wp_remote_retrieve_body($r);"
    )
    return tuple(said.split("|"))


def test_a_wrong_key_is_named(town: Town) -> None:
    """A key that opens nothing is refused by the form and not kept; one that was changed here holds the comments."""
    try:
        assert "The key you entered is invalid" in town.blog.enter_key("ffffffffffff")
        assert "Status Active" in town.blog.settings()
        for _ in range(2):  # one rotation leaves the key before it alive
            town.key = re.findall(r"\b[0-9a-f]{12}\b", town.service.moderation("site", "rotate-key", town.url))[0]
        posted = town.blog.comment("The key under the mat no longer fits, it seems.", "Key Reader")
        assert posted and posted.state == HELD
        assert "Your API key is no longer valid" in town.blog.settings()
        assert "Status Active" in town.blog.enter_key(town.key)
    finally:
        town.blog.set_key(town.key)


def test_the_administrator_is_believed(town: Town) -> None:
    """Whatever the lines are; the service keeps nothing of it."""
    before = town.rows("SELECT count(*) FROM comments")
    with town.drawn(*ALL_DISCARDED):
        assert published(town.blog.comment_as_admin("Thank you all, the oven is hot again on Monday."))
    assert town.rows("SELECT count(*) FROM comments") == before


def test_other_doors_of_the_blog(town: Town) -> None:
    """Comments through the REST interface and pingbacks are judged as those from the form."""
    with closing(town.blog.subscribe("resty")) as browser:
        assert town.blog.comment_by_rest(browser, "Does it rise without salt as well?") == PUBLISHED
        with town.drawn(*ALL_SPAM):
            assert town.blog.comment_by_rest(browser, "Does it rise without sugar as well?") == SPAM
    assert published(town.blog.ping())
    assert town.rows("SELECT verdict FROM decisions d JOIN comments c ON c.id = comment_id WHERE type = 'pingback'")


def test_the_plugin_can_be_switched_off_and_on(town: Town) -> None:
    """It says good-bye, the blog goes on without it, and the key it kept still works."""
    town.blog.deactivate()
    try:
        assert "[body] => deactivated" in town.blog.installed.log.read_text("utf-8")
        assert published(town.blog.comment("Nobody asked anybody about this one.", "Lone Reader"))
    finally:
        town.blog.activate()
    assert not town.decisions("Lone Reader")
    assert "Status Active" in town.blog.settings()


def test_without_the_line_our_plugin_asks_for_it(town: Town) -> None:
    """And does nothing else: no request is sent elsewhere."""
    for line in ("", "define( 'MODERATION_URL', 'moderation.example' );", "define( 'MODERATION_URL', array() );"):
        town.point(line)
        try:
            shown = town.blog.admin.get("/wp-admin/").text
            reply = remote(town, "https://rest.akismet.com/1.1/verify-key", f"key={town.key}&blog={town.url}")
        finally:
            town.point()
        assert "define( &#039;MODERATION_URL&#039;, &#039;https://moderation.example&#039; );" in shown
        assert reply == ("", "", "")
    assert "MODERATION_URL" not in town.blog.admin.get("/wp-admin/").text


def test_a_proxy_setting_does_without_our_plugin(town: Town) -> None:
    """WordPress's own WP_PROXY_HOST: the plugin gives https up, then asks for whole addresses over plain http."""
    lines = {
        "WP_PROXY_HOST": "127.0.0.1",
        "WP_PROXY_PORT": str(town.service.port),
        "WP_ACCESSIBLE_HOSTS": "rest.akismet.com",
    }
    town.point(*(f"define( '{name}', '{value}' );" for name, value in lines.items()))
    try:
        assert published(town.blog.comment("The proxy of the village is the post office.", "Proxy Reader"))
        assert len(town.decisions("Proxy Reader")) == 1
    finally:
        town.point()
        town.blog.installed.query("DELETE FROM wp_options WHERE option_name = 'akismet_ssl_disabled'")
