"""What the disguises of the benchmark promise."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.disguises import families

HONEST = ("Thank you, the second step was what I had missed.", "We had the same weather in the north.")
OFFER = 'Buy cheap watches today at <a href="http://watches.example/offer?id=7">this shop</a>, free shipping &amp; more'
OF_LETTERS = (
    "homoglyphs",
    "leetspeak",
    "zero-width characters",
    "spaced letters",
    "HTML splits",
    "right-to-left override",
)


@pytest.mark.parametrize("name", families(HONEST))
def test_the_same_generator_gives_the_same_disguise(name: str) -> None:
    """A figure measured on disguised spam can be measured again."""
    disguise = families(HONEST)[name]
    assert disguise(OFFER, Random(1)) == disguise(OFFER, Random(1)) != OFFER


@pytest.mark.parametrize("name", OF_LETTERS)
def test_a_disguise_of_letters_leaves_the_link_whole(name: str) -> None:
    """Spam whose link no longer works would be no test of anything."""
    assert '<a href="http://watches.example/offer?id=7">' in families(HONEST)[name](OFFER, Random(1))


@given(st.text(max_size=200), st.integers(0, 9))
def test_any_text_can_be_disguised(text: str, seed: int) -> None:
    """The spam of a blog is whatever its form let through."""
    for disguise in families(HONEST).values():
        assert isinstance(disguise(text, Random(seed)), str)
