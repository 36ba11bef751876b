"""From a comment to the row that a model reads."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.features import ngrams
from moderation.features.evidence import gather_evidence, read_rows
from moderation.features.ngrams import BLOCKS, COLUMNS, Segment, read
from moderation.features.reading import Reading
from moderation.features.signals import SIGNALS, signal_codes
from tests.strategies import comments


def _value(comment: Comment, code: str) -> float:
    return float(gather_evidence(comment).signals[signal_codes().index(code)])


@given(comments)
def test_any_comment_gives_a_row(comment: Comment) -> None:
    """Whatever the strings, the row is finite, sorted and within its columns; a block is as long as its weight."""
    grams = gather_evidence(comment).grams
    assert np.isfinite(grams.values).all()
    assert (np.diff(grams.columns) > 0).all()
    assert not len(grams.columns) or (grams.columns[0] >= 0 and grams.columns[-1] < COLUMNS)
    for number in np.unique(grams.blocks):
        assert np.linalg.norm(grams.values[grams.blocks == number]) == pytest.approx(BLOCKS[number].weight)


@given(comments)
def test_signals_are_numbers_or_unknown(comment: Comment) -> None:
    """A signal is a small number, or NaN where the field it reads is absent."""
    signals = gather_evidence(comment).signals
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
    assert (gather_evidence(plain).grams.columns == gather_evidence(padded).grams.columns).all()
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
    """An n-gram's column depends on the n-gram, not on its place on the page."""
    alone = read([[Segment("cheap shoes", ngrams.WORDS, ngrams.CHARS)]])
    within = read([[Segment("some cheap shoes here", ngrams.WORDS, ngrams.CHARS)]])
    assert set(alone.columns) <= set(within.columns)


def test_fields_do_not_share_columns() -> None:
    """A word in the author's name is other evidence than the same word in the text."""
    by_name = gather_evidence(Comment("", author="shoes")).grams
    assert set(by_name.columns).isdisjoint(gather_evidence(Comment("shoes")).grams.columns)


def test_occurrences_point_at_their_text() -> None:
    """Each occurrence knows where the middle of the stretch lies that it was read from."""
    grams = read([[Segment("buy shoes", ngrams.WORDS, ngrams.CHARS)]])
    words = grams.counts[grams.blocks == ngrams.WORDS].sum()
    assert sorted(grams.middles[:words].tolist()) == [2, 5, 7]


@given(st.lists(comments, min_size=1, max_size=8))
def test_many_comments_make_the_rows_that_each_makes_alone(batch: list[Comment]) -> None:
    """Reading side by side is an order of work, nothing else."""
    (rows,) = read_rows(batch)
    for number, one in enumerate(map(gather_evidence, batch)):
        at = slice(*rows.grams.bounds[number : number + 2])
        for name in ("columns", "values", "blocks", "counts"):
            np.testing.assert_array_equal(getattr(rows.grams, name)[at], getattr(one.grams, name))
        np.testing.assert_array_equal(rows.signals[number], one.signals)
