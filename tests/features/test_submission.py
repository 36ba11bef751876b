"""Rule signals: their weights are set by hand, so tests bound their sum. Their values are in `test_signals.py`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import NO_SIGNALS, Comment, SubmissionSignals
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals.submission import RULE_SIGNALS, rule_contributions

WORST = SubmissionSignals(
    honeypot_filled=True, script_ran=False, seconds_to_submit=0.2, keystrokes=0, page_age_days=9_000.0
)
RUSSIAN = "Купить очень дешево и быстро прямо сейчас, доставка по всему миру, скидки каждый день"


def test_unknown_facts_contribute_nothing() -> None:
    """Absence is never evidence."""
    assert rule_contributions(ParsedComment(Comment("Hello there, all of you")), NO_SIGNALS) == {}
    assert rule_contributions(ParsedComment(Comment("Hello there, all of you", lang="")), SubmissionSignals()) == {}


def test_an_ordinary_submission_contributes_nothing() -> None:
    """An empty honeypot, a script that ran, enough time and keystrokes are no evidence."""
    ordinary = SubmissionSignals(
        honeypot_filled=False, script_ran=True, seconds_to_submit=60.0, keystrokes=300, page_age_days=3.0
    )
    assert rule_contributions(ParsedComment(Comment("x" * 200, lang="en_US")), ordinary) == {}


def test_a_short_text_may_be_sent_fast_and_with_few_keystrokes() -> None:
    """Thanks takes a second to type, and a phone's keyboard sends whole words."""
    fast = SubmissionSignals(seconds_to_submit=1.0, keystrokes=0)
    assert rule_contributions(ParsedComment(Comment("x" * 60)), fast) == {}
    assert list(rule_contributions(ParsedComment(Comment("x" * 61)), fast)) == ["TOO_FAST", "FEW_KEYSTROKES"]


@pytest.mark.parametrize(("days", "contribution"), [(0.0, 0.0), (182.5, 0.0), (365.0, 0.25), (547.5, 0.5), (9e9, 0.5)])
def test_the_age_of_a_page_counts_from_half_a_year(days: float, contribution: float) -> None:
    """The contribution rises from half a year to a year and a half, and no further."""
    contributions = rule_contributions(ParsedComment(Comment("Hi")), SubmissionSignals(page_age_days=days))
    assert contributions.get("OLD_PAGE", 0.0) == pytest.approx(contribution)


@pytest.mark.parametrize(("tag", "fires"), [("pear", True), ("Pear", True), ("pea", False), ("pear" * 26, False)])
def test_tags_of_four_letters_are_found(tag: str, fires: bool) -> None:
    """Shorter tags occur by chance; of longer ones only the beginning is compared."""
    parsed = ParsedComment(Comment("a pear is not a " + "pear" * 24))
    assert bool(rule_contributions(parsed, SubmissionSignals(page_tags=(tag,)))) is fires


@pytest.mark.parametrize(
    ("text", "lang", "foreign"),
    [
        (RUSSIAN, "en_US", True),
        (RUSSIAN, "en, ru_RU", False),
        (RUSSIAN, None, False),
        (RUSSIAN, "not a language", False),
        ("A good read. Спасибо!", "en_US", False),
        ("Good read, thank you", "ru_RU", False),
        ("谢谢分享这篇非常好的文章", "ja", False),
        ("谢谢分享这篇非常好的文章", "de_DE", True),
        ("спасибоо", "en", True),
        ("спасибо", "en", False),
        ("спасибооgoodread", "en", False),
        ("спасибоооgoodread", "en", True),
        (RUSSIAN, "bel", False),
        (RUSSIAN, "uz_UZ", False),
        (RUSSIAN, "en, uz_UZ", False),
        (RUSSIAN, "ja", True),
        ("ありがとうございます", "zh_CN", True),
        ("ありがとうございます", "ja", False),
        ("감사합니다 정말로", "ja", True),
    ],
)
def test_a_script_that_no_language_of_the_page_uses_is_foreign(text: str, lang: str | None, foreign: bool) -> None:
    """Most of at least eight letters must be foreign. Latin never is, nor any script to an unknown language."""
    assert ("FOREIGN_SCRIPT" in rule_contributions(ParsedComment(Comment(text, lang=lang)), NO_SIGNALS)) is foreign


def test_only_the_honeypot_makes_an_ordinary_comment_spam_and_nothing_discards_it() -> None:
    """An ordinary comment has a logit around -3; the default thresholds are at 0.5, 5.8 and 9.2."""
    total = sum(rule_contributions(ParsedComment(Comment(RUSSIAN, lang="en")), WORST).values())
    honeypot = rule_contributions(ParsedComment(Comment("Hi")), SubmissionSignals(honeypot_filled=True))["HONEYPOT"]
    assert -3 + total < 9.2
    assert -3 + total - honeypot < 5.8
    assert 0.5 < -3 + honeypot < 5.8


@given(
    st.text(max_size=300),
    st.none() | st.text(max_size=30),
    st.builds(
        SubmissionSignals,
        honeypot_filled=st.none() | st.booleans(),
        script_ran=st.none() | st.booleans(),
        seconds_to_submit=st.none() | st.floats(0, 1e9),
        keystrokes=st.none() | st.integers(0, 10**9),
        page_age_days=st.none() | st.floats(0, 1e6),
        page_tags=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    ),
)
def test_each_contribution_is_within_its_weight(text: str, lang: str | None, submission: SubmissionSignals) -> None:
    """A rule signal contributes at most its documented weight."""
    weights = {signal.code: signal.weight for signal in RULE_SIGNALS}
    for code, contribution in rule_contributions(ParsedComment(Comment(text, lang=lang)), submission).items():
        assert 0 < contribution / weights[code] <= 1
