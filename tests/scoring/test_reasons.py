"""Sentences of reasons: each is documented, and people read the one that is true of the comment."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.decision import Occurrence, Reason
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import SIGNALS, measure
from moderation.features.signals.submission import RULE_SIGNALS
from moderation.scoring.model import Model, score
from moderation.scoring.reasons import DESCRIPTIONS, SENTENCES, describe
from tests.models import small_model
from tests.strategies import comments

PAGE = Path(__file__).parents[2] / "docs" / "reasons.md"
COLUMNS = ((Occurrence.PRESENT, Occurrence.MORE), (Occurrence.LESS,), (Occurrence.ABSENT,))
"""The occurrences whose sentence stands in each column of the page."""


def test_every_reason_is_documented() -> None:
    """docs/reasons.md has each code with its sentences in the order of the code, and no other."""
    weights = {signal.code: f" {signal.weight:+.1f} |" for signal in RULE_SIGNALS}
    rows = [f"| `{code}` | {text} |{weights.get(code, '')}" for code, text in DESCRIPTIONS.items()]
    for code, wording in SIGNALS:
        cells = ["".join(wording.sentences.get(occurrence, "") for occurrence in column) for column in COLUMNS]
        rows.append(f"| `{code}` | {' | '.join(cells)} |".replace("|  |", "| |"))
    assert sorted(re.findall(r"^\| `.*$", PAGE.read_text("utf-8"), re.MULTILINE)) == sorted(rows)


def test_no_two_signals_say_the_same() -> None:
    """A sentence belongs to one signal and one occurrence, so that no card repeats itself."""
    sentences = [sentence for by_occurrence in SENTENCES.values() for sentence in by_occurrence.values()]
    assert len(set(sentences)) == len(sentences)


def is_true(occurrence: Occurrence | None, value: float, usual: float) -> bool:
    """Return whether a value is what the occurrence says."""
    truth = {
        Occurrence.PRESENT: value > 0,
        Occurrence.ABSENT: value == 0,
        Occurrence.MORE: value > usual,
        Occurrence.LESS: value < usual,
    }
    return occurrence is not None and truth[occurrence]


def check_occurrences(model: Model, comment: Comment) -> None:
    """Assert that each signal among the reasons occurs as the reason says."""
    parsed = ParsedComment(comment)
    signals = zip(SIGNALS, measure(parsed), model.means.tolist(), strict=True)
    values = {signal.code: (value, mean) for signal, value, mean in signals}
    reasons = [reason for reason in score(model, parsed).reasons if reason.code in values]
    untrue = [reason for reason in reasons if not is_true(reason.occurrence, *values[reason.code])]
    assert not untrue
    assert all(describe(reason) == SENTENCES[reason.code][reason.occurrence] for reason in reasons)


@given(comments)
def test_a_reason_says_what_is_true(comment: Comment) -> None:
    """Present, absent, more or less: the signal's value and the usual one agree with the sentence."""
    check_occurrences(small_model(), comment)


@pytest.mark.parametrize(
    ("comment", "code", "sentence"),
    [
        (Comment("hello", author="Ann"), "NAME_DIGITS", "no digits in the name"),
        (Comment("hello", author="ann7"), "NAME_DIGITS", "digits in the name"),
        (Comment("hello", author="A"), "NAME_LENGTH", "a shorter name than usual"),
        (Comment("hello", author="A" * 50), "NAME_LENGTH", "a longer name than usual"),
        (Comment("hello", context="Lamps"), "ON_TOPIC", "no word of the page's title in the text"),
        (Comment("HELLO"), "CAPITALS", "more capital letters than usual"),
        (Comment("hello"), "CAPITALS", "no capital letters"),
        (Comment("hello"), "LENGTH", "a shorter text than usual"),
        (Comment("hello " * 500), "LENGTH", "a longer text than usual"),
    ],
)
def test_the_sentence_follows_the_comment(comment: Comment, code: str, sentence: str) -> None:
    """The same signal has another sentence where its subject is absent, or less than usual."""
    reasons = score(small_model(), ParsedComment(comment)).reasons
    assert [describe(reason) for reason in reasons if reason.code == code] == [sentence]


def test_nothing_is_said_of_what_no_comment_has_to_have() -> None:
    """A comment without links has no reason about links: their absence is no evidence."""
    reasons = score(small_model(), ParsedComment(Comment("I think you are right about the old bridge."))).reasons
    assert not [reason for reason in reasons if reason.code.startswith(("LINK", "ANCHOR"))]


@given(st.sampled_from([signal.code for signal in SIGNALS]))
def test_a_decision_of_an_older_version_claims_nothing(code: str) -> None:
    """Without a stored occurrence all sentences are given, one of which is true."""
    assert describe(Reason(code, 1.0)) == ", or ".join(SENTENCES[code].values())


def test_a_code_of_another_version_is_shown_in_words() -> None:
    """A code that this version does not know becomes words."""
    assert describe(Reason("OLD_CODE", 1.0)) == "old code"
