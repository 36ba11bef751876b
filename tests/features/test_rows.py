"""Many comments hashed at once."""

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.features.evidence import gather_evidence, gather_rows
from moderation.features.ngrams import BLOCKS, COLUMNS, WORDS, Page, Segment, columns_of, pair_columns
from moderation.features.rows import hash_pages
from tests.strategies import comments

Part = tuple[int, int, float]


def _parts(pages: Sequence[Page]) -> list[Part]:
    rows = hash_pages(pages)
    return sorted(zip(rows.owners.tolist(), rows.columns.tolist(), rows.values.tolist(), strict=True))


def _one_by_one(pages: Sequence[Page]) -> Iterator[Part]:
    """The same by the definition: a word, a pair, a stretch within a word counts once."""
    for number, page in enumerate(pages):
        for words, block in page:
            own = [columns_of(word, block)[0] for word in words]
            columns = [column for word in dict.fromkeys(words) for column in columns_of(word, block)]
            columns += dict.fromkeys(pair_columns(own, block))
            for column in columns:
                yield number * len(BLOCKS) + block, column, BLOCKS[block].weight / sqrt(len(columns))


@given(st.lists(comments, max_size=4))
def test_together_comments_give_what_each_gives_alone(several: list[Comment]) -> None:
    """What stands beside a comment says nothing of it, whatever the strings."""
    pages = [gather_evidence(comment).page for comment in several]
    assert _parts(pages) == [pytest.approx(part) for part in sorted(_one_by_one(pages))]


@given(st.lists(comments, min_size=1, max_size=4))
def test_signals_are_those_of_each_alone(several: list[Comment]) -> None:
    """Measured signal by signal or comment by comment, a fact is a fact."""
    alone = [gather_evidence(comment).signals for comment in several]
    np.testing.assert_array_equal(gather_rows(several)[1], alone)


def test_any_letters_are_spelt() -> None:
    """Letters of one to four bytes, and words of a letter, have the columns they have alone."""
    words = ["a", "é", "ab", "naïve", "жизнь", "見本", "𝒳𝒴𝒵𝒳𝒴", "aaaaaaa"]
    pages = [[Segment(words, WORDS)]]
    assert _parts(pages) == [pytest.approx(part) for part in sorted(_one_by_one(pages))]


def test_nobody_says_nothing() -> None:
    """No comments have no rows; a comment without words has an empty one."""
    assert hash_pages([]).sums(np.ones(COLUMNS)).shape == (0, len(BLOCKS))
    assert hash_pages([[Segment([], WORDS)]]).sums(np.ones(COLUMNS)).tolist() == [[0.0] * len(BLOCKS)]
    assert hash_pages([[]]).columns.tolist() == []


def test_sums_are_those_of_the_owners() -> None:
    """Words count for their own block, their spellings too."""
    pages = [[Segment(["shoes"], WORDS)], [], [Segment(["cheap", "shoes"], WORDS)]]
    sums = hash_pages(pages).sums(np.ones(COLUMNS))
    assert sums[:, WORDS].tolist() == pytest.approx([BLOCKS[WORDS].weight * sqrt(parts) for parts in (5, 0, 11)])
    assert not sums[:, WORDS + 1 :].any()
