"""From a comment to the row that a model reads."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features import ngrams
from moderation.features.evidence import gather_evidence
from moderation.features.ngrams import BLOCKS, COLUMNS, WORDS, Segment, words_of
from moderation.features.reading import Reading
from moderation.features.rows import hash_pages
from moderation.features.signals import SIGNALS, signal_codes
from tests.strategies import comments


def _value(comment: Comment, code: str) -> float:
    return gather_evidence(comment).signals[signal_codes().index(code)]


def _row(comment: Comment) -> list[tuple[int, float]]:
    """Its columns and their values, in no order that means anything."""
    rows = hash_pages([gather_evidence(comment).page])
    return sorted(zip(rows.columns.tolist(), rows.values.tolist(), strict=True))


def _columns(comment: Comment) -> set[int]:
    return {column for column, _ in _row(comment)}


def _said(text: str) -> set[int]:
    """The columns of a text by itself."""
    return set(hash_pages([[Segment(words_of(text), WORDS)]]).columns.tolist())


@given(comments)
def test_any_comment_gives_a_row(comment: Comment) -> None:
    """Whatever the strings, the row is finite and within its columns; a field with words is as long as its weight."""
    for segment in gather_evidence(comment).page:
        rows = hash_pages([[segment]])
        assert ((rows.columns >= 0) & (rows.columns < COLUMNS)).all()
        assert np.linalg.norm(rows.values) == pytest.approx(BLOCKS[segment.block].weight if segment.words else 0.0)


def test_what_is_said_again_counts_once() -> None:
    """Repeating a word, a pair of words or a stretch of letters makes it no louder."""
    assert _row(Comment("buy now buy now buy now")) == _row(Comment("buy now buy"))
    assert len(_said("o" * 30)) == len(_said("o" * 8)) == 4


@given(comments)
def test_signals_are_numbers_or_unknown(comment: Comment) -> None:
    """A signal is a small number, or NaN where the field it reads is absent."""
    signals = np.array(gather_evidence(comment).signals)
    assert len(signals) == len(SIGNALS)
    known = signals[~np.isnan(signals)]
    assert (known >= 0).all() and (known < 12).all()


def test_codes_are_unique_and_say_something() -> None:
    """A code stays with one signal, and each has a sentence."""
    assert len(set(signal_codes())) == len(SIGNALS) >= 12
    assert all(signal.sentence for signal in SIGNALS)


def test_an_absent_field_is_unknown_and_an_empty_one_is_not() -> None:
    """`None` says nothing at all; an address left empty is a choice of the author."""
    assert np.isnan(_value(Comment("hello"), "EMPTY_HANDED"))
    assert _value(Comment("hello", url=""), "EMPTY_HANDED") == 1.0
    assert _value(Comment("hello", url="http://shoes.example"), "EMPTY_HANDED") == 0.0


def test_a_link_home_is_not_a_link_away() -> None:
    """A link back to the site commented on is known for what it is."""
    comment = Comment("see https://blog.example/other", permalink="https://blog.example/post")
    assert _value(comment, "LINK_HOME") == 1.0
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
def test_a_video_is_the_same_by_every_address(link: str) -> None:
    """A link to the video watched leads home however it is written, and leaves no mark of an address in the words."""
    watched = Comment(f"{link} listen at this point", permalink="https://www.youtube.com/watch?v=AbCdEfGhIjk")
    assert _value(watched, "LINK_HOME") == 1.0
    assert _value(watched, "LINKS") == 0.0
    assert ngrams.URL_MARK not in Reading(watched).prose.text
    other = replace(watched, permalink="https://www.youtube.com/watch?v=zzzzzzzzzzz")
    assert _value(other, "LINKS") > 0.0


def test_pictures_do_not_water_down_the_words() -> None:
    """A row of emoji leaves the n-grams as they were; that there were some is said once, however many."""
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
    """What marks an announcement is found behind other words, pictures and tags that hold nothing."""
    assert _value(Comment(text, author="Shoe Palace"), code) == 1.0


def test_empty_tags_are_no_code() -> None:
    """Markup is not what people who build things write."""
    assert _value(Comment("sh<!-- -->oes and <span class='a'></span>bags"), "CODE") == 0.0


def test_on_a_shared_host_only_the_page_is_home() -> None:
    """On a host that anybody publishes on, another page is somebody else's."""
    page = "https://www.youtube.com/watch?v=abcdefg"
    assert _value(Comment("see https://youtube.com/watch?v=abcdefg&t=3", permalink=page), "LINK_HOME") == 1.0
    assert _value(Comment("see https://youtube.com/watch?v=other", permalink=page), "LINK_HOME") == 0.0


def test_the_same_text_hashes_alike_wherever_it_stands() -> None:
    """A column depends on the words, not on their place."""
    assert _said("cheap shoes") <= _said("some cheap shoes here")


def test_words_that_are_spelt_alike_share_columns() -> None:
    """A word that was never seen is known by what it is made of."""
    assert not _said("pharmacy").isdisjoint(_said("epharmacyz"))
    assert _said("pharmacy").isdisjoint(_said("bread"))


def test_a_long_row_of_letters_is_read_whole() -> None:
    """Text without spaces is cut, never left out."""
    assert "".join(words_of("x" * 100)) == "x" * 100
    assert max(map(len, words_of("x" * 100))) == 32


def test_fields_do_not_share_columns() -> None:
    """A word in the author's name is other evidence than the same word in the text."""
    assert _columns(Comment("", author="shoes")).isdisjoint(_columns(Comment("shoes")))


@pytest.mark.parametrize("anchor", ["quartz.example", "www.quartz.example/", "quartz.example?", "http://other.example"])
def test_a_link_put_on_an_address_is_not_put_on_words(anchor: str) -> None:
    """Blogs turn addresses into links by themselves; the address is then no words of the author's."""
    assert _value(Comment(f'see <a href="http://quartz.example/">{anchor}</a> for it'), "ANCHOR_WORDS") == 0.0


@pytest.mark.parametrize(
    "anchor", ["cheap quartz", "cheap&nbsp;pills&nbsp;quartz.example", "cheap-pills-quartz.example"]
)
def test_words_are_words_whatever_joins_them(anchor: str) -> None:
    """An address behind them hides no words."""
    assert _value(Comment(f'see <a href="http://quartz.example/">{anchor}</a> for it'), "ANCHOR_WORDS") > 0.0


@pytest.mark.parametrize(
    ("comment", "code", "there"),
    [
        (Comment("Hey guys, check out this"), "REQUEST", True),
        (Comment("I will check this out"), "REQUEST", False),
        (Comment("ok so it broke, check the log"), "REQUEST", False),
        (Comment("It works.\n\nhttp://shop.example/"), "LINK_ABRUPT", True),
        (Comment("It works, see:\n\nhttp://shop.example/"), "LINK_ABRUPT", False),
        (Comment("Was it this (or so I think)\nhttp://shop.example/"), "LINK_ABRUPT", False),
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
        (Comment("hi", author="Bedroom Furniture"), "NAME_ORDINARY", True),
        (Comment("hi", author="Jane A. Example"), "NAME_ORDINARY", False),
        (Comment("hi", author="Johnny Cash"), "NAME_ORDINARY", False),
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
        (Comment("удаленная работа, пишите в лс"), "INVITATION", True),
        (Comment("удаленный файл"), "FINANCE", False),
        (Comment("who recovered my money"), "FINANCE", True),
        (Comment("call me at 555 12 34"), "PHONE", True),
        (Comment("call me at \u0665\u0665\u0665 \u0661\u0662 34"), "PHONE", True),
        (Comment("all of 3 in 4"), "PHONE", False),
        (Comment("made in the USSR by Ivanov"), "CASE_NOISE", False),
        (Comment("made in the USSR by IVanov"), "CASE_NOISE", True),
        (Comment("made in the USSR by ivAnov"), "CASE_NOISE", True),
        (Comment("сделано в СССР, ИВАнов"), "CASE_NOISE", True),
        (Comment("pays $ 5 at least"), "MONEY_SUMS", True),
        (Comment("pays 5 Euro at least"), "MONEY_SUMS", True),
        (Comment("pays 5 or five euro"), "MONEY_SUMS", False),
        (Comment("hmmmmm"), "GIBBERISH", True),
        (Comment("hmm mmm, strengthen"), "GIBBERISH", False),
        (Comment("see http://a.example/"), "LINK_ANY", True),
        (Comment("word " * 20), "LONG", False),
        (Comment("word " * 30), "LONG", True),
    ],
)
def test_what_a_signal_finds(comment: Comment, code: str, there: bool) -> None:
    """What each of these signals is meant for, and what looks like it and is not."""
    assert (_value(comment, code) > 0) == there


def test_an_address_written_backwards_is_found_where_it_stands() -> None:
    """The mark in its place owns all of it, wherever its letters were stored."""
    text = "see \u202emoc.elpmaxe.www//:ptth\u202c now"
    reading = Reading(Comment(text))
    at = reading.prose.text.index(ngrams.URL_MARK)
    assert reading.prose.origins().stretch(at, at + 1) == (5, 27)
    assert text[5:27][::-1] == "http://www.example.com"


def test_words_of_the_title_are_one() -> None:
    """Another page's title would not be known; what the comment says beside it is."""
    one = Comment("buy lamps now", context="All about lamps")
    other = Comment("buy shoes now", context="All about shoes")
    assert _row(one) == _row(other) != _row(replace(other, context=None))
