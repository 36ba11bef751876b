"""Links in HTML, BBCode, Markdown and plain text."""

from time import perf_counter

import pytest
from hypothesis import given

from moderation.features import links
from moderation.features.links import find_links, parse_url, registrable_domain
from tests.strategies import hostile_texts


@pytest.mark.parametrize(
    ("text", "form", "host", "anchor"),
    [
        (
            '<a href="http://www.shoes.example/a" rel="nofollow">cheap <b>shoes</b></a>',
            "html",
            "shoes.example",
            "cheap shoes",
        ),
        ("<a href=http://shoes.example/>x", "html", "shoes.example", "x"),
        ('<a href=\\"http://shoes.example\\">slashed</a>', "html", "shoes.example", "slashed"),
        ("<a href=” http://shoes.example/a”>typographic</a>", "html", "shoes.example", "typographic"),
        ("<a href=„http://shoes.example“>deutsch</a>", "html", "shoes.example", "deutsch"),
        ("[url=http://shoes.example/a]cheap shoes[/url]", "bbcode", "shoes.example", "cheap shoes"),
        ("[url]http://shoes.example[/url]", "bbcode", "shoes.example", ""),
        ("[cheap shoes](https://shoes.example/a_(b))", "markdown", "shoes.example", "cheap shoes"),
        ("see http://shoes.example/a).", "bare", "shoes.example", ""),
        ("see www.shoes.example now", "bare", "shoes.example", ""),
        ("go to shoes-outlet.com/now", "naked", "shoes-outlet.com", ""),
        ("http://user:pw@shoes.example:8080/x", "bare", "shoes.example", ""),
        ("http://10.0.0.1/x", "bare", "10.0.0.1", ""),
    ],
)
def test_a_link_is_found_in_each_markup(text: str, form: str, host: str, anchor: str) -> None:
    """HTML, BBCode, Markdown, a plain URL and a lone host are all links."""
    (link,) = find_links(text)
    assert (link.form, link.host, link.anchor) == (form, host, anchor)


@pytest.mark.parametrize(
    "text", ["me@mail.com", "version 1.2.3", "end.Next", "a.b", "WWW.0", '<a href="mailto:me@mail.com">me</a>', ""]
)
def test_text_without_a_host_is_no_link(text: str) -> None:
    """E-mail addresses, numbers and missing spaces are not links."""
    assert find_links(text) == []


def test_the_registrable_domain_follows_the_public_suffix_list() -> None:
    """A public suffix of two labels is known; an IP address stays unchanged."""
    assert registrable_domain("news.shop.co.uk") == "shop.co.uk"
    assert registrable_domain("10.0.0.1") == "10.0.0.1"


def test_path_and_offsets_are_kept() -> None:
    """A link has its offsets in the text and all that follows its host."""
    text = "see http://shoes.example/a?b=1#c now"
    (link,) = find_links(text)
    assert (link.path, text[link.start : link.end]) == ("/a?b=1#c", "http://shoes.example/a?b=1#c")


def test_the_number_of_links_is_limited() -> None:
    """Links after the first 200 are not read."""
    links = find_links("http://a.example " * 1_000)
    assert len(links) == 200 and links[-1].start == 199 * 17


@given(hostile_texts)
def test_links_lie_inside_any_text(text: str) -> None:
    """Each link of a hostile text lies inside it and has a host."""
    for link in find_links(text):
        assert 0 <= link.start < link.end <= len(text)
        assert "." in link.host
    parse_url(text)


@pytest.mark.parametrize(
    "unit", ["<a href=x>", "[url=x]", "<a href", "a.", ".com[", "http://", "[", "(http://a.b", "1.2."]
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    """No pattern backtracks over a hostile text. The bound is generous to slow machines."""
    started = perf_counter()
    find_links(unit * (1_000_000 // len(unit)))
    assert perf_counter() - started < 2.0


def test_hosts_of_impossible_length_are_not_cached() -> None:
    """Long random hosts cannot fill the memory."""
    links._cached_domain.cache_clear()
    for number in range(20):
        assert parse_url(f"http://b.{'a' * 300}{number}.example/")
        assert registrable_domain(f"www.shop{number}.example") == f"shop{number}.example"
    assert links._cached_domain.cache_info().currsize == 20
