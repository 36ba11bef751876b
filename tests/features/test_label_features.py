"""Rows of label features, and the keys by which a labelled comment is recognized."""

import numpy as np
import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features.extraction import document_of
from moderation.features.label_features import LabelFeatures
from moderation.features.memory_keys import SKETCH_SIZE, MemoryKeys, find_memory_keys, similarity
from moderation.features.ngrams import hash_documents
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure
from tests.strategies import comments

LONG = "our workshop repairs every kind of garden furniture and delivers it to your door within a few days"


def keys(text: str, **fields: str) -> MemoryKeys:
    return find_memory_keys(ParsedComment(Comment(text, **fields)))


@given(comments)
def test_a_row_has_the_columns_and_signals_of_the_model(comment: Comment) -> None:
    """A stored row gives what learning reads without the text."""
    parsed = ParsedComment(comment)
    stored = LabelFeatures.from_bytes(LabelFeatures.of(parsed).to_bytes())
    assert stored.columns.tolist() == sorted(hash_documents([document_of(parsed)]).columns.tolist())
    assert np.array_equal(stored.signals, np.array(measure(parsed), dtype=np.float16), equal_nan=True)
    assert stored.key_record == find_memory_keys(parsed).to_bytes()


def test_a_long_text_has_a_short_row() -> None:
    """A row covers the first words of a long text, and takes a few kilobytes at most."""
    text = " ".join(f"word{number} of many" for number in range(5_000))
    row = LabelFeatures.of(ParsedComment(Comment(text)))
    assert len(row.columns) <= 1_500
    assert len(row.to_bytes()) <= 3_000


def test_unused_keys_take_no_place() -> None:
    """A short text without author, link and contact has three keys of nineteen."""
    row = LabelFeatures.of(ParsedComment(Comment("Nice post")))
    assert len(row.to_bytes()) <= len(row.row) - 100
    assert LabelFeatures.from_bytes(row.to_bytes()).row == row.row


@pytest.mark.parametrize("size", [0, 3, 30, 100, 150, 200])
def test_a_damaged_row_is_an_error(size: int) -> None:
    """A row that was cut gives an error that names it, not wrong weights."""
    row = LabelFeatures.of(ParsedComment(Comment(LONG))).to_bytes()
    with pytest.raises(ValueError, match="label features"):
        LabelFeatures.from_bytes(row[:size])


def test_near_duplicates_have_similar_sketches() -> None:
    """Digits, links and small edits change little; another text shares nothing."""
    sketch = keys(LONG).sketch
    assert similarity(sketch, keys(f"{LONG} 17 http://other.example/9").sketch) == 1.0
    assert similarity(sketch, keys(LONG.replace("garden", "office")).sketch) >= 0.5
    assert similarity(sketch, keys("thank you very much for this article about bread, I tried it at once").sketch) < 0.2


@pytest.mark.parametrize("refrain", ["ha", "la", "oh no", "yes", "boo", "na na hey", "wow", "ole ole"])
def test_a_refrain_does_not_fill_the_sketch(refrain: str) -> None:
    """Two texts that repeat the same words a hundred times, and differ in the others, are not near-duplicates."""
    tails = ("the rye loaf needed ten more minutes in our old oven", "my garden sheds are sent to you by train or ship")
    sketches = [find_memory_keys(ParsedComment(Comment(f"{refrain} " * 100 + tail))).sketch for tail in tails]
    assert [len(sketch) for sketch in sketches] == [SKETCH_SIZE, SKETCH_SIZE]
    assert similarity(*sketches) < 0.5


def test_the_load_is_all_that_a_comment_can_lead_to() -> None:
    """Another link, address or number is another load; the words and the author's name are not."""
    load = keys(LONG, url="https://a.example", email="ann@mail.example").load
    assert keys("Hi", url="https://a.example", email="ann@mail.example", author="Ann").load == load
    others = [
        keys(LONG, url="https://b.example", email="ann@mail.example"),
        keys(LONG, url="https://a.example", email="eve@mail.example"),
        keys(f"{LONG} https://c.example", url="https://a.example", email="ann@mail.example"),
        keys(f"{LONG} call +34 915 551 234", url="https://a.example", email="ann@mail.example"),
    ]
    assert load not in [other.load for other in others]
    assert len({other.load for other in others}) == len(others)


def test_a_short_text_is_compared_whole() -> None:
    """It has no sketch. Without author and address it is unsigned."""
    assert keys("Nice post").sketch == ()
    assert keys("Nice post 3").short_text == keys("nice post").short_text != keys("Nice blog").short_text
    assert keys("Nice post").is_unsigned
    assert not keys("Nice post", author="Ann").is_unsigned
    assert keys(LONG).short_text == 0


def test_a_link_behind_the_same_words_is_another_comment() -> None:
    """The canonical text has no addresses of markup, so they are part of the identity."""
    linked = [keys(f"<a href='http://{host}.example/{path}'>Read this</a>") for host, path in ("aa", "ab", "ba")]
    assert len({found.identity for found in linked}) == 3
