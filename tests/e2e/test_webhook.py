"""A blog holds a comment, a moderator decides, the service calls the blog back from its own thread."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.pages import unmarked
from tests.e2e.service import Served, Service, served
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.e2e

KEY = "0123456789ab"
PLUGIN = {"User-Agent": "WordPress/6.8 | Akismet/5.7.2"}
CALL_TIMEOUT_SECONDS = 60


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Receive callbacks as the blog, at a loopback address."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def service(tmp_path: Path, receiver: Receiver) -> Service:
    """Prepare a service that holds every comment of the blog."""
    service = Service(tmp_path)
    service.prepare()
    service.moderation("site", "add", receiver.url, "--key", KEY)
    service.moderation("site", "akismet", receiver.url, "--private-callback")
    set_thresholds(service, receiver, "1e-9", "1")
    (tmp_path / "password").write_text("correct horse battery\n", "utf-8")
    service.moderation("moderator", "add", "mara", "--password-file", str(tmp_path / "password"))
    return service


def set_thresholds(service: Service, receiver: Receiver, review: str, spam: str) -> None:
    """Set the blog's thresholds; no comment is discarded."""
    service.moderation("site", "thresholds", receiver.url, "--review", review, "--spam", spam, "--discard", "1")


def ask(server: Served, receiver: Receiver, text: str, answer: str = "false", wait: str | None = "86400") -> str:
    """Check a comment as the plugin does, and return its guid. The blog holds it for `wait` seconds."""
    fields = {"api_key": KEY, "blog": receiver.url, "user_ip": "192.0.2.7", "comment_type": "comment"}
    fields |= {"comment_content": text, "comment_author": "Ann", "callback": receiver.callback}
    reply = httpx.post(f"http://127.0.0.1:{server.port}/1.1/comment-check", data=fields, headers=PLUGIN)
    assert (reply.text, reply.headers.get("X-akismet-recheck-after")) == (answer, wait)
    guid = str(reply.headers["X-akismet-guid"])
    receiver.known_guids.add(guid)
    return guid


def decide(server: Served, text: str, verb: str, name: str = "held", effect: str = "its blog publishes it") -> None:
    """Sign in as Mara, find the comment in a list of the queue, which names an effect, and press a button."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", follow_redirects=True) as browser:
        form = {"csrf_token": token(browser.get("/queue")), "name": "mara", "password": "correct horse battery"}
        queue = browser.post("/queue/sign-in", data=form)
        queue = browser.get(f"/queue/{name}")
        card = next(card for card in unmarked(queue.text).split("<article")[1:] if text in card)
        (comment,) = re.findall(r'type="hidden" name="id" value="([^"]+)"', card)
        assert effect in card
        assert (
            browser.post("/queue/act", data={"csrf_token": token(queue), "id": comment, "verb": verb}).status_code
            == 200
        )


def token(reply: httpx.Response) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', reply.text)
    assert match, reply.text
    return match[1]


def wait_for_calls(receiver: Receiver, calls: int) -> None:
    """Wait until the blog has received a number of calls."""
    while len(receiver.calls) < calls:
        assert receiver.arrived.wait(CALL_TIMEOUT_SECONDS), "the blog was not called"
        receiver.arrived.clear()


def test_the_moderators_decision_reaches_the_blog(service: Service, receiver: Receiver) -> None:
    """Spam is `true`, ham is `false`, each under the guid of its check."""
    with served(service) as server:
        spam, ham = ask(server, receiver, "Cheap sheds here"), ask(server, receiver, "Is it so?")
        decide(server, "Cheap sheds here", "spam")
        decide(server, "Is it so?", "ham")
        wait_for_calls(receiver, 2)
    assert receiver.results == {spam: "true", ham: "false"}
    assert all(call.form["endpoint"] == "comment-check" for call in receiver.calls)


def test_comments_that_no_blog_holds_reach_it_too(service: Service, receiver: Receiver) -> None:
    """A published one that is spam, and a blocked one that is ham: the blog is asked to move them."""
    with served(service) as server:
        set_thresholds(service, receiver, "1", "1")
        spam = ask(server, receiver, "Cheap sheds here", "false", wait=None)
        set_thresholds(service, receiver, "1e-9", "1e-9")
        ham = ask(server, receiver, "Is it so?", "true", wait=None)
        decide(server, "Cheap sheds here", "spam", "public", "Its blog is asked to")
        decide(server, "Is it so?", "ham", "blocked", "Its blog is asked to")
        wait_for_calls(receiver, 2)
    assert receiver.results == {spam: "true", ham: "false"}


def test_a_failed_callback_survives_a_restart(service: Service, receiver: Receiver) -> None:
    """The blog answers 503, the service is stopped, and delivers after its next start."""
    receiver.failures_left = 1
    with served(service) as server:
        guid = ask(server, receiver, "Cheap sheds here")
        decide(server, "Cheap sheds here", "spam")
        wait_for_calls(receiver, 1)
        assert receiver.results == {}
    with served(service):
        wait_for_calls(receiver, 2)
    assert receiver.results == {guid: "true"}
