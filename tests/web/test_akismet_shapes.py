"""Requests in the shape that clients send which cannot be installed here, and the answers as those clients read them.

docs/clients.md lists them as "shape only": method, host, content type and fields are facts from their public source.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.actions.labelling import export_labels
from moderation.actions.services import Services
from moderation.actions.sites import set_on_error
from moderation.domain.site import OnError
from tests.web.conftest import BLOG, KEY, PUBLISH_ALL, Blog

HOST = "rest.akismet.com"
WRONG_KEY = "ffffffffffff"
THANKS = "Thanks for making the web a better place."
VISITOR = {"user_ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}

Reader = Callable[[TestResponse], str]


def strict(response: TestResponse) -> str:
    """Read a verdict as most do: another status or another body is an error."""
    verdict = {"true": "spam", "false": "ham"}.get(response.text.strip(), "error")
    return verdict if response.status_code == 200 else "error"


def any_status(response: TestResponse) -> str:
    """Read the body alone, and not the status."""
    return {"true": "spam", "false": "ham"}.get(response.text, "error")


def no_error_header(response: TestResponse) -> str:
    """Read as omines: an error or alert in a header is an exception, every body but `true` is ham."""
    failed = response.status_code >= 300 or {"X-akismet-error", "X-akismet-alert-msg"} & set(response.headers.keys())
    return "error" if failed else "spam" if response.text == "true" else "ham"


def no_debug_help(response: TestResponse) -> str:
    """Read as nickurt: a debug help is an exception, every body but `true` is ham, with any status."""
    return "error" if "X-akismet-debug-help" in response.headers else lenient(response)


def lenient(response: TestResponse) -> str:
    """Read every body but `true` as ham."""
    return "spam" if response.text.strip() == "true" else "ham"


def status_alone(response: TestResponse) -> str:
    """Read as Flarum: a status from 400 on is an exception, every body but `true` is ham."""
    return "error" if response.status_code >= 400 else lenient(response)


def anywhere(response: TestResponse) -> str:
    """Read as Serendipity: `true` anywhere in a 200 is spam, and everything else is published."""
    return "spam" if response.status_code == 200 and "true" in response.text.lower() else "ham"


@dataclass(frozen=True)
class Shape:
    """The requests of one client: its name in docs/clients.md, its key's place, the fields that it adds, its encoding.

    `wrong_key` and `without_verdict` are its readings of a check with a wrong key, and of a 503.
    """

    name: str
    read: Reader
    user_agent: str
    key_field: str | None = None
    """The parameter of the key; without one it is the first label of the host name."""
    verify_field: str | None = "key"
    """The parameter of the key in verify-key; `None` for a client that never asks."""
    added: Mapping[str, str] = field(default_factory=dict)
    multipart: bool = False
    submits: bool = True
    wrong_key: str = "error"
    without_verdict: str = "error"

    def send(self, client: FlaskClient, endpoint: str, key: str, fields: Mapping[str, str]) -> TestResponse:
        in_host = self.key_field is None and endpoint != "verify-key"
        sent = {**fields, "blog": BLOG} | ({self.key_field: key} if self.key_field else {})
        form = "multipart/form-data" if self.multipart else "application/x-www-form-urlencoded"
        return client.post(
            f"/1.1/{endpoint}",
            data=sent if self.multipart else urlencode(sent),
            content_type=form,
            headers={"Host": f"{key}.{HOST}" if in_host else HOST, "User-Agent": self.user_agent},
        )

    def check(self, client: FlaskClient, key: str, author: str, text: str) -> TestResponse:
        return self.send(client, "comment-check", key, self.comment(author, text))

    def comment(self, author: str, text: str) -> dict[str, str]:
        return {**VISITOR, "comment_author": author, "comment_content": text, **self.added}


SHAPES = (
    Shape(
        "Go `shogo82148/go-akismet`",
        strict,
        "shogo82148-go-akismet/0.1.0",
        key_field="api_key",
        verify_field="api_key",
        added={"comment_type": "comment", "comment_date_gmt": "2026-11-01T08:00:00Z", "is_test": "0"},
        submits=False,
    ),
    Shape(
        "PHP `omines/akismet`",
        no_error_header,
        "Symfony HttpClient (Curl)",
        key_field="api_key",
        verify_field="api_key",
        added={"comment_type": "comment", "referrer": f"{BLOG}/bread"},
        wrong_key="ham",
    ),
    Shape(
        "PHP `gothick/akismet-client`",
        strict,
        "phpBB/3.3 | Gothick\\AkismetClient/0.1",
        added={"REMOTE_ADDR": "192.0.2.7", "HTTP_ACCEPT": "text/html", "comment_type": "forum-post"},
    ),
    Shape(
        "PHP `tijsverkoyen/akismet`",
        strict,
        "PHP Akismet/1.1.0 ",
        added={"comment_type": "comment", "HTTP_HOST": "blog.example.org", "REQUEST_TIME": "1790000000"},
        multipart=True,
    ),
    Shape(
        "PHP `nickurt/laravel-akismet`",
        no_debug_help,
        "GuzzleHttp/7",
        added={"comment_author_email": "anna@post.example", "is_test": "0"},
    ),
    Shape(
        "Discourse `discourse-akismet`",
        strict,
        "Discourse/3.5 | discourse-akismet/0.1.0",
        verify_field=None,
        added={"content_type": "forum-post", "referrer": "", "user_ip": "", "user_agent": "", "comment_author_url": ""},
    ),
    Shape("Artalk", any_status, "Go-http-client/2.0", verify_field=None, submits=False),
    Shape(
        "Comentario",
        any_status,
        "Go-http-client/2.0",
        key_field="api_key",
        verify_field=None,
        added={
            "referrer": f"{BLOG}/",
            "permalink": f"{BLOG}/bread",
            "comment_type": "comment",
            "comment_author_email": "",
            "comment_author_url": "",
            "comment_date_gmt": "2026-11-01T08:00:00Z",
            "blog_charset": "UTF-8",
        },
        submits=False,
    ),
    Shape(
        "Flarum `flarum/akismet`",
        status_alone,
        "Flarum/1.8 | Akismet/1.2",
        verify_field=None,
        added={"comment_type": "reply", "comment_author_email": "anna@post.example"},
        wrong_key="ham",
    ),
    Shape(
        "Serendipity",
        anywhere,
        "HTTP_Request2/2.5",
        added={
            "referrer": "",
            "comment_type": "comment",
            "comment_author_url": "",
            "permalink": "/archives/1-bread.html",
        },
        wrong_key="ham",
        without_verdict="ham",
    ),
)


def by_name(shape: Shape) -> str:
    return shape.name.split()[-1].strip("`")


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.verify_field], ids=by_name)
def test_the_key_is_verified(client: FlaskClient, blog: Blog, shape: Shape) -> None:
    """A right key is `valid`. A wrong one is `invalid` without a debug help, on which nickurt would raise."""
    for key, said in ((KEY, "valid"), (WRONG_KEY, "invalid")):
        response = shape.send(client, "verify-key", key, {shape.verify_field or "": key})
        assert (response.status_code, response.text) == (200, said)
        assert "X-akismet-debug-help" not in response.headers


@pytest.mark.parametrize("shape", SHAPES, ids=by_name)
def test_a_comment_is_judged_and_labelled(client: FlaskClient, services: Services, blog: Blog, shape: Shape) -> None:
    """Ham and guaranteed spam are read as such, a wrong key as the client does; feedback becomes labels."""
    blog.set_thresholds(PUBLISH_ALL)
    ham, spam = (
        ("Anna", f"Thanks, it's the café's rye! Says {shape.name}."),
        ("viagra-test-123", "Cheap & 100% original"),
    )
    assert shape.read(shape.check(client, KEY, *ham)) == "ham"
    assert shape.read(shape.check(client, KEY, *spam)) == "spam"
    assert shape.read(shape.check(client, WRONG_KEY, *ham)) == shape.wrong_key
    if shape.submits:
        for endpoint, comment in (("submit-ham", ham), ("submit-spam", spam)):
            response = shape.send(client, endpoint, KEY, shape.comment(*comment))
            assert (response.status_code, response.text) == (200, THANKS)
        labels = {row["text"]: row["label"] for row in export_labels(services, blog.site)}
        assert labels == {ham[1]: "ham", spam[1]: "spam"}


@pytest.mark.parametrize("shape", SHAPES, ids=by_name)
def test_an_answer_that_is_no_verdict(blog_without_model: Blog, shape: Shape) -> None:
    """A 503 is an error for the client, or it publishes. With the setting `review` no client publishes."""
    assert shape.read(shape.check(blog_without_model.client, KEY, "Anna", "Who is there?")) in ("spam", "error")
    set_on_error(blog_without_model.services, BLOG, OnError.ERROR)
    response = shape.check(blog_without_model.client, KEY, "Anna", "Is the service there?")
    assert response.status_code == 503
    assert shape.read(response) == shape.without_verdict
