"""Any address, query and form to the queue of a moderator who is signed in, over HTTP."""

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.examples import HALF
from tests.fuzz.served import KEY, FuzzedService, sign_in
from tests.strategies import hostile_texts, repetitive_texts

pytestmark = pytest.mark.fuzz

MAX_PAGE_BYTES = 120_000

_ids = st.integers(1, 60).map(str) | st.sampled_from(
    [
        "0",
        "-1",
        "2147483647",
        "2147483648",
        "9" * 30,
        "1.0",
        "0x1",
        "%D9%A1",
        "%00",
        "..",
        "%2e%2e",
        "1%0d%0aX:1",
        "null",
        " 1",
        "1;",
    ]
)
_paths = st.one_of(
    st.sampled_from(
        ["/queue", "/queue/sites", "/queue/sign-in", "/docs", "/", "/queue/", "/queue//1", "/static/0/style.css"]
    ),
    _ids.map("/queue/".__add__),
    _ids.map(lambda item: f"/queue/comments/{item}"),
    hostile_texts.map(lambda text: "/queue/" + quote(text.encode("utf-8", "surrogatepass"))),
)
_values = (
    st.sampled_from(
        [
            "",
            "0",
            "1",
            "-1",
            "60",
            "2147483648",
            "9" * 40,
            "1_0",
            "١",
            "ham",
            "spam",
            "skip",
            "//evil.example",
            "/queue",
            "\0",
        ]
    )
    | hostile_texts
)
_names = st.sampled_from(
    ["q", "order", "facets", "after", "start", "skipped", "name", "next", "decision", "csrf_token", "everywhere"]
)
_fields = st.dictionaries(_names, _values | repetitive_texts, max_size=4)


def _encode(fields: dict[str, str]) -> str:
    return urlencode(fields, encoding="utf-8", errors="surrogatepass")


@pytest.fixture(scope="session")
def browser(service: FuzzedService) -> tuple[str, str]:
    """Return cookie and CSRF token of a moderator whose queue holds hostile comments."""
    for text in (
        "\u202e\u200b" * 20_000,
        "<script>" * 9_000,
        "\0" * 500,
        "https://a.example/?" * 3_000,
        "x" * 60_000,
    ):
        headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json")]
        body = json.dumps({"text": text, "author": text[:9_000], "url": text[:9_000]}).encode()
        assert service.send("POST", "/v1/score", headers, body).status == 200
    return sign_in(service)


@HALF
@given(path=_paths, fields=_fields)
def test_any_address_gets_a_page(
    service: FuzzedService, browser: tuple[str, str], path: str, fields: dict[str, str]
) -> None:
    """A page is bounded with any comments on it."""
    query = _encode({name: value[:2_000] for name, value in fields.items()})
    answer = service.send("GET", f"{path}?{query}", [("Cookie", browser[0])])
    assert len(answer.body) <= MAX_PAGE_BYTES


@HALF
@given(
    path=_paths,
    fields=_fields,
    token=st.none() | hostile_texts,
    referrer=st.none() | st.sampled_from(["", "http://[", "null"]),
)
def test_any_form_gets_an_answer(
    service: FuzzedService,
    browser: tuple[str, str],
    path: str,
    fields: dict[str, str],
    token: str | None,
    referrer: str | None,
) -> None:
    """With the page's CSRF token (`None`) and with any other."""
    if path == "/queue/sign-in":
        return
    cookie, valid = browser
    body = _encode({**fields, "csrf_token": valid if token is None else token}).encode()
    headers = [("Cookie", cookie), ("Content-Type", "application/x-www-form-urlencoded")]
    headers += [] if referrer is None else [("Referer", referrer)]
    service.send("POST", path, headers, body)
