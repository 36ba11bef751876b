"""No request, to any route, gets a status of 500 or above."""

from typing import Any

from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.web.conftest import BLOG, KEY, Blog, Browser

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")
KINDS = (
    None,
    "",
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain; charset=",
    ";;;",
)
PATHS = (
    "/",
    "/v1/score",
    "/v1/score/batch",
    f"/v1/decisions/{'0' * 32}",
    f"/v1/decisions/{'0' * 32}/label",
    "/v1/decisions/\0/label",
    "/openapi.json",
    "/docs",
    "/1.1/verify-key",
    "/1.1/comment-check",
    "/1.1/submit-spam",
    "/1.1/submit-ham",
    "/1.1/get-subscription",
    "/1.1/get-stats",
    "/1.2/get-key-stats",
    "/1.2/key-sites",
    "/1.2/usage-limit",
    "/1.1/deactivate",
    "/1.1/token",
    "/1.1/test",
    "/1.2/compatible-plugins",
    "/livez",
    "/readyz",
    "/metrics",
    "/queue",
    "/queue/act",
    "/queue/comments/99999999999999999999",
    "/queue/account",
    "/queue/account/totp",
    "/queue/account/totp/confirm",
    "/queue/account/totp/disable",
    "/queue/sign-in",
    "/queue/sign-in/code",
    "/queue/sign-out",
    "/static/0123456789abcdef/style.css",
    "/static/0123456789abcdef/../app.py",
)
HEADERS = (
    *("Authorization", "Host", "X-Request-Id", "Cookie", "Accept", "If-None-Match", "Range", "Idempotency-Key"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Proto"),
)
# A stranger who tries again has to wait: these have a test of their own.
SLOW = {("POST", "/queue/sign-in")}

few = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
latin = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40)
bodies = (
    st.binary(max_size=300)
    | st.binary(max_size=80).map(lambda raw: f"api_key={KEY}&blog={BLOG}&user_ip=&comment_content=".encode() + raw)
    | st.binary(max_size=40).map(lambda raw: b'{"text": "' + raw + b'"}')
)


@example(method="GET", path="/queue", kind=None, body=b"", query="\x80", headers={}, keyed=False)
@few
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PATHS) | st.text(st.characters(codec="utf-8"), max_size=20).map("/".__add__),
    kind=st.sampled_from(KINDS) | latin,
    body=bodies,
    query=latin,
    headers=st.dictionaries(st.sampled_from(HEADERS), latin),
    keyed=st.booleans(),
)
def test_any_bytes_get_an_answer_below_500(
    app: Flask,
    blog: Blog,
    method: str,
    path: str,
    kind: str | None,
    body: bytes,
    query: str,
    headers: dict[str, str],
    keyed: bool,
) -> None:
    """Every route, every method, any content type, any headers, any body."""
    if (method, path) in SLOW:
        return
    environ = EnvironBuilder(method=method, data=body).get_environ()
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    environ["QUERY_STRING"] = query
    environ["CONTENT_TYPE"] = kind or ""
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    if keyed:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    _, status, _ = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    assert int(status.split()[0]) < 500


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "author", "comments", "label"]) | st.text(st.characters()), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@few
@given(value=anything, path=st.sampled_from(["/v1/score", "/v1/score/batch", f"/v1/decisions/{'0' * 32}/label"]))
def test_any_json_gets_an_answer_below_500(blog: Blog, value: Any, path: str) -> None:
    """Any shape, any number, any character, lone surrogates in names and values included."""
    method = "PUT" if path.endswith("label") else "POST"
    assert blog.call(method, path, value).status_code < 500


@few
@given(text=st.text(st.characters()), author=st.none() | st.text(st.characters()))
def test_any_text_is_judged_stored_and_read_back(blog: Blog, text: str, author: str | None) -> None:
    """A comment with any text gets a verdict, which can be read again."""
    decision = blog.score(text, author=author)
    assert blog.call("GET", f"/v1/decisions/{decision['id']}").status_code == 200


@few
@given(fields=st.dictionaries(st.sampled_from(["verb", "id", "back", "next"]), st.text(), max_size=4))
def test_any_form_gets_an_answer_below_500(mara: Browser, fields: dict[str, str]) -> None:
    """Any fields from a signed-in browser."""
    assert mara.send("/queue/act", **fields).status_code < 500


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters()), password=st.text(st.characters()), device=latin)
def test_any_sign_in_gets_an_answer_below_500(app: Flask, name: str, password: str, device: str) -> None:
    """Any name, password and remembered device from a new browser; these are few, as each failure slows the next."""
    browser = Browser(app.test_client())
    browser.client.set_cookie("moderation-device", device)
    assert browser.sign_in(name, password).status_code < 500


@few
@example(query="x=\xff")
@given(query=latin)
def test_any_query_of_a_valid_comment_gets_an_answer(blog: Blog, query: str) -> None:
    """Werkzeug decodes a query as UTF-8; what it cannot decode asks for nothing."""
    environ = EnvironBuilder(path="/v1/score", method="POST", json={"text": "Hello there"}).get_environ()
    environ |= {"QUERY_STRING": query, "HTTP_AUTHORIZATION": f"Bearer {KEY}"}
    _, status, _ = run_wsgi_app(blog.client.application.wsgi_app, environ, buffered=True)
    assert status == "200 OK"
