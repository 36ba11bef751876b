"""Augmented copies hide the source of a comment, not its label."""

from dataclasses import replace

import numpy as np

from moderation.domain.comment import Comment
from moderation.training.augmentation import augment
from moderation.training.corpus import Corpus
from moderation.training.recipe import Recipe


def test_fields_are_masked_in_both_classes_and_copies_repeat(starter: Corpus) -> None:
    """A missing field does not reveal the label, and the same recipe gives the same copies."""
    copies, donors = augment(starter, Recipe())
    again, _ = augment(starter, Recipe())
    assert copies == again
    assert donors.shape == (len(copies), 3)
    for field in ("email", "context"):
        masked = np.array([getattr(comment, field) is None for comment in copies])
        assert abs(masked[starter.spam].mean() - masked[~starter.spam].mean()) < 0.1
    masked = np.array([comment.url is None for comment in copies])
    linked = np.array(["://" in comment.text for comment in copies])
    assert abs(masked[starter.spam & linked].mean() - masked[~starter.spam].mean()) < 0.1


def test_spam_that_advertises_only_by_its_address_keeps_it(starter: Corpus) -> None:
    """Its text alone is the praise of a reader, which must not count as spam. With a link it is masked like ham."""
    praise = Comment("Great article, thank you!", author="Best VPN deals", url="https://vpn-deals.example", email="")
    pitch = replace(praise, text="Great article, see https://vpn-deals.example")
    ham = starter.where(~starter.spam)
    comments = [*ham.comments[:200], *[praise] * 200, *[pitch] * 200]
    corpus = replace(
        starter,
        comments=comments,
        ids=[str(number) for number in range(600)],
        spam=np.arange(600) >= 200,
        sources=np.zeros(600, dtype=np.int64),
        sites=np.full(600, -1),
    )
    copies, _ = augment(corpus, Recipe(obfuscate=0.0))
    assert {copy.url for copy in copies[200:400]} == {praise.url}
    assert 30 < sum(copy.author is None for copy in copies[200:400]) < 90
    assert 60 < sum(copy.url is None for copy in copies[400:]) < 120


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
