"""A real WordPress with the unmodified Akismet plugin, directed to the service by our must-use plugin."""

import json
import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.blog import HELD, KEY_PAGE, PUBLISHED, SPAM, StoredComment
from tests.e2e.deployment import Deployment, running_deployment
from tests.e2e.prerequisites import skip_or_fail
from tests.e2e.service import free_port
from tests.e2e.wordpress import code_blocks, missing_requirements
from tests.shipped import SHIPPED_MODEL_ID

ORDINARY = (
    "We tried the rye loaf from your second recipe at the weekend. It needed ten more minutes in our old oven, "
    "but the crust came out wonderful."
)
DOUBTFUL = "Nice article. I sell the same flour in my shop, have a look: http://tom-bakes.example/flour"
SPAMMY = "Good post! I sell cheap flour in my shop, have a look: http://tom-sells.example/flour"
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
def deployment() -> Iterator[Deployment]:
    """Run one blog for all tests: each has other readers, and restores the settings."""
    if missing := missing_requirements():
        skip_or_fail(f"{missing}, for a real WordPress")
    with running_deployment() as deployment:
        yield deployment
        assert "mu-plugins" not in deployment.blog.installed.log.read_text(
            "utf-8"
        )  # no notice or warning of our plugin


def published(posted: StoredComment | None) -> bool:
    return posted is not None and posted.state == PUBLISHED


def test_every_verdict_has_its_effect(deployment: Deployment) -> None:
    """At the model's thresholds ham is published, review and spam go to the spam folder, discard is not stored."""
    deployment.blog.set_strict(strict=True)
    card = json.loads(deployment.service.moderation("models", "show", SHIPPED_MODEL_ID, "--json"))
    with deployment.with_thresholds(
        *(part for name, value in card["thresholds"].items() for part in (f"--{name}", repr(value)))
    ):
        assert published(deployment.blog.comment(ORDINARY, "Martha Lind"))
        # A site that two names advertise would be worse.
        for text, author, url in (
            (DOUBTFUL, "Tom Doubt", "http://tom-bakes.example"),
            (SPAMMY, "Tom Spam", "http://tom-sells.example"),
        ):
            posted = deployment.blog.comment(text, author, url)
            assert posted and posted.state == SPAM
        assert deployment.blog.comment(BLATANT, "Replica Watches", "http://replica-watches.example") is None
    verdicts = dict(deployment.rows("SELECT author, verdict FROM comments c JOIN decisions d ON c.id = d.comment_id"))
    expected = {"Martha Lind": "publish", "Tom Doubt": "review", "Tom Spam": "spam", "Replica Watches": "discard"}
    assert verdicts.items() >= expected.items()


def test_blatant_spam_is_kept_if_the_plugin_is_not_strict(deployment: Deployment) -> None:
    """Without the plugin's strict setting such a comment goes to the spam folder."""
    deployment.blog.set_strict(strict=False)
    with deployment.with_thresholds(*ALL_DISCARDED):
        posted = deployment.blog.comment(
            "The strict reader has come and gone, but this folder is still here.", "Lax Larry"
        )
    assert posted and posted.state == SPAM


def test_review_may_mean_publish(deployment: Deployment) -> None:
    """By the site's setting the blog publishes; the item still waits in the queue."""
    with deployment.with_thresholds(*ALL_REVIEWED), deployment.review_action("publish"):
        assert published(deployment.blog.comment("Do you know a good mill near the coast?", "Coast Reader"))
    (decision,) = deployment.decisions("Coast Reader")
    assert deployment.rows("SELECT 1 FROM queue_items WHERE decision_id = ? AND closed_at IS NULL", decision)


@pytest.mark.parametrize("kind", AWKWARD)
def test_a_changed_label_reaches_the_decision(deployment: Deployment, kind: str) -> None:
    """Spam, Not Spam and Spam again label one decision, although WordPress rewrites quotes, links and line breaks."""
    author = f'O\'Brien \\ "{kind}"'
    with deployment.with_thresholds(*ALL_PUBLISHED):
        posted = deployment.blog.comment(AWKWARD[kind], author, "http://obrien.example/?a=1&b='2'")
    assert posted and posted.state == PUBLISHED
    ((decision,),) = deployment.rows(
        "SELECT d.id FROM comments c JOIN decisions d ON c.id = d.comment_id WHERE author LIKE ?", f"%{kind}%"
    )
    deployment.blog.press(posted.number, "spamcomment")
    assert deployment.label(decision) == "spam"
    deployment.blog.press(posted.number, "unspamcomment")
    assert deployment.label(decision) == "ham"
    # As if it came from another blog: the plugin now reports the text that WordPress stored.
    deployment.blog.forget_submission(posted.number)
    deployment.blog.press(posted.number, "spamcomment")
    assert deployment.label(decision) == "spam"
    assert deployment.rows("SELECT count(*) FROM comments WHERE author LIKE ?", f"%{kind}%") == [(1,)]


def test_not_spam_survives_check_for_spam(deployment: Deployment) -> None:
    """The blog checks a comment again that a moderator took out of the spam folder, and it does not go back."""
    text = "Great post! Cheap oven stones in my shop, order now and save: http://tim-stones.example/sale"
    with deployment.with_thresholds("--review", "0.3", "--spam", "0.6", "--discard", "1"):
        posted = deployment.blog.comment(text, "Tim Stones", "http://tim-stones.example")
        assert posted and posted.state == SPAM
        deployment.blog.press(posted.number, "unspamcomment")
        assert deployment.blog.state(posted.number) == HELD
        assert deployment.blog.check_for_spam()["processed"] >= 1
        assert deployment.blog.state(posted.number) != SPAM
    _, again = deployment.decisions("Tim Stones")
    assert deployment.rows("SELECT verdict FROM decisions WHERE id = ?", again) == [("publish",)]


def test_a_marked_advertiser_is_stopped(deployment: Deployment) -> None:
    """A moderator marks a published comment as spam, and the next one with its link goes to the spam folder."""
    with deployment.with_thresholds("--review", "0.6", "--spam", "0.9", "--discard", "1"):
        posted = deployment.blog.comment("We took photos of our loaves: http://quiet-mill.example", "Uta Reader")
        assert posted and posted.state == PUBLISHED
        deployment.blog.press(posted.number, "spamcomment")
        text = "Has anyone here been to the baking course at http://quiet-mill.example lately?"
        following = deployment.blog.comment(text, "Lena Reader")
    assert following and following.state == SPAM


def test_labels_are_exported(deployment: Deployment) -> None:
    """A moderator's label from wp-admin is exported, and stored with the moderator's name."""
    text = "Rye bread keeps for a week in a linen bag, my grandmother said."
    posted = deployment.blog.comment(text, "Granny Reader")
    assert posted
    deployment.blog.press(posted.number, "spamcomment")
    assert deployment.service.labels()[text] == "spam"
    assert deployment.rows("SELECT labelled_by, channel FROM labels ORDER BY id DESC LIMIT 1") == [("admin", "akismet")]


def test_the_settings_page_shows_our_counts(deployment: Deployment) -> None:
    """It shows the plugin as active, and this site's figures: a label taken back is a false positive."""
    spam, wrong = counts(deployment)
    with deployment.with_thresholds(*ALL_SPAM):
        posted = deployment.blog.comment("Which salt do you take for the crust, please?", "Salty Reader")
    assert posted and posted.state == SPAM
    deployment.blog.press(posted.number, "unspamcomment")
    assert counts(deployment) == (spam + 1, wrong + 1)
    assert "Subscription Type Self-hosted" in deployment.blog.settings()


def counts(deployment: Deployment) -> tuple[int, int]:
    text = deployment.blog.settings()
    assert "Status Active" in text and "connect to Akismet" not in text
    match = re.search(r"All time (\d+) Spam blocked .* (\d+) false positive", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def test_no_third_party_is_called(deployment: Deployment) -> None:
    """The plugin loads no link previews, and no frame of akismet.com, which would receive the key."""
    assert "enable_mshots" not in deployment.blog.admin.get("/wp-admin/edit-comments.php").text
    assert deployment.blog.admin.get(KEY_PAGE).headers["Content-Security-Policy"] == "frame-src 'self'"


def test_a_stopped_service_loses_nothing(deployment: Deployment) -> None:
    """Comments are held while the service is down; Check for Spam then gets their verdicts."""
    deployment.stop()
    try:
        good = deployment.blog.comment("My starter is a week old, is that too young?", "Starter Reader")
        link = '<a href="http://mill.example/?a=1&b=2">Our mill\'s page</a> has a "how to" on that, don\'t miss it.'
        bad = deployment.blog.comment(link, "Miller's Boy")
    finally:
        deployment.start()
    assert good and bad and good.state == bad.state == HELD
    assert "no answer from Moderation" in deployment.blog.history(good.number)
    with deployment.with_thresholds(*ALL_SPAM):
        counts = deployment.blog.check_for_spam()
    # Comments that other tests approved wait too; the site has learnt that they are ham.
    assert counts["processed"] >= counts["spam"] >= 2
    assert deployment.blog.state(good.number) == deployment.blog.state(bad.number) == SPAM
    assert deployment.comments("Miller's Boy") == deployment.comments("Starter Reader") == 1


def test_the_retry_gets_a_verdict(deployment: Deployment) -> None:
    """Twenty minutes after a failure the plugin's cron job checks again, and the blog follows the verdict."""
    deployment.stop()
    try:
        posted = deployment.blog.comment("Half rye and half spelt is what we like best at home.", "Spelt Reader")
    finally:
        deployment.start()
    assert posted and posted.state == HELD
    deployment.blog.retry()
    assert deployment.blog.state(posted.number) == PUBLISHED
    assert len(deployment.decisions("Spelt Reader")) == 1


def test_a_check_without_an_answer_has_a_guid(deployment: Deployment) -> None:
    """Newer plugins publish a comment without one, after a refused connection as after a proxy's error page."""
    for address in (f"http://127.0.0.1:{free_port()}", deployment.url):
        deployment.configure_blog(f"define( 'MODERATION_URL', '{address}' );")
        try:
            status, guid, body = post_from_blog(deployment, "https://rest.akismet.com/1.1/comment-check", "blog=x")
        finally:
            deployment.configure_blog()
        assert (status, body) == ("503", "no answer from Moderation") and re.fullmatch("[0-9a-f]{32}", guid)


def test_a_key_in_the_host_name_becomes_a_parameter(deployment: Deployment) -> None:
    """Older plugins and other clients put the key there; a key that is a parameter stays unchanged."""
    url = f"https://{deployment.key}.rest.akismet.com/1.1/verify-key"
    assert post_from_blog(deployment, url, f"blog={deployment.url}") == ("200", "", "valid")
    assert post_from_blog(deployment, url, f"blog={deployment.url}&api_key=ffffffffffff")[2] == "invalid"
    # Another host than Akismet's: the blog's own setting blocks it, so the service received nothing.
    assert post_from_blog(deployment, "https://rest.akismet.com.evil.example/1.1/test", "") == ("", "", "")


def post_from_blog(deployment: Deployment, url: str, body: str) -> tuple[str, ...]:
    """Post from within WordPress; return the status, the guid and the body of the response."""
    printed = deployment.blog.installed.php(
        f"$r = wp_remote_post('{url}', ['body' => '{body}', 'headers' => ['Host' => 'rest.akismet.com']]);"
        "echo wp_remote_retrieve_response_code($r), '|', wp_remote_retrieve_header($r, 'x-akismet-guid'), '|',"
        "wp_remote_retrieve_body($r);"
    )
    return tuple(printed.split("|"))


def test_a_wrong_key_is_named(deployment: Deployment) -> None:
    """The form refuses an unknown key and keeps the old one; after a key is rotated the blog holds its comments."""
    try:
        assert "The key you entered is invalid" in deployment.blog.enter_key("ffffffffffff")
        assert "Status Active" in deployment.blog.settings()
        for _ in range(2):  # after one rotation the previous key still works
            deployment.key = re.findall(
                r"\b[0-9a-f]{12}\b", deployment.service.moderation("site", "rotate-key", deployment.url)
            )[0]
        posted = deployment.blog.comment("The key under the mat no longer fits, it seems.", "Key Reader")
        assert posted and posted.state == HELD
        assert "Your API key is no longer valid" in deployment.blog.settings()
        assert "Status Active" in deployment.blog.enter_key(deployment.key)
    finally:
        deployment.blog.set_key(deployment.key)


def test_the_administrators_comments_are_published(deployment: Deployment) -> None:
    """At any thresholds; the service stores nothing of them."""
    stored = deployment.rows("SELECT count(*) FROM comments")
    with deployment.with_thresholds(*ALL_DISCARDED):
        assert published(deployment.blog.comment_as_admin("Thank you all, the oven is hot again on Monday."))
    assert deployment.rows("SELECT count(*) FROM comments") == stored


def test_rest_comments_and_pingbacks_are_judged(deployment: Deployment) -> None:
    """Comments through the REST API, and pingbacks, are judged like comments from the form."""
    with closing(deployment.blog.subscribe("resty")) as browser:
        assert deployment.blog.comment_by_rest(browser, "Does it rise without salt as well?") == PUBLISHED
        with deployment.with_thresholds(*ALL_SPAM):
            assert deployment.blog.comment_by_rest(browser, "Does it rise without sugar as well?") == SPAM
    assert published(deployment.blog.ping())
    assert deployment.rows(
        "SELECT verdict FROM decisions d JOIN comments c ON c.id = comment_id WHERE type = 'pingback'"
    )


def test_the_plugin_can_be_switched_off_and_on(deployment: Deployment) -> None:
    """It reports that it was deactivated, the blog publishes without it, and its key still works afterwards."""
    deployment.blog.deactivate()
    try:
        assert "[body] => deactivated" in deployment.blog.installed.log.read_text("utf-8")
        assert published(deployment.blog.comment("Nobody asked anybody about this one.", "Lone Reader"))
    finally:
        deployment.blog.activate()
    assert not deployment.decisions("Lone Reader")
    assert "Status Active" in deployment.blog.settings()


def test_our_plugin_asks_for_its_missing_setting(deployment: Deployment) -> None:
    """Without the address of the service it shows a notice, and sends no request."""
    for setting in ("", "define( 'MODERATION_URL', 'moderation.example' );", "define( 'MODERATION_URL', array() );"):
        deployment.configure_blog(setting)
        try:
            shown = deployment.blog.admin.get("/wp-admin/").text
            reply = post_from_blog(
                deployment, "https://rest.akismet.com/1.1/verify-key", f"key={deployment.key}&blog={deployment.url}"
            )
        finally:
            deployment.configure_blog()
        assert "define( &#039;MODERATION_URL&#039;, &#039;https://rest.example.org&#039; );" in shown
        assert reply == ("", "", "")
    assert "MODERATION_URL" not in deployment.blog.admin.get("/wp-admin/").text


def test_a_proxy_setting_works_without_our_plugin(deployment: Deployment) -> None:
    """With WP_PROXY_HOST the plugin falls back to plain http, with the whole address in the request line."""
    (block,) = (block for block in code_blocks("php") if "WP_PROXY_HOST" in block)
    assert "192.0.2.10" in block and "'8000'" in block
    block = block.replace("192.0.2.10", "127.0.0.1").replace("8000", str(deployment.service.port))
    deployment.configure_blog(block, "define( 'WP_ACCESSIBLE_HOSTS', 'rest.akismet.com' );")
    try:
        assert published(deployment.blog.comment("The proxy of the village is the post office.", "Proxy Reader"))
        assert len(deployment.decisions("Proxy Reader")) == 1
    finally:
        deployment.configure_blog()
        deployment.blog.installed.query("DELETE FROM wp_options WHERE option_name = 'akismet_ssl_disabled'")
