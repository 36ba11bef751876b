"""Augmented copies hide the source of a comment, not its label."""

import numpy as np

from moderation.training.augmentation import augment
from moderation.training.corpus import Corpus
from moderation.training.recipe import Recipe


def test_fields_are_masked_in_both_classes_and_copies_repeat(starter: Corpus) -> None:
    """A missing field does not reveal the label, and the same recipe gives the same copies."""
    copies, donors = augment(starter, Recipe())
    again, _ = augment(starter, Recipe())
    assert copies == again
    assert donors.shape == (len(copies), 3)
    masked = np.array([comment.url is None for comment in copies])
    assert abs(masked[starter.spam].mean() - masked[~starter.spam].mean()) < 0.1


def test_some_spam_is_obfuscated_and_no_ham(starter: Corpus) -> None:
    """The recipe sets the proportion. Copies with padding name the source of the ham in it."""
    texts = [comment.text for comment in starter.comments]
    copies, donors = augment(starter, Recipe(obfuscate=0.5, insert_link=0.0))
    changed = np.array([copy.text != text for copy, text in zip(copies, texts, strict=True)])
    assert not changed[~starter.spam].any()
    assert 0.4 < changed[starter.spam].mean() < 0.6
    padded = donors[:, 2] >= 0
    assert 0.1 < padded[changed].mean() < 0.7 and not padded[~changed].any()


def test_links_are_inserted_into_ham_without_links(starter: Corpus) -> None:
    """No spam gets a link, and ham with a link of its own keeps its text."""
    texts = [comment.text for comment in starter.comments]
    copies, donors = augment(starter, Recipe(obfuscate=0.0, insert_link=1.0))
    changed = np.array([copy.text != text for copy, text in zip(copies, texts, strict=True)])
    without_link = np.array(["://" not in text for text in texts])
    assert np.array_equal(changed, ~starter.spam & without_link)
    assert np.array_equal(donors[:, 1] >= 0, changed)
