"""Markup as programs write it, beside markup and text of people, in many languages."""

import pytest

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure, signal_codes


def fired(text: str, url: str | None = None) -> set[str]:
    """Return the signals of markup that a text fires."""
    values = dict(zip(signal_codes(), measure(ParsedComment(Comment(text, url=url))), strict=True))
    return {code for code in ("LINK_CARELESS", "IMAGE", "LINK_ENCODED", "LINE_REPEATED") if values[code]}


@pytest.mark.parametrize(
    "text",
    [
        "buy <a href=https://lamps.example/>lamps</a>",
        "Купить <A HREF=http://lamps.example>лампы</A>",
        "<a href=” https://lamps.example”>Lampen</a> kaufen",
        "ランプ <a>通販</a>",
        "lampes [url http://lamps.example]ici[/url]",
        "램프 http://lamps.example <>/url]",
    ],
)
def test_careless_links_are_found_in_every_language(text: str) -> None:
    """A link without quotes, with typographic quotes, without an address, or half a BBCode link."""
    assert fired(text) == {"LINK_CARELESS"}


@pytest.mark.parametrize(
    "text",
    [
        "see <a href=\"https://lamps.example/\">the manual</a> and <a href='/x'>this</a>",
        "смотри [url=https://lamps.example]тут[/url] и [URL]https://lamps.example[/URL]",
        "List<A> and Map<A, B> need <b>types</b>, see [urls] and a/url",
        "你好，请看 https://lamps.example/%E7%81%AF%20%E7%81%AF?q=a%2Fb",
        "ถาม [1] และ <3",
        "Hallo Anna\nHallo Ben",
        "同感です\n\n同感です",
        "> What is a lamp?\nA light.",
    ],
)
def test_ordinary_markup_is_silent(text: str) -> None:
    """Links of an editor, types of a program, other scripts in addresses and repeated greetings are no evidence."""
    assert fired(text) == set()


def test_letters_that_need_no_code_are_hidden() -> None:
    """Encoded plain letters count in links and in the author's URL."""
    hidden = "https://a.example/?q=%68%74%74%70"
    assert fired(f"ランプ {hidden}") == fired("ランプ", hidden) == {"LINK_ENCODED"}


@pytest.mark.parametrize("line", ["Red lamps for sale", "Лампы очень дешево", "第一借錢網站", "최저가 조명 판매"])
def test_a_title_said_twice_is_found_in_every_script(line: str) -> None:
    """Form bots send the title in both fields."""
    assert fired(f"{line}\n{line} http://lamps.example") == {"LINE_REPEATED"}
