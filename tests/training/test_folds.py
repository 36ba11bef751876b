"""Templates, duplicates and folds."""

from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.training.corpus import Corpus, SourceFile
from moderation.training.folds import (
    deduplicate,
    deduplicate_groups,
    source_folds,
    split_hash,
    template_key,
    text_keys,
)

OFFERS = [Comment(f"buy {n} cheap shoes now at http://shop{n}.example today") for n in range(5)]


def with_sources(corpus: Corpus, sizes: list[int]) -> Corpus:
    """Return the first comments as sources of these sizes."""
    sources = np.repeat(np.arange(len(sizes)), sizes)
    files = [SourceFile(f"source{number}", "", size, 0) for number, size in enumerate(sizes)]
    return replace(corpus.where(np.arange(len(corpus.comments)) < len(sources)), sources=sources, source_files=files)


def test_one_source_is_split_by_template(starter: Corpus) -> None:
    """Every comment is in one fold, and no template is in two."""
    folds = source_folds(starter, 4)
    assert np.array_equal(np.sum(folds, axis=0), np.ones(len(starter.comments)))
    keys = np.array([template_key(comment) for comment in starter.comments])
    for fold in folds:
        assert not set(keys[fold]) & set(keys[~fold])


@pytest.mark.parametrize(
    ("max_folds", "expected"),
    [
        (1, [{0, 3}, {1, 2, 4}]),
        (2, [{0, 3}, {1, 2, 4}]),
        (3, [{0}, {1}, {2, 3, 4}]),
        (16, [{0}, {1}, {2}, {3}, {4}]),
    ],
)
def test_sources_are_held_out_whole_and_folds_are_balanced(
    starter: Corpus, max_folds: int, expected: list[set[int]]
) -> None:
    """The largest source comes first, and each source joins the smallest fold."""
    corpus = with_sources(starter, [100, 90, 40, 35, 10])
    folds = source_folds(corpus, max_folds)
    assert [set(corpus.sources[fold].tolist()) for fold in folds] == expected
    assert np.array_equal(np.sum(folds, axis=0), np.ones(len(corpus.comments)))


def test_sources_of_one_site_are_held_out_together(starter: Corpus) -> None:
    """Spam that a blog's owner rejected is in the fold of the comments that the owner published."""
    corpus = with_sources(starter, [100, 90, 40, 35, 10])
    folds = source_folds(corpus, 16, {"source4": "source0", "source1": "blog", "source2": "blog"})
    assert [set(corpus.sources[fold].tolist()) for fold in folds] == [{1, 2}, {0, 4}, {3}]
    assert len(source_folds(with_sources(starter, [100, 90]), 4, {"source1": "source0"})) == 4


def test_a_source_without_comments_gets_no_fold(starter: Corpus) -> None:
    """Deduplication or the recipe may leave a source empty."""
    assert len(source_folds(with_sources(starter, [10, 0, 20, 30]), 16)) == 3


def test_digits_and_links_do_not_change_the_template() -> None:
    """Copies of a template share its key and its side of a split; other words have another key."""
    keys = {template_key(comment) for comment in OFFERS}
    assert len(keys) == 1
    assert len({split_hash(comment) for comment in OFFERS}) == 1
    assert template_key(Comment("thank you for the long answer")) not in keys


def test_spam_of_a_template_is_limited() -> None:
    """Ham has no limit. Exact copies count once in either class."""
    keys = text_keys(OFFERS, np.arange(5))
    assert deduplicate(keys, np.ones(5, dtype=bool), 2).tolist() == [True, True, False, False, False]
    assert deduplicate(keys, np.zeros(5, dtype=bool), 2).all()
    twice = text_keys([OFFERS[0], replace(OFFERS[0], author="Ann"), OFFERS[1]], np.arange(3))
    assert deduplicate(twice, np.zeros(3, dtype=bool), 2).tolist() == [True, False, True]


def test_duplicates_are_dropped_within_each_group() -> None:
    """The same comment in two groups is kept twice, and so is one outside of all groups."""
    keys = text_keys([Comment("thank you")] * 6, np.arange(6))
    groups = np.array([0, 0, 1, 1, -1, -1])
    kept = deduplicate_groups(keys, groups, np.zeros(6, dtype=bool), 2)
    assert kept.tolist() == [True, False, True, False, True, True]
