"""Any call to the Akismet routes, over HTTP: fields, encodings, arrays, multipart, methods and headers."""

from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.web.akismet.routes import AKISMET_PATHS
from tests.fuzz.examples import HALF
from tests.fuzz.served import KEY, SITE, FuzzedService
from tests.strategies import hostile_texts, repetitive_texts

pytestmark = pytest.mark.fuzz

FIELDS = (
    *("api_key", "key", "blog", "user_ip", "user_agent", "referrer", "permalink", "comment_type", "comment_author"),
    *("comment_author_email", "comment_author_url", "comment_content", "comment_date_gmt", "blog_lang", "blog_charset"),
    *("comment_post_modified_gmt", "user_role", "is_test", "test_discard", "recheck_reason", "honeypot_field_name"),
    *(
        "comment_context",
        "comment_context[]",
        "comment_content[]",
        "comment_content[0]",
        "comment_content[a][b]",
        "[",
        "[",
    ),
    *("POST_ak_js", "POST_ak_bib", "POST_ak_bfs", "POST_ak_hp_textarea", "akismet_pre_check", "callback", "reporter"),
    *("guid", "comment_id", "content_type", "format", "month", "limit", "offset", "filter", "from", "extended", ""),
)
VALUES = (
    *(
        b"",
        b"1",
        b"0",
        b"true",
        b"-1",
        b"99999999999999999999",
        b"1e9",
        b"\0",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"%",
        b"%00",
    ),
    *(
        b"2026-02-30",
        b"9999-12-31T23:59:59+14:00",
        b"0001-01-01T00:00:00-14:00",
        b"2026-01",
        b"60-days",
        b"all",
        b"csv",
    ),
    *(b"utf-7", b"idna", b"punycode", b"shift_jis", b"iso-2022-jp", b"rot13", b"hex", b"utf-16", b"administrator"),
    *(
        b"http://[",
        b"http://\xff",
        b"//",
        b"https://fuzz.example/wp-json/akismet/v1/webhook",
        b"akismet-guaranteed-spam",
    ),
    *(b"a" * 70_000, "\u202e".encode() * 9_000, "😀".encode("utf-16")),
)
AGENTS = ("WordPress/6.5 | Akismet/5.5", "WordPress/ | Akismet/999.999", "\t", "x" * 9_000, "\xff\x80", "\x7f")

_values = (
    st.sampled_from(VALUES)
    | st.binary(max_size=40)
    | (hostile_texts | repetitive_texts).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
_pairs = st.lists(st.tuples(st.sampled_from(FIELDS).map(str.encode) | st.binary(max_size=12), _values), max_size=10)
_required = [(b"api_key", KEY.encode()), (b"blog", SITE.encode()), (b"user_ip", b"192.0.2.7")]
_calls = st.builds(lambda pairs, required: [*required, *pairs], _pairs, st.sampled_from([_required, _required, []]))


def _urlencoded(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return b"&".join(
        b"%s=%s" % (quote_from_bytes(name).encode(), quote_from_bytes(value).encode()) for name, value in pairs
    )


def _multipart(pairs: list[tuple[bytes, bytes]], disposition: bytes, ending: bytes) -> bytes:
    parts = [b'--x\r\nContent-Disposition: %s; name="%s"\r\n\r\n%s\r\n' % (disposition, *pair) for pair in pairs]
    return b"".join(parts) + ending


_bodies = st.one_of(
    st.tuples(st.just("application/x-www-form-urlencoded"), _calls.map(_urlencoded)),
    st.tuples(
        st.sampled_from(["", "text/plain", "application/x-www-form-urlencoded; charset=koi8-r", ";;=", "\xff"]),
        _calls.map(_urlencoded),
    ),
    st.tuples(st.just("application/x-www-form-urlencoded"), _calls.map(lambda pairs: b"&".join(map(b"=".join, pairs)))),
    st.tuples(
        st.sampled_from(
            ["multipart/form-data; boundary=x", 'multipart/form-data; boundary="x"', "multipart/form-data"]
        ),
        st.builds(
            _multipart,
            _calls,
            st.sampled_from([b"form-data", b'form-data; filename="a"', b"attachment", b"form-data; name*=utf-8''%ff"]),
            st.sampled_from([b"--x--\r\n", b"--x--", b"--x", b"", b"\0"]),
        ),
    ),
)
_header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60) | st.sampled_from(AGENTS)
_headers = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "User-Agent",
                "X-Forwarded-Prefix",
                "X-Request-Id",
                "Accept",
                "Cookie",
                "Referer",
                "X-Forwarded-Proto",
            ]
        ),
        _header_values,
    ),
    max_size=4,
)


@HALF
@given(
    method=st.sampled_from(
        ["POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"]
    ),
    path=st.sampled_from(AKISMET_PATHS),
    query=_pairs.map(_urlencoded).map(bytes.decode),
    body=_bodies,
    headers=_headers,
    in_query=st.booleans(),
)
def test_any_call_gets_an_answer(
    service: FuzzedService,
    method: str,
    path: str,
    query: str,
    body: tuple[str, bytes],
    headers: list[tuple[str, str]],
    in_query: bool,
) -> None:
    """A verdict, a page of text or an error below 500; comment-check always sends a guid."""
    kind, content = body
    target = f"{path}?{query}" if in_query and len(query) < 30_000 else path
    answer = service.send(method, target, [("Content-Type", kind), *headers], content)
    if path.endswith("comment-check") and answer.status != 400:
        assert answer.headers["X-akismet-guid"]
