"""Signals of the visit: their weights are given, so what they may do together is a law."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import UNSEEN, Comment, Visit
from moderation.features.signals.visits import GIVEN_SIGNALS, given_shares

WORST = Visit(trap_filled=True, script_ran=False, seconds=0.2, key_presses=0, page_days=9_000.0)
LONG_TEXT = "Купить очень дешево и быстро прямо сейчас, доставка по всему миру, скидки каждый день"


def test_a_visit_of_which_nothing_is_known_says_nothing() -> None:
    """Absence is never evidence."""
    assert given_shares(Comment("Hello there, all of you"), UNSEEN) == {}
    assert given_shares(Comment("Hello there, all of you", lang=""), Visit()) == {}


def test_a_good_visit_says_nothing() -> None:
    """An empty trap, a script that ran, time taken, keys pressed: that is what everybody has."""
    good = Visit(trap_filled=False, script_ran=True, seconds=60.0, key_presses=300, page_days=3.0)
    assert given_shares(Comment("x" * 200, lang="en_US"), good) == {}


@pytest.mark.parametrize(
    ("visit", "code"),
    [
        (Visit(trap_filled=True), "TRAP_FILLED"),
        (Visit(script_ran=False), "NO_SCRIPT"),
        (Visit(seconds=0.5), "HASTY"),
        (Visit(key_presses=2), "UNTYPED"),
        (Visit(page_days=800.0), "OLD_PAGE"),
    ],
)
def test_each_fact_has_its_signal(visit: Visit, code: str) -> None:
    """One fact, one reason with a plain code."""
    assert list(given_shares(Comment("a" * 100), visit)) == [code]


def test_a_short_text_may_be_sent_fast_and_with_few_keys() -> None:
    """Thanks takes a second, and a phone's keyboard sends whole words."""
    assert given_shares(Comment("Thanks!"), Visit(seconds=1.0, key_presses=0)) == {}


def test_a_tag_of_the_page_speaks_for_the_comment_and_its_absence_not_against() -> None:
    """Tags are no titles: a comment need not say them."""
    tagged = Visit(tags=("Gardening", "a"))
    assert given_shares(Comment("My gardening book says so"), tagged) == {"ON_TAG": -0.5}
    assert given_shares(Comment("I agree with a lot of this"), tagged) == {}


@pytest.mark.parametrize(
    ("text", "lang", "foreign"),
    [
        (LONG_TEXT, "en_US", True),
        (LONG_TEXT, "en, ru_RU", False),
        (LONG_TEXT, None, False),
        (LONG_TEXT, "not a language", False),
        ("A good read. Спасибо!", "en_US", False),
        ("Good read, thank you", "ru_RU", False),
        ("谢谢分享这篇非常好的文章", "ja", False),
        ("谢谢分享这篇非常好的文章", "de_DE", True),
        ("ок", "en", False),
        (LONG_TEXT, "bel", False),
        (LONG_TEXT, "uz_UZ", False),
        (LONG_TEXT, "en, uz_UZ", False),
    ],
)
def test_a_script_is_foreign_where_no_language_of_the_page_is_written_in_it(
    text: str, lang: str | None, foreign: bool
) -> None:
    """Latin is at home everywhere, a word or two in another script is nobody's crime."""
    assert ("FOREIGN_SCRIPT" in given_shares(Comment(text, lang=lang), UNSEEN)) is foreign


def test_only_the_trap_makes_an_ordinary_comment_spam_and_nothing_discards_it() -> None:
    """An ordinary comment has a logit around -3; the default lines are at 0.5, 5.8 and 9.2."""
    everything = sum(given_shares(Comment(LONG_TEXT, lang="en"), WORST).values())
    trap = given_shares(Comment("Hi"), Visit(trap_filled=True))["TRAP_FILLED"]
    assert -3 + everything < 9.2
    assert -3 + everything - trap < 5.8
    assert 0.5 < -3 + trap < 5.8


@given(
    st.text(max_size=300),
    st.none() | st.text(max_size=30),
    st.builds(
        Visit,
        trap_filled=st.none() | st.booleans(),
        script_ran=st.none() | st.booleans(),
        seconds=st.none() | st.floats(0, 1e9),
        key_presses=st.none() | st.integers(0, 10**9),
        page_days=st.none() | st.floats(0, 1e6),
        tags=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    ),
)
def test_each_share_is_within_its_weight(text: str, lang: str | None, visit: Visit) -> None:
    """Whatever comes, a given signal adds at most what is documented."""
    weights = {signal.code: signal.weight for signal in GIVEN_SIGNALS}
    for code, share in given_shares(Comment(text, lang=lang), visit).items():
        assert 0 < share / weights[code] <= 1
