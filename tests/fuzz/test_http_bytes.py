"""Any bytes on a connection: heads that are none, lengths that lie, chunks that break off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.examples import HALF
from tests.fuzz.served import KEY, FuzzedService

pytestmark = pytest.mark.fuzz

_lines = st.sampled_from(
    [
        "POST /v1/score HTTP/1.1",
        "POST /1.1/comment-check HTTP/1.1",
        "POST /queue/sign-in HTTP/1.1",
        "GET /queue?x=\xff HTTP/1.1",
        "GET /v1/decisions/%ff%00 HTTP/1.1",
        "GET http://other.example/queue HTTP/1.1",
        "GET //queue HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT other.example:443 HTTP/1.1",
        "POST /v1/score HTTP/1.0",
        "POST /v1/score HTTP/2.0",
        "PRI * HTTP/2.0",
        "GET /livez",
        "GET  /livez  HTTP/1.1",
        "G\0T /livez HTTP/1.1",
        f"GET /{'a' * 70_000} HTTP/1.1",
        f"GET /livez?{'a' * 30_000} HTTP/1.1",
    ]
)
_headers = st.sampled_from(
    [
        "Host: a.example",
        "Host: ",
        "Host: a.example:99999",
        "Host: a b<c>",
        "Host: \xff",
        "Host: [::1",
        f"Authorization: Bearer {KEY}",
        f"Authorization: Bearer {KEY}, {KEY}",
        "Authorization: Basic \xff",
        "Authorization: Bearer",
        'Authorization: Digest a="',
        f"Authorization: Bearer {'a' * 20_000}",
        "Content-Type: application/json",
        "Content-Type: multipart/form-data; boundary=\xff",
        "Content-Type: multipart/form-data; boundary=" + "a" * 300,
        "Content-Length: 0",
        "Content-Length: 5",
        "Content-Length: 16",
        "Content-Length: 99999999999999999999999",
        "Content-Length: -1",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "Content-Length: \xb2",
        "Content-Length:",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: \x0bchunked",
        "Content-Encoding: gzip",
        "Expect: 100-continue",
        "Upgrade: websocket",
        "Connection: upgrade, close",
        "Cookie: moderation=\x01; =; ;;",
        "Cookie: " + "a=b; " * 4_000,
        "X-Forwarded-Prefix: //evil.example",
        "X-Forwarded-Prefix: /a\x7f",
        "X-Request-Id: \t",
        "X: \0",
        "X: a\x01b\x1f",
        ": no name",
        "no colon",
        " folded",
        "X" * 70_000 + ": x",
        *(f"X-{number}: x" for number in range(3)),
    ]
)
_contents = st.binary(max_size=60) | st.sampled_from(
    [
        b'{"text": "Hello"}',
        b"5\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nab",
        b"ffffffffffffffff\r\n",
        b"-1\r\n\r\n",
        b"5;a=b\r\nabcde\r\n0\r\nX: y\r\n\r\n",
        b"0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n",
        b"a=b&" * 30_000,
    ]
)
_requests = st.builds(
    lambda line, headers, end, content: end.join([line, *headers, "", ""]).encode("latin-1") + content,
    _lines,
    st.lists(_headers, max_size=6),
    st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r"]),
    _contents,
)


@HALF
@given(raw=_requests | st.binary(max_size=200))
def test_any_bytes_harm_nothing(service: FuzzedService, raw: bytes) -> None:
    """They get an answer below 500 or a closed connection, and the next request an answer."""
    service.send_raw(raw)
    assert service.send("GET", "/livez", []).status == 200
