"""A blog's address is written in one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InputRefused
from moderation.domain.site import normal_url


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("https://Blog.Example/", "https://blog.example"),
        ("HTTP://blog.example:80", "http://blog.example"),
        ("https://blog.example:8443/a/B//", "https://blog.example:8443/a/B"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("https://bücher.example", "https://bücher.example"),
    ],
)
def test_one_way_to_write_an_address(written: str, normal: str) -> None:
    """Case of the host, default ports and slashes at the end do not make another site; the path's case does."""
    assert normal_url(written) == normal
    assert normal_url(normal) == normal


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
def test_what_is_no_address(url: str) -> None:
    """What a blog's address cannot be is refused with an example of what it can be."""
    with pytest.raises(InputRefused, match=r"https://blog\.example"):
        normal_url(url)


@given(st.text(st.characters(), max_size=30))
def test_any_text_as_an_address_is_answered(text: str) -> None:
    """Whatever is given as an address is either written in the one way, for good, or refused."""
    for url in (text, f"https://{text}"):
        try:
            normal = normal_url(url)
        except InputRefused:
            continue
        assert normal_url(normal) == normal
