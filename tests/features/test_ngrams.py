"""Hashing of batches equals hashing of single documents."""

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.features.character_model import name_logits, name_logits_of
from moderation.features.extraction import extract_batch, extract_features
from moderation.features.ngrams import (
    N_COLUMNS,
    NAMESPACES,
    WORDS,
    Document,
    Field,
    bigram_columns,
    hash_documents,
    word_and_ngram_columns,
)
from moderation.features.parsed_comment import ParsedComment
from tests.strategies import comments

Part = tuple[int, int, float]


def _parts(documents: Sequence[Document]) -> list[Part]:
    rows = hash_documents(documents)
    return sorted(zip(rows.owners.tolist(), rows.columns.tolist(), rows.values.tolist(), strict=True))


def _one_by_one(documents: Sequence[Document]) -> Iterator[Part]:
    """Yield the same entries by definition: each different word, bigram and n-gram of a word counts once."""
    for number, document in enumerate(documents):
        for words, namespace in document:
            word_columns = [word_and_ngram_columns(word, namespace)[0] for word in words]
            columns = [column for word in dict.fromkeys(words) for column in word_and_ngram_columns(word, namespace)]
            columns += dict.fromkeys(bigram_columns(word_columns, namespace))
            for column in columns:
                yield number * len(NAMESPACES) + namespace, column, NAMESPACES[namespace].norm / sqrt(len(columns))


@given(st.lists(comments, max_size=4))
def test_a_batch_gives_the_rows_of_its_comments(batch: list[Comment]) -> None:
    """The row of a comment does not depend on the others in its batch."""
    documents = [extract_features(ParsedComment(comment)).document for comment in batch]
    assert _parts(documents) == [pytest.approx(part) for part in sorted(_one_by_one(documents))]


@given(st.lists(comments, min_size=1, max_size=4))
def test_a_batch_gives_the_signals_of_its_comments(batch: list[Comment]) -> None:
    """Comments parsed and measured as a batch have the signals that each has by itself."""
    single = [extract_features(ParsedComment(comment)).signals for comment in batch]
    np.testing.assert_array_equal(extract_batch(ParsedComment.parse_batch(batch))[1], single)


@given(st.lists(st.text(max_size=8) | st.from_regex(r"[a-e]{1,6}", fullmatch=True)))
def test_a_batch_gives_the_name_logits_of_its_words(words: list[str]) -> None:
    """The logits of words computed together equal, to the last bit, those of each word by itself."""
    name_logits.clear()
    assert name_logits_of(words) == list(map(name_logits.__getitem__, words))


def test_letters_of_any_width_are_hashed_alike() -> None:
    """Letters of one to four bytes in UTF-8, and words of one letter, have the same columns in a batch."""
    words = ["a", "é", "ab", "naïve", "жизнь", "見本", "𝒳𝒴𝒵𝒳𝒴", "aaaaaaa"]
    documents = [[Field(words, WORDS)]]
    assert _parts(documents) == [pytest.approx(part) for part in sorted(_one_by_one(documents))]


def test_empty_batches_and_documents() -> None:
    """An empty batch has no rows; a document without words has an empty one."""
    assert hash_documents([]).sums(np.ones(N_COLUMNS)).shape == (0, len(NAMESPACES))
    assert hash_documents([[Field([], WORDS)]]).sums(np.ones(N_COLUMNS)).tolist() == [[0.0] * len(NAMESPACES)]
    assert hash_documents([[]]).columns.tolist() == []


def test_sums_by_namespace() -> None:
    """Character n-grams are summed in the namespace of their words."""
    documents = [[Field(["shoes"], WORDS)], [], [Field(["cheap", "shoes"], WORDS)]]
    sums = hash_documents(documents).sums(np.ones(N_COLUMNS))
    assert sums[:, WORDS].tolist() == pytest.approx([NAMESPACES[WORDS].norm * sqrt(parts) for parts in (5, 0, 11)])
    assert not sums[:, WORDS + 1 :].any()
