"""Hostile calls of the Akismet channel: each gets a response within the protocol, and no comment is lost."""

from urllib.parse import quote_from_bytes, urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, TestResponse

from moderation.actions.check import find_decision
from moderation.settings import Settings
from tests.web.conftest import BLOG, KEY, Blog

FIELDS = {
    "api_key": KEY,
    "blog": BLOG,
    "user_ip": "192.0.2.7",
    "user_agent": "Mozilla/5.0",
    "referrer": "",
    "permalink": f"{BLOG}/bread",
    "comment_type": "comment",
    "comment_author": "Ann",
    "comment_author_email": "ann@example.com",
    "comment_author_url": "https://ann.example",
    "comment_content": "The bread was good.",
    "comment_date_gmt": "2026-01-02 12:00:00",
    "comment_post_modified_gmt": "2025-01-02 12:00:00",
    "blog_lang": "en_US",
    "blog_charset": "UTF-8",
    "user_role": "subscriber",
    "is_test": "0",
    "honeypot_field_name": "fax",
    "fax": "",
    "POST_ak_js": "1795368308484",
    "POST_ak_bkpc": "40",
    "recheck_reason": "",
    "callback": f"{BLOG}/hook",
}
ENDPOINTS = ("comment-check", "submit-spam", "submit-ham")
WORDS = (b"true", b"false", b"invalid", b"Thanks for making the web a better place.")
MANGLED = {
    "empty": b"",
    "a list": b"one&{name}[]=two&{name}[0]=three&{name}[a][b]=four",
    "doubled": b"one&{name}=two",
    "NULs": b"%00a%00",
    "a lone surrogate": b"%ED%A0%80",
    "no UTF-8": b"%FF%FE%E9",
    "a percent sign": b"%zz%",
    "a line break": b"a%0D%0Ab: c",
    "right to left": b"%E2%80%AEabc",
    "a number": b"9" * 400,
    "long": b"x" * 200_000,
}


def within_the_protocol(response: TestResponse) -> None:
    assert response.status_code == 200
    assert response.data in WORDS or response.data.startswith(b"Missing required field: ")
    assert response.content_type == "text/plain; charset=utf-8"


def send(client: FlaskClient, endpoint: str, body: bytes) -> TestResponse:
    return client.post(f"/1.1/{endpoint}", data=body, content_type="application/x-www-form-urlencoded")


def body_with(name: str, value: bytes) -> bytes:
    others = urlencode({key: sent for key, sent in FIELDS.items() if key != name}).encode()
    return others + f"&{name}=".encode() + value.replace(b"{name}", name.encode())


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_any_field_may_be_missing(client: FlaskClient, blog: Blog, endpoint: str) -> None:
    """A verdict, or the sentence that names the missing field."""
    for name in FIELDS:
        response = send(
            client, endpoint, urlencode({key: sent for key, sent in FIELDS.items() if key != name}).encode()
        )
        within_the_protocol(response)
        if endpoint == "comment-check" and name not in ("api_key", "blog", "user_ip"):
            assert response.data in (b"true", b"false"), name


@pytest.mark.parametrize("how", MANGLED)
def test_any_field_may_be_mangled(blog: Blog, how: str) -> None:
    """Empty, doubled, a list where a word is meant, NULs, surrogates, other charsets, long: a defined verdict."""
    for name in FIELDS:
        response = send(blog.client, "comment-check", body_with(name, MANGLED[how]))
        within_the_protocol(response)
        assert len(response.headers["X-akismet-guid"]) == 32
        if response.data in (b"true", b"false"):
            decision, _ = find_decision(blog.services, blog.site, response.headers["X-akismet-guid"])
            assert decision.comment.author or name == "comment_author", name


@pytest.mark.parametrize(
    "charset", ["ISO-8859-1", "windows-1251", "utf-16", "zlib_codec", "idna", "klingon", "\x00", ""]
)
def test_a_wrong_charset_loses_no_comment(blog: Blog, charset: str) -> None:
    """Bytes that do not fit the charset, and unknown charsets, still make a text."""
    raw = quote_from_bytes("Žluťoučký kůň".encode())
    response = send(
        blog.client, "comment-check", body_with("blog_charset", charset.encode() + b"&comment_content=" + raw.encode())
    )
    within_the_protocol(response)
    decision, _ = find_decision(blog.services, blog.site, response.headers["X-akismet-guid"])
    assert len(decision.comment.text) > 10


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"api_key": "0123456789ab"}'),
        ("multipart/form-data", b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n0123456789ab\r\n--x--'),
        ("text/xml", b"<?xml version='1.0'?><methodCall/>"),
        ("application/octet-stream", bytes(range(256)) * 8),
        ("application/x-www-form-urlencoded", b"&" * 100_000),
        ("application/x-www-form-urlencoded", b"a=1&" * 100_000),
        ("application/x-www-form-urlencoded", b"=" * 100_000),
        ("application/x-www-form-urlencoded", b"[" * 100_000),
    ],
)
def test_a_body_that_is_not_a_form_has_no_key(client: FlaskClient, blog: Blog, kind: str, body: bytes) -> None:
    """`invalid`, with the debug help that distinguishes it from a verdict."""
    for endpoint in ENDPOINTS:
        response = client.post(f"/1.1/{endpoint}", data=body, content_type=kind)
        within_the_protocol(response)
        assert response.data == b"invalid" and response.headers["X-akismet-debug-help"]


def test_too_large_a_body_is_refused_with_a_guid(client: FlaskClient, blog: Blog, settings: Settings) -> None:
    """413: WordPress then holds the comment, as the response has a guid."""
    response = send(client, "comment-check", body_with("comment_content", b"x" * settings.max_body_bytes))
    assert response.status_code == 413 and len(response.headers["X-akismet-guid"]) == 32


@pytest.mark.parametrize(("cut", "length", "status"), [(20, True, 400), (0, False, 413)])
def test_a_truncated_body_is_not_judged(blog: Blog, settings: Settings, cut: int, length: bool, status: int) -> None:
    """Truncated, or too long without a content length: 400 or 413."""
    body = body_with("comment_content", b"x" * (settings.max_body_bytes if not length else 100))
    builder = EnvironBuilder("/1.1/comment-check", method="POST", data=body[: len(body) - cut])
    environ = builder.get_environ()
    # As the servers do that end the stream themselves.
    environ["wsgi.input_terminated"] = True
    if length:
        environ["CONTENT_LENGTH"] = str(len(body))
    else:
        del environ["CONTENT_LENGTH"]
    response = blog.client.open(environ_overrides=environ, path="/1.1/comment-check", method="POST")
    assert response.status_code == status and len(response.headers["X-akismet-guid"]) == 32


def test_the_largest_comment_is_answered_and_kept(blog: Blog) -> None:
    """A comment just under the limit is stored to its last character."""
    text = "The bread was good. " * 45_000
    response = send(blog.client, "comment-check", body_with("comment_content", text.replace(" ", "+").encode()))
    decision, _ = find_decision(blog.services, blog.site, response.headers["X-akismet-guid"])
    assert decision.comment.text == text
