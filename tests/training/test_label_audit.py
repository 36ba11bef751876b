"""Labels that may be wrong are listed, the most doubtful first."""

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.training.corpus import Corpus
from moderation.training.label_audit import MIN_LABELS_OF_EACH_VALUE, audit_labels


def test_contradictions_among_near_duplicates_come_first() -> None:
    """They need no model. Digits and links make no difference, and short texts are no evidence."""
    text = "We sell garden sheds of oak and larch for {} euros at http://{}.example with delivery"
    comments = [
        Comment(text.format(90, "one")),
        Comment("Thank you"),
        Comment(text.format(75, "two")),
        Comment("Thank you"),
        Comment("The second chart in this article has a wrong label on its left axis, I believe."),
    ]
    found = audit_labels(None, comments, np.array([True, False, False, True, False]))
    assert [label.places for label in found] == [(0, 2), (2, 0)]
    assert [label.probability for label in found] == [None, None]


def test_flipped_labels_are_found(starter: Corpus) -> None:
    """Of 20 flipped labels among some 700, half are within the first 30."""
    comments, spam = starter.comments[::4], starter.spam[::4].copy()
    flipped = np.random.default_rng(0).choice(len(spam), 20, replace=False)
    spam[flipped] = ~spam[flipped]
    found = audit_labels(None, comments, spam)
    assert len({label.place for label in found[:30]} & set(flipped.tolist())) >= 10
    assert all(label.probability is None or label.probability < 0.6 for label in found if not label.contradicts)


def test_few_labels_have_no_model(starter: Corpus) -> None:
    """With fewer than the minimum of one value, only contradictions are listed."""
    ham = [place for place in range(len(starter.spam)) if not starter.spam[place]][: MIN_LABELS_OF_EACH_VALUE + 5]
    few = [place for place in range(len(starter.spam)) if starter.spam[place]][: MIN_LABELS_OF_EACH_VALUE - 1]
    places = ham + few
    found = audit_labels(None, [starter.comments[place] for place in places], starter.spam[places])
    assert all(label.probability is None for label in found)


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_labels_are_no_error(count: int) -> None:
    """There is nothing to list."""
    assert audit_labels(None, [Comment("Hello there")] * count, np.zeros(count, dtype=bool)) == []
