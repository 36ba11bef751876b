"""The obfuscators of the gate and the benchmark."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.training.obfuscators import obfuscators

HAM_TEXTS = ("Thank you, the second step was what I had missed.", "We had the same weather in the north.")
OFFER = 'Buy cheap watches today at <a href="http://watches.example/offer?id=7">this shop</a>, free shipping &amp; more'
LETTER_OBFUSCATORS = (
    "homoglyphs",
    "leetspeak",
    "zero-width characters",
    "spaced letters",
    "HTML splits",
    "right-to-left override",
)


@pytest.mark.parametrize("name", obfuscators(HAM_TEXTS))
def test_the_same_seed_gives_the_same_text(name: str) -> None:
    """Without this, two runs of the benchmark would not be comparable."""
    obfuscate = obfuscators(HAM_TEXTS)[name]
    assert obfuscate(OFFER, Random(1)) == obfuscate(OFFER, Random(1)) != OFFER


@pytest.mark.parametrize("name", LETTER_OBFUSCATORS)
def test_obfuscators_of_letters_leave_the_link_whole(name: str) -> None:
    """Spam with a broken link would make the benchmark too easy."""
    assert '<a href="http://watches.example/offer?id=7">' in obfuscators(HAM_TEXTS)[name](OFFER, Random(1))


@given(st.text(max_size=200), st.integers(0, 9))
def test_any_text_can_be_obfuscated(text: str, seed: int) -> None:
    """No obfuscator raises on any text."""
    for obfuscate in obfuscators(HAM_TEXTS).values():
        assert isinstance(obfuscate(text, Random(seed)), str)
