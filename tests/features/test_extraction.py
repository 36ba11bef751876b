"""Features of a comment: hashed rows and signals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features import ngrams, parsed_comment
from moderation.features.extraction import extract_features
from moderation.features.ngrams import N_COLUMNS, NAMESPACES, WORDS, Field, hash_documents, tokenize
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import SIGNALS, signal_codes
from tests.strategies import comments


def _value(comment: Comment, code: str) -> float:
    return extract_features(ParsedComment(comment)).signals[signal_codes().index(code)]


def _row(comment: Comment) -> list[tuple[int, float]]:
    """Return the sorted columns and values of a comment."""
    rows = hash_documents([extract_features(ParsedComment(comment)).document])
    return sorted(zip(rows.columns.tolist(), rows.values.tolist(), strict=True))


def _columns(comment: Comment) -> set[int]:
    return {column for column, _ in _row(comment)}


def _text_columns(text: str) -> set[int]:
    """Return the columns of a text without any other field."""
    return set(hash_documents([[Field(tokenize(text), WORDS)]]).columns.tolist())


@given(comments)
def test_any_comment_gives_a_row(comment: Comment) -> None:
    """Columns are in range, and the row of a field with words has the norm of its namespace."""
    for field in extract_features(ParsedComment(comment)).document:
        rows = hash_documents([[field]])
        assert ((rows.columns >= 0) & (rows.columns < N_COLUMNS)).all()
        assert np.linalg.norm(rows.values) == pytest.approx(NAMESPACES[field.namespace].norm if field.words else 0.0)


def test_repetition_counts_once() -> None:
    """Repeated words, bigrams and character n-grams do not change the row."""
    assert _row(Comment("buy now buy now buy now")) == _row(Comment("buy now buy"))
    assert len(_text_columns("o" * 30)) == len(_text_columns("o" * 8)) == 4


@given(comments)
def test_signals_are_small_numbers_or_nan(comment: Comment) -> None:
    """A signal is within 0 and 12, or NaN if its field is absent."""
    signals = np.array(extract_features(ParsedComment(comment)).signals)
    assert len(signals) == len(SIGNALS)
    known = signals[~np.isnan(signals)]
    assert (known >= 0).all() and (known < 12).all()


def test_an_absent_field_is_nan_and_an_empty_one_is_not() -> None:
    """Absence is never evidence; an empty URL field is a choice of the author."""
    assert np.isnan(_value(Comment("hello"), "NOTHING_PROMOTED"))
    assert _value(Comment("hello", url=""), "NOTHING_PROMOTED") == 1.0
    assert _value(Comment("hello", url="http://shoes.example"), "NOTHING_PROMOTED") == 0.0


def test_a_link_to_the_same_site_is_internal() -> None:
    """A link to the site of the page is internal and counts as no external link."""
    comment = Comment("see https://blog.example/other", permalink="https://blog.example/post")
    assert _value(comment, "LINK_INTERNAL") == 1.0
    assert _value(comment, "LINKS") == 0.0
    assert _value(replace(comment, permalink="https://elsewhere.example/"), "LINKS") > 0.0


@pytest.mark.parametrize(
    "link",
    [
        "https://youtu.be/AbCdEfGhIjk?t=83",
        "http://m.youtube.com/watch?feature=share&v=AbCdEfGhIjk",
        "www.youtube.com/embed/AbCdEfGhIjk",
    ],
)
def test_every_url_of_the_same_video_is_internal(link: str) -> None:
    """A link to the video of the page is internal in each form of URL and leaves no URL token in the words."""
    watched = Comment(f"{link} listen at this point", permalink="https://www.youtube.com/watch?v=AbCdEfGhIjk")
    assert _value(watched, "LINK_INTERNAL") == 1.0
    assert _value(watched, "LINKS") == 0.0
    assert ngrams.URL_TOKEN not in ParsedComment(watched).body.text
    other = replace(watched, permalink="https://www.youtube.com/watch?v=zzzzzzzzzzz")
    assert _value(other, "LINKS") > 0.0


def test_emoji_do_not_change_the_words() -> None:
    """Emoji leave the n-grams unchanged; the signal fires once for any number of them."""
    plain, padded = Comment("buy cheap shoes"), Comment("🔥🔥 buy 💯 cheap shoes 🚀🚀🚀")
    assert _row(plain) == _row(padded)
    assert _value(padded, "EMOJI") == _value(Comment("🔥"), "EMOJI") == 1.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Thanks for this.\n\n🔥 <strong>Ten great shoes</strong>\nOur shop has them", "HEADLINE"),
        ("<strong>Ten <!-- -->great sh<b></b>oes</strong><br>Our shop has them", "HEADLINE"),
        ("Thanks for this.\n\n<b>Shoe Palace</b> has them all", "NAME_IN_TEXT"),
    ],
)
def test_padding_and_empty_tags_hide_nothing(text: str, code: str) -> None:
    """Headlines and names are found after other lines, emoji and empty elements."""
    assert _value(Comment(text, author="Shoe Palace"), code) == 1.0


def test_empty_tags_are_no_code() -> None:
    """Empty HTML elements are not taken for program code."""
    assert _value(Comment("sh<!-- -->oes and <span class='a'></span>bags"), "CODE") == 0.0


def test_on_a_shared_host_only_the_same_page_is_internal() -> None:
    """On a host that anybody publishes on, another page belongs to another person."""
    page = "https://medium.com/@ann/lamps"
    assert _value(Comment("see https://medium.com/@ann/lamps/?x=1#top", permalink=page), "LINK_INTERNAL") == 1.0
    assert _value(Comment("see https://medium.com/@bob/shoes", permalink=page), "LINK_INTERNAL") == 0.0
    assert _value(Comment("see https://medium.com/@ann/lampsX", permalink=page), "LINK_INTERNAL") == 0.0


def test_columns_do_not_depend_on_the_position() -> None:
    """Words have the same columns anywhere in a text."""
    assert _text_columns("cheap shoes") <= _text_columns("some cheap shoes here")


def test_similar_words_share_columns() -> None:
    """An unseen word has character n-grams in common with similar words."""
    assert not _text_columns("pharmacy").isdisjoint(_text_columns("epharmacyz"))
    assert _text_columns("pharmacy").isdisjoint(_text_columns("bread"))


def test_a_long_run_of_letters_is_read_whole() -> None:
    """Text without spaces is cut into words of at most 32 letters, never left out."""
    assert "".join(tokenize("x" * 100)) == "x" * 100
    assert max(map(len, tokenize("x" * 100))) == 32


def test_fields_do_not_share_columns() -> None:
    """A word in the author's name has other columns than the same word in the text."""
    assert _columns(Comment("", author="shoes")).isdisjoint(_columns(Comment("shoes")))


@pytest.mark.parametrize("anchor", ["quartz.example", "www.quartz.example/", "quartz.example?", "http://other.example"])
def test_a_url_as_anchor_is_not_descriptive(anchor: str) -> None:
    """Blogs turn URLs into links automatically; such an anchor is not the author's words."""
    assert _value(Comment(f'see <a href="http://quartz.example/">{anchor}</a> for it'), "ANCHOR_WORDS") == 0.0


@pytest.mark.parametrize(
    "anchor", ["cheap quartz", "cheap&nbsp;pills&nbsp;quartz.example", "cheap-pills-quartz.example"]
)
def test_words_in_an_anchor_are_descriptive(anchor: str) -> None:
    """Words count however they are joined, a host behind them or not."""
    assert _value(Comment(f'see <a href="http://quartz.example/">{anchor}</a> for it'), "ANCHOR_WORDS") > 0.0


@pytest.mark.parametrize(
    ("comment", "code", "fires"),
    [
        (Comment("Hey guys, check out this"), "OPENS_WITH_REQUEST", True),
        (Comment("I will check this out"), "OPENS_WITH_REQUEST", False),
        (Comment("ok so it broke, check the log"), "OPENS_WITH_REQUEST", False),
        (Comment("It works.\n\nhttp://shop.example/"), "LINK_UNINTRODUCED", True),
        (Comment("It works, see:\n\nhttp://shop.example/"), "LINK_UNINTRODUCED", False),
        (Comment("Was it this (or so I think)\nhttp://shop.example/"), "LINK_UNINTRODUCED", False),
        (Comment("[URL=http://shop.example/ - bags[/URL - here"), "LINK_BBCODE", True),
        (Comment("[link=http://shop.example/]bags[/link]"), "LINK_BBCODE", True),
        (Comment("cache[url] and [urlopen], see http://docs.example/"), "LINK_BBCODE", False),
        (Comment("see http://best-payday-loans.example/"), "LINK_COMMERCE", True),
        (Comment("see http://bestpaydayloans.example/"), "LINK_COMMERCE", True),
        (Comment("see http://getbootstrap.example/download"), "LINK_COMMERCE", False),
        (Comment("see http://asteroid.example/investigation"), "LINK_COMMERCE", False),
        (Comment("see https://en.wikipedia.org/wiki/Payday_loan"), "LINK_COMMERCE", False),
        (Comment("hi", url="http://bestpaydayloans.example"), "URL_COMMERCE", True),
        (Comment("hi", url="http://seoul-wheels.example"), "URL_COMMERCE", False),
        (Comment("hi", author="bedroom lamps for sale"), "NAME_PHRASE", True),
        (Comment("hi", author="jan van dijk"), "NAME_PHRASE", False),
        (Comment("hi", author="www.jane.example"), "NAME_PHRASE", False),
        (Comment("hi", author="Bedroom Furniture"), "NAME_DICTIONARY_WORDS", True),
        (Comment("hi", author="Jane A. Example"), "NAME_DICTIONARY_WORDS", False),
        (Comment("hi", author="Johnny Cash"), "NAME_DICTIONARY_WORDS", False),
        (Comment("credit scores"), "FINANCE", True),
        (Comment("h" * 50 + " " + " ".join("abcdefg")), "SPACED_LETTERS", True),
        (Comment("a b c is easy"), "SPACED_LETTERS", False),
        (Comment("fr33 st0ck"), "LEETSPEAK", True),
        (Comment("che\u0430p \u0455hoes"), "LOOKALIKES", True),
        (Comment("нужны пapтнеры"), "LOOKALIKES", True),
        (Comment("iPhoneы, а не Windows. Kapalı çarşı"), "LOOKALIKES", False),
        (Comment("bɪt kɪt lɪp, PPARγC1"), "LOOKALIKES", False),
        (Comment("ᴄʜᴇᴀᴘ shoes"), "STYLED_LETTERS", True),
        (Comment("/ɪn/ and /ʀa/"), "STYLED_LETTERS", False),
        (Comment("удаленная работа, пишите в лс"), "FINANCE", True),
        (Comment("удаленная работа, пишите в лс"), "CALL_TO_ACTION", True),
        (Comment("удаленный файл"), "FINANCE", False),
        (Comment("who recovered my money"), "FINANCE", True),
        (Comment("call me at 555 12 34"), "PHONE", True),
        (Comment("call me at \u0665\u0665\u0665 \u0661\u0662 34"), "PHONE", True),
        (Comment("all of 3 in 4"), "PHONE", False),
        (Comment("made in the USSR by Ivanov"), "MIXED_CASE", False),
        (Comment("made in the USSR by IVanov"), "MIXED_CASE", True),
        (Comment("made in the USSR by ivAnov"), "MIXED_CASE", True),
        (Comment("сделано в СССР, ИВАнов"), "MIXED_CASE", True),
        (Comment("pays $ 5 at least"), "MONEY_SUMS", True),
        (Comment("pays 5 Euro at least"), "MONEY_SUMS", True),
        (Comment("pays 5 or five euro"), "MONEY_SUMS", False),
        (Comment("sdfghjkl"), "GIBBERISH", True),
        (Comment("hmmmmmmm, strengthen"), "GIBBERISH", False),
        (Comment("see http://a.example/"), "LINK_ANY", True),
        (Comment("word " * 20), "LONG", False),
        (Comment("word " * 30), "LONG", True),
    ],
)
def test_signals_fire_on_edge_cases(comment: Comment, code: str, fires: bool) -> None:
    """Signals fire on disguised forms, and not on honest text that resembles spam."""
    assert (_value(comment, code) > 0) == fires


def test_a_url_written_backwards_is_found() -> None:
    """The token of a URL under a right-to-left override originates in the whole URL."""
    text = "see \u202emoc.elpmaxe.www//:ptth\u202c now"
    parsed = ParsedComment(Comment(text))
    start = parsed.body.text.index(ngrams.URL_TOKEN)
    assert parsed.body.offset_map().original_span(start, start + 1) == (5, 27)
    assert text[5:27][::-1] == "http://www.example.com"


def test_words_of_the_title_are_replaced_by_one_token() -> None:
    """Comments on two pages have the same row if they differ only in words of the titles."""
    one = Comment("buy lamps now", context="All about lamps")
    other = Comment("buy shoes now", context="All about shoes")
    assert _row(one) == _row(other) != _row(replace(other, context=None))


def test_the_title_of_a_page_is_normalized_once() -> None:
    """Most comments of a page follow each other, so its title is cached."""
    parsed_comment._title_words.cache_clear()
    for text in ("one", "two"):
        assert ParsedComment(Comment(text, context="All about lamps")).title_words == {"about", "lamps"}
    assert parsed_comment._title_words.cache_info()[:2] == (1, 1)
