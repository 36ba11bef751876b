"""Metrics, and comparisons of two models."""

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.domain.thresholds import Thresholds
from moderation.training.corpus import Corpus, SourceFile
from moderation.training.evaluation import (
    ScoredCorpus,
    balanced_log_loss,
    calibration_error,
    caught_at,
    confusion_matrix,
    disagreements,
    format_table,
    highest_scoring_ham,
    lowest_scoring_spam,
    metrics,
    rates,
    rates_by_source,
    verdict_changes,
)
from tests.models import small_model, small_result
from tests.training.corpora import corpus_of

THRESHOLDS = Thresholds(0.5, 0.8, 0.9)


def predicted(*probabilities: float) -> ScoredCorpus:
    """Return the small model with these predictions."""
    return ScoredCorpus(small_model(), np.array(probabilities))


def test_rates_count_verdicts_by_label() -> None:
    """Caught is held or blocked spam, lost is blocked ham, held is ham between the thresholds."""
    values = rates(np.array([0.1, 0.6, 0.85, 0.95, 0.6, 0.2]), np.array([0, 0, 0, 1, 1, 1], dtype=bool), THRESHOLDS)
    assert (values.spam, values.ham) == (3, 3)
    assert [values.lost, values.held, values.caught, values.blocked] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1 / 3])


def test_a_probability_at_a_threshold_is_above_it() -> None:
    """The more severe verdict applies at the threshold itself."""
    values = rates(np.array([0.5, 0.8]), np.array([True, True]), THRESHOLDS)
    assert (values.caught, values.blocked) == (1.0, 0.5)


def test_a_rate_without_comments_is_no_number() -> None:
    """Without ham, nothing is lost or held, and the card has neither rate."""
    spam = np.array([True, True])
    values = rates(np.array([0.6, 0.9]), spam, THRESHOLDS)
    assert np.isnan([values.lost, values.held]).all()
    assert metrics(np.array([0.6, 0.9]), spam, THRESHOLDS) == {"caught": 1.0, "blocked": 0.5}


def test_rates_by_source_keep_the_order_of_the_corpus() -> None:
    """A source without comments has no row, and two files of the same name have one each."""
    files = [SourceFile(name, "", 0, 0) for name in ("b", "empty", "a", "b")]
    comments = [Comment("x")] * 4
    corpus = Corpus(
        comments, list("1234"), np.array([True, True, False, True]), np.array([3, 2, 2, 0]), files, np.full(4, -1)
    )
    frame = rates_by_source(corpus, np.array([0.1, 0.95, 0.6, 0.6]), THRESHOLDS)
    assert frame.index.tolist() == ["b", "a", "b"]
    assert frame["spam"].tolist() == [1, 1, 1] and frame["ham"].tolist() == [0, 1, 0]
    assert frame["caught"].tolist() == [1.0, 1.0, 0.0] and frame["held"].tolist()[1] == 1.0
    table = format_table(frame)
    assert "100.00" in table and "nan" not in table.lower()


def test_ties_with_ham_count_as_missed() -> None:
    """Spam with the probability of the ham at the threshold is not caught."""
    assert caught_at(np.array([0.5, 0.5, 0.9]), np.array([False, True, True]), 0.01) == 0.5


def test_one_lost_ham_comment_in_a_hundred_lowers_the_threshold() -> None:
    """Below one percent of 100 ham comments none may be lost, at one percent a single one."""
    probabilities, spam = np.array([*np.linspace(0, 0.9, 99), 0.99, 0.95]), np.arange(101) == 100
    assert caught_at(probabilities, spam, 0.009) == 0.0
    assert caught_at(probabilities, spam, 0.01) == 1.0


def test_a_perfectly_calibrated_score_has_no_error() -> None:
    """Half of the comments with the probability one half are spam."""
    assert calibration_error(np.array([0.5, 0.5]), np.array([True, False]), np.ones(2)) == 0.0
    assert calibration_error(np.array([0.9, 0.9]), np.array([True, False]), np.ones(2)) == pytest.approx(0.4)


def test_the_log_loss_of_a_coin_is_one_bit() -> None:
    """Both labels have the same weight, however many comments they have."""
    assert balanced_log_loss(np.full(4, 0.5), np.array([True, False, False, False])) == pytest.approx(1.0)


def test_confusion_and_changes_count_every_comment_once() -> None:
    """Rows are the champion's verdicts. A change towards the label is positive for ham and spam."""
    thresholds = small_result().thresholds
    low, high = thresholds.review / 2, thresholds.discard
    corpus = corpus_of([Comment(f"comment number {name}") for name in "one two three".split()], [True, False, True])
    champion, candidate = predicted(low, low, high), predicted(high, high, high)
    counts = confusion_matrix(champion, candidate, np.ones(3, dtype=bool))
    assert counts[0, 3] == 2 and counts[3, 3] == 1 and counts.sum() == 3
    assert verdict_changes(champion, candidate, corpus.spam).tolist() == [3, -3, 0]
    assert sorted(disagreements(corpus, champion, candidate, 10)) == [0, 1]


def test_the_worst_comments_come_first_and_each_template_once() -> None:
    """Ham is ordered by falling, spam by rising probability. Copies are left out."""
    texts = ["the cat sat on a mat", "the cat sat on a mat", "a dog ran in the park", "cheap pills for you here"]
    corpus = corpus_of([Comment(text) for text in texts], [False, False, False, True])
    scored = predicted(0.5, 0.6, 0.9, 0.1)
    assert highest_scoring_ham(corpus, scored, 10) == [2, 1]
    assert lowest_scoring_spam(corpus, scored, 10) == [3]
    assert highest_scoring_ham(corpus, scored, 1) == [2]
