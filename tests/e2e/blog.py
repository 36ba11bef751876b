"""The actions of people on a WordPress blog: readers comment, the administrator moderates."""

import re
import time
from dataclasses import dataclass

import httpx

from tests.e2e.pages import Page
from tests.e2e.wordpress import Installed

FIRST_POST = "/?p=1"
KEY_PAGE = "/wp-admin/options-general.php?page=akismet-key-config"
PUBLISHED, HELD, SPAM = "1", "0", "spam"
"""WordPress's names for the states of a comment."""

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_RETRY = "akismet_schedule_cron_recheck"


@dataclass(frozen=True)
class StoredComment:
    """The number and the state of a comment in the blog."""

    number: int
    state: str


class Blog:
    """An installed blog, its signed-in administrator, and a reader."""

    def __init__(self, installed: Installed) -> None:
        self.installed = installed
        self.reader = self.browser()
        self.admin = self.signed_in("admin", "admin")

    def browser(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.installed.address,
            headers={"User-Agent": _BROWSER, "Accept": "text/html", "Accept-Language": "en"},
            follow_redirects=True,
            timeout=60,
            trust_env=False,
        )

    def signed_in(self, name: str, password: str) -> httpx.Client:
        browser = self.browser()
        browser.get("/wp-login.php")
        reply = browser.post("/wp-login.php", data={"log": name, "pwd": password, "testcookie": "1"})
        assert "wp-admin" in str(reply.url), reply.text
        return browser

    def close(self) -> None:
        self.reader.close()
        self.admin.close()

    def comment(self, text: str, author: str = "Martha Lind", url: str = "", email: str = "") -> StoredComment | None:
        """Post a comment by the form; return its stored state, or None if the blog dropped it."""
        mailbox = f"{re.sub('[^a-z]', '', author.lower())}@post.example"
        author_fields = {"author": author, "url": url, "email": email or mailbox}
        return self._send(self.reader, author_fields | {"comment": text})

    def comment_as_admin(self, text: str) -> StoredComment | None:
        return self._send(self.admin, {"comment": text})

    def _send(self, browser: httpx.Client, written: dict[str, str]) -> StoredComment | None:
        previous = self.newest()
        page = browser.get(FIRST_POST)
        form = Page(page.text).form("comment")
        clock = {name: str(int(time.time() * 1000)) for name in form.fields if name == "ak_js"}  # as its script does
        reply = browser.post(form.action, data=form.fields | clock | written, headers={"Referer": str(page.url)})
        assert reply.status_code == 200, reply.text
        return self._stored_comment(previous)

    def _stored_comment(self, previous: int) -> StoredComment | None:
        number = self.newest()
        self.let_time_pass()
        return StoredComment(number, self.state(number)) if number > previous else None

    def newest(self) -> int:
        ((number,),) = self.installed.query("SELECT COALESCE(MAX(comment_ID), 0) FROM wp_comments")
        return int(number)

    def state(self, number: int) -> str:
        ((state,),) = self.installed.query(f"SELECT comment_approved FROM wp_comments WHERE comment_ID = {number}")
        return state

    def let_time_pass(self) -> None:
        """Move all comments an hour back: the blog refuses two of one reader within 15 seconds."""
        self.installed.query("UPDATE wp_comments SET comment_date_gmt = comment_date_gmt - INTERVAL 1 HOUR")

    def press(self, number: int, action: str) -> None:
        """Follow the administrator's link below a comment: `spamcomment` or `unspamcomment`."""
        shown = "spam" if action == "unspamcomment" else "all"
        self._follow(f"/wp-admin/edit-comments.php?comment_status={shown}", f"action={action}&", f"c={number}&")

    def check_for_spam(self) -> dict[str, int]:
        """Check all held comments again, as the administrator's button does; return the counts by result."""
        page = self.admin.get("/wp-admin/edit-comments.php?comment_status=moderated").text
        nonce, *_ = re.findall(r'data-pending-comment-count="\d+"\s+data-nonce="(\w+)"', page)
        form = {"action": "akismet_recheck_queue", "offset": "0", "limit": "100", "nonce": nonce}
        reply: dict[str, dict[str, int]] = self.admin.post("/wp-admin/admin-ajax.php", data=form).json()
        return reply["counts"]

    def retry(self) -> None:
        """Run the cron job that repeats failed checks, due 20 minutes after a failure."""
        self.installed.php(
            f"$at = wp_next_scheduled('{_RETRY}'); if (!$at) exit(1); wp_unschedule_event($at, '{_RETRY}');"
            f"if (wp_schedule_single_event(time() - 1, '{_RETRY}') !== true) exit(1);"
        )
        assert self.reader.get("/wp-cron.php?doing_wp_cron").status_code == 200

    def activate(self) -> None:
        self._follow("/wp-admin/plugins.php", "action=activate", "akismet")

    def deactivate(self) -> None:
        self._follow("/wp-admin/plugins.php", "action=deactivate", "akismet")

    def _follow(self, path: str, *parts: str) -> None:
        page = self.admin.get(path)
        reply = self.admin.get(page.url.join(Page(page.text).link(*parts)))
        assert reply.status_code == 200, reply.text

    def enter_key(self, key: str) -> str:
        """Enter a key in the plugin's form, and return the text of the page after it."""
        form = Page(self.admin.get(KEY_PAGE).text).form("key")
        return Page(self.admin.post(form.action, data=form.fields | {"key": key}).text).text

    def set_key(self, key: str) -> None:
        """Set the plugin's key in the database, so that no test fails because of an earlier one."""
        self.installed.query(f"UPDATE wp_options SET option_value = '{key}' WHERE option_name = 'wordpress_api_key'")

    def settings(self) -> str:
        """Return the text of the plugin's settings page."""
        return Page(self.admin.get(KEY_PAGE).text).text

    def set_strict(self, *, strict: bool) -> None:
        """Set whether the plugin drops blatant spam, or keeps it in the spam folder."""
        form = Page(self.admin.get(KEY_PAGE).text).form("akismet_strictness")
        self.admin.post(form.action, data=form.fields | {"akismet_strictness": str(int(strict))})

    def comment_by_rest(self, browser: httpx.Client, text: str) -> str:
        """Post a comment through the REST API as a signed-in reader, and return its state."""
        nonce = browser.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        reply = browser.post(
            "/?rest_route=/wp/v2/comments", json={"post": 1, "content": text}, headers={"X-WP-Nonce": nonce}
        )
        assert reply.status_code == 201, reply.text
        self.let_time_pass()
        return self.state(reply.json()["id"])

    def subscribe(self, name: str) -> httpx.Client:
        """Create an account for a reader, and return its signed-in browser."""
        self.installed.php(f"wp_create_user('{name}', '{name}', '{name}@post.example');")
        return self.signed_in(name, name)

    def ping(self) -> StoredComment | None:
        """Send a pingback from another post of the blog, and return its stored state."""
        previous = self.newest()
        target = self.installed.php("echo get_permalink(1);")
        source = self.installed.php(
            "echo get_permalink(wp_insert_post(['post_title' => 'On rye', 'post_status' => 'publish', 'post_content' =>"
            f"'<p>My notes follow <a href=\"{target}\">what the baker wrote</a> about rye last week.</p>']));"
        )
        call = _PINGBACK.format(source=source, target=target)
        reply = self.reader.post("/xmlrpc.php", content=call, headers={"Content-Type": "text/xml"})
        assert "registered" in reply.text, reply.text
        return self._stored_comment(previous)

    def history(self, number: int) -> str:
        """Return the text of a comment's admin page, with the history by the plugin."""
        return Page(self.admin.get(f"/wp-admin/comment.php?action=editcomment&c={number}").text).text

    def forget_submission(self, number: int) -> None:
        """Delete the submitted form from the plugin's record of a comment, as if it came from another blog.

        The plugin then reports the comment as WordPress stored it.
        """
        kept = "meta_key = 'akismet_as_submitted'"
        self.installed.query(f"DELETE FROM wp_commentmeta WHERE comment_id = {number} AND {kept}")


_PINGBACK = """<?xml version="1.0"?><methodCall><methodName>pingback.ping</methodName><params>
<param><value><string>{source}</string></value></param>
<param><value><string>{target}</string></value></param></params></methodCall>"""
