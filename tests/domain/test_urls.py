"""Parsing and normalization of URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInput
from moderation.domain.urls import normalize_url, split_http_url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://Blog.Example/", "https://blog.example"),
        ("HTTP://blog.example:80", "http://blog.example"),
        ("https://blog.example:8443/a/B//", "https://blog.example:8443/a/B"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("https://bücher.example", "https://bücher.example"),
    ],
)
def test_urls_are_normalized(url: str, normal: str) -> None:
    """Case of the host, default ports and final slashes do not make another site; the case of the path does."""
    assert normalize_url(url) == normal
    assert normalize_url(normal) == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "blog.example",
        "ftp://blog.example",
        "https://",
        "https:blog.example",
        "https://blog.example?p=1",
        "https://blog.example/#top",
        "https://me:secret@blog.example",
        "https://blog.example:99999",
        "https://blog.example:0",
        "https://[::1",
        "https://blog .example",
        "https://blog.example/\n",
        "https://blog.example\\x",
        "https://blog.example/\ud800",
    ],
)
def test_invalid_site_urls(url: str) -> None:
    """An invalid site URL is refused with an example of a valid one."""
    with pytest.raises(InvalidInput, match=r"https://blog\.example"):
        normalize_url(url)


@given(st.text(st.characters(), max_size=30))
def test_any_text_is_normalized_or_refused(text: str) -> None:
    """Normalization of a site URL is idempotent."""
    for url in (text, f"https://{text}"):
        try:
            normal = normalize_url(url)
        except InvalidInput:
            continue
        assert normalize_url(normal) == normal


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://a.example/x?y#z", "a.example", None),
        ("HTTPS://user@A.example:8443", "a.example", 8443),
        ("http://[::1]:65535/", "::1", 65535),
    ],
)
def test_http_urls_are_split(url: str, host: str, port: int | None) -> None:
    """Query, fragment and user are allowed here; callers restrict them further."""
    parts = split_http_url(url)
    assert parts is not None and (parts.hostname, parts.port) == (host, port)


@pytest.mark.parametrize(
    "url", ["a.example", "ftp://a.example", "http://", "http://a:0", "http://a:65536", "http://[::1"]
)
def test_other_text_is_not_split(url: str) -> None:
    """A URL needs a scheme, a host and a port that exists."""
    assert split_http_url(url) is None
