"""From a comment to the row that a model reads."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features import ngrams
from moderation.features.evidence import gather_evidence
from moderation.features.ngrams import BLOCKS, COLUMNS, Segment, find_words, read
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


def test_on_a_shared_host_only_the_page_is_home() -> None:
    """On a host that anybody publishes on, another page is somebody else's."""
    page = "https://www.youtube.com/watch?v=abcdefg"
    assert _value(Comment("see https://youtube.com/watch?v=abcdefg&t=3", permalink=page), "LINK_HOME") == 1.0
    assert _value(Comment("see https://youtube.com/watch?v=other", permalink=page), "LINK_HOME") == 0.0


def test_the_same_text_hashes_alike_wherever_it_stands() -> None:
    """An n-gram's column depends on the n-gram, not on its place on the page."""
    alone = read([Segment("cheap shoes", ngrams.WORDS, ngrams.CHARS)], find_words("cheap shoes"))
    text = "some cheap shoes here"
    within = read([Segment(text, ngrams.WORDS, ngrams.CHARS)], find_words(text))
    assert set(alone.columns) <= set(within.columns)


def test_fields_do_not_share_columns() -> None:
    """A word in the author's name is other evidence than the same word in the text."""
    by_name = gather_evidence(Comment("", author="shoes")).grams
    assert set(by_name.columns).isdisjoint(gather_evidence(Comment("shoes")).grams.columns)


def test_occurrences_point_at_their_text() -> None:
    """Each occurrence knows the stretch of the page that it was read from."""
    text = "buy shoes"
    grams = read([Segment(text, ngrams.WORDS, ngrams.CHARS)], find_words(text))
    page = f" {text} "
    words = {
        page[s:e] for s, e, c in zip(grams.starts, grams.ends, grams.occurrences, strict=True) if c < ngrams.OFFSETS[1]
    }
    assert words == {"buy", "shoes", "buy shoes"}
