"""The laws of likeness, and of the bands by which it is found."""

import random

from hypothesis import given

from moderation.features.sketch import BANDS, LONGEST, alike, bands, stretches
from tests.strategies import hostile_texts

WORDS = [f"{one}{other}" for one in ("lake", "bread", "garden", "music") for other in ("", "s", "er", "ing", "less")]


def mixed(chance: random.Random, share: float) -> tuple[str, str]:
    """Two texts of which the second keeps about `share` of the words of the first."""
    words = chance.choices(WORDS, k=30)
    kept = [word if chance.random() < share else "".join(chance.choices("abcdefghij", k=6)) for word in words]
    return " ".join(words), " ".join(kept)


@given(hostile_texts, hostile_texts)
def test_likeness_is_a_share(one: str, other: str) -> None:
    """Within 0 and 1, the same both ways, and 1 for a text and itself; any string will do."""
    ours, theirs = stretches(one), stretches(other)
    assert 0.0 <= alike(ours, theirs) <= 1.0
    assert alike(ours, theirs) == alike(theirs, ours)
    assert alike(ours, ours) == 1.0


@given(hostile_texts)
def test_bands_follow_from_the_text_and_fit_a_column(text: str) -> None:
    """The same text has the same bands, at least one and at most `BANDS`, each a signed number of 64 bits."""
    found = bands(text)
    assert found == bands(text) and 0 < len(found) == len(set(found)) <= BANDS
    assert all(-(2**63) <= band < 2**63 for band in found)


def test_disguise_does_not_count() -> None:
    """Letter case, markup, invisible characters and look-alike letters make no text another one."""
    plain, disguised = "order cheap pills now", "<b>ORDER</b> ch\u200beap \u0440ills now"
    assert alike(stretches(plain), stretches(disguised)) == 1.0 and bands(plain) == bands(disguised)


def test_only_the_beginning_is_read() -> None:
    """A text of any length costs no more than one of `LONGEST`."""
    text = "lakes and gardens " * LONGEST
    assert bands(text) == bands(text[:LONGEST]) and stretches(text) == stretches(text[:LONGEST])


def test_the_more_alike_the_more_bands_are_shared() -> None:
    """Texts share a band with the chance `alike ** 3`: near copies are found, strangers hardly ever."""
    chance = random.Random(4)
    for share in (0.0, 0.5, 0.95):
        likeness, shared, pairs = 0.0, 0.0, 300
        for _ in range(pairs):
            one, other = mixed(chance, share)
            likeness += alike(stretches(one), stretches(other)) ** 3 / pairs
            shared += len(set(bands(one)) & set(bands(other))) / BANDS / pairs
        assert abs(shared - likeness) < 0.03
