"""Rates by source, language and length."""

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.training.slices import (
    MIN_COUNT_WITHOUT_INTERVAL,
    Proportion,
    all_comments,
    by_language,
    by_length,
    by_source,
)
from tests.training.corpora import corpus_of


def test_slices_count_verdicts() -> None:
    """Languages go by the primary subtag, lengths by characters, and empty slices are left out."""
    comments = [
        Comment("x" * length, lang=lang) for length, lang in ((0, "en_US"), (50, "en, fr"), (51, None), (9000, ""))
    ]
    corpus = corpus_of(comments, [True, False, False, True])
    severities = np.array([3, 2, 1, 0])
    (source,) = by_source(corpus, severities)
    half = Proportion(1, 2)
    assert (source.caught, source.blocked, source.lost, source.held) == (half, half, half, half)
    total = all_comments(corpus, severities)
    assert (total.name, total.spam, total.ham, total.caught) == ("all", 2, 2, half)
    assert [(part.name, part.spam, part.ham) for part in by_language(corpus, severities)] == [
        ("en", 1, 1), ("not stated", 1, 1),
    ]  # fmt: skip
    assert [(part.name, part.spam + part.ham) for part in by_length(corpus, severities)] == [
        ("0 to 50", 2), ("51 to 150", 1), ("more than 2,000", 1),
    ]  # fmt: skip


def test_rare_languages_share_a_slice() -> None:
    """Made-up languages do not make an endless table, and no comment is counted twice."""
    corpus = corpus_of([Comment("x", lang=f"l{number}") for number in range(60)], [True] * 60)
    parts = by_language(corpus, np.zeros(60, dtype=np.int64))
    assert len(parts) == 26 and parts[-1].name == "all others" and sum(part.spam for part in parts) == 60


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    """None of ten gives 0 to 1 - .025^(1/10). No comments and many comments have no interval."""
    low, high = Proportion(0, 10).interval or (1.0, 0.0)
    assert low == 0.0 and high == pytest.approx(1 - 0.025**0.1)
    assert Proportion(0, 0).interval is None and Proportion(0, 0).value is None
    assert Proportion(5, MIN_COUNT_WITHOUT_INTERVAL).interval is None
