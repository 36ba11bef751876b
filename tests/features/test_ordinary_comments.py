"""Ordinary comments in over forty languages, written for this test: no signal says of them what is not so."""

import csv
import unicodedata
from collections import Counter
from math import isnan
from pathlib import Path
from typing import NamedTuple

import pytest

from moderation.domain.comment import Comment
from moderation.domain.thresholds import Verdict, decide
from moderation.features.extraction import FEATURES_VERSION
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import SIGNALS, measure
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import Model, score
from moderation.scoring.reasons import describe
from tests.models import small_model
from tests.scoring.test_reasons import check_occurrences
from tests.shipped import SHIPPED_MODEL_ID

ROOT = Path(__file__).parents[2]
KINDS = ("short", "thanks", "question", "disagreement", "long")
NEVER_PRESENT = frozenset(
    "MIXED_CASE OPENS_WITH_REQUEST GIBBERISH MONEY_SUMS PHONE EMAIL_IN_TEXT MESSENGER_HANDLE INVISIBLE_CHARACTERS "
    "STYLED_LETTERS LOOKALIKES SPACED_LETTERS LEETSPEAK CODE QUOTES HEADLINE EXCERPT OWN_SITE OWN_LINK GOODS PILLS "
    "GAMBLING FINANCE SERVICES ADULT BARGAIN CALL_TO_ACTION LINKS LINK_ANY LINK_NAKED NAME_COMMERCE "
    "NAME_DICTIONARY_WORDS NAME_PHRASE NAME_CASE NAME_LOWER NAME_DIGITS NAME_GIBBERISH NAME_ADDRESS NAME_IN_TEXT "
    "NAME_LINK EMAIL_DISPOSABLE LINK_CARELESS IMAGE LINK_ENCODED LINE_REPEATED LINK_TRADE ANCHOR_TRADE "
    "ADVERT_PHRASES".split()
)
"""Signals whose subject is in none of the comments, whatever the script: each was read."""


class Row(NamedTuple):
    """A comment with its language and kind."""

    language: str
    kind: str
    comment: Comment


def ordinary_comments() -> list[Row]:
    """Return the comments as a site sends them: with name and e-mail address, and an empty URL."""
    with (ROOT / "tests" / "ordinary_comments.csv").open(encoding="utf-8", newline="") as stream:
        return [
            Row(row["language"], row["kind"], Comment(row["text"], row["author"], "", "ana@mail.example"))
            for row in csv.DictReader(stream)
        ]


ROWS = ordinary_comments()
LANGUAGES = sorted({row.language for row in ROWS})
BY_LANGUAGE = [[row for row in ROWS if row.language == language] for language in LANGUAGES]


def values_of(comment: Comment) -> dict[str, float]:
    """Return the value of each signal by code."""
    return {signal.code: value for signal, value in zip(SIGNALS, measure(ParsedComment(comment)), strict=True)}


def facts(comment: Comment) -> dict[str, bool]:
    """Return whether the subject of some signals is there, read from the Unicode database, not from the features."""
    text = unicodedata.normalize("NFKC", comment.text)
    names = [unicodedata.name(char, "") for char in text]
    return {
        "EXCLAMATIONS": "EXCLAMATION MARK" in names,
        "QUESTIONS": any("QUESTION MARK" in name and "INVERTED" not in name for name in names),
        "DIGITS": any(char.isascii() and char.isdigit() for char in text),
        "EMOJI": any(unicodedata.category(char) == "So" for char in text),
    }


def has_case(text: str) -> bool:
    """Return whether most letters have capitals that their script uses. Georgian has some that it does not use."""
    letters = [char for char in text if char.isalpha()]
    cased = [char for char in letters if char.lower() != char.upper() and "GEORGIAN" not in unicodedata.name(char)]
    return 2 * len(cased) > len(letters)


def test_the_comments_are_of_many_scripts_and_complete() -> None:
    """At least 25 languages with the five kinds each, in at least 20 scripts."""
    assert Counter((row.language, row.kind) for row in ROWS) == Counter(
        (language, kind) for language in LANGUAGES for kind in KINDS
    )
    scripts = {unicodedata.name(char).split()[0] for row in ROWS for char in row.comment.text if char.isalpha()}
    assert len(LANGUAGES) >= 40
    assert len(scripts) >= 20


@pytest.mark.parametrize("rows", BY_LANGUAGE, ids=LANGUAGES)
def test_no_signal_finds_what_is_not_there(rows: list[Row]) -> None:
    """Signals of disguises, of wares and of odd names are silent, and simple facts are as Unicode's database says."""
    for row in rows:
        values = values_of(row.comment)
        assert not {code for code in NEVER_PRESENT if values.get(code, 0) > 0}, row
        assert {code: values[code] > 0 for code in facts(row.comment)} == facts(row.comment), row


@pytest.mark.parametrize("rows", BY_LANGUAGE, ids=LANGUAGES)
def test_a_signal_without_meaning_in_the_script_is_absent(rows: list[Row]) -> None:
    """Capitals are counted exactly where the script has them, in texts and in names."""
    for row in rows:
        values = values_of(row.comment)
        assert isnan(values["CAPITALS"]) != has_case(row.comment.text), row
        assert isnan(values["NAME_LOWER"]) != has_case(row.comment.author or ""), row


@pytest.mark.parametrize("rows", BY_LANGUAGE, ids=LANGUAGES)
def test_reasons_say_what_is_true(rows: list[Row]) -> None:
    """Every sentence agrees with the signal's value."""
    for row in rows:
        check_occurrences(small_model(), row.comment)


def test_the_same_content_is_as_long_in_every_script() -> None:
    """The texts say the same: LENGTH is within 15 % of English, and no text has half or twice its words."""
    means = {
        rows[0].language: sum(values_of(row.comment)["LENGTH"] for row in rows) / len(rows) for rows in BY_LANGUAGE
    }
    assert {language for language, mean in means.items() if not 1 / 1.15 < mean / means["en"] < 1.15} <= {"emoji"}
    words = {rows[0].language: ParsedComment(rows[KINDS.index("long")].comment).word_count for rows in BY_LANGUAGE}
    assert not {language for language, count in words.items() if not 0.5 < count / words["en"] < 2}


@pytest.fixture(scope="module")
def shipped_model() -> Model:
    """Load the model that ships, as soon as it was trained on the features of this version."""
    registry = ModelRegistry(ROOT / "models")
    version = registry.card(SHIPPED_MODEL_ID).features_version
    if version != FEATURES_VERSION:
        pytest.skip(f"The shipped model reads features {version}, not {FEATURES_VERSION}. Train it again.")
    return registry.load(SHIPPED_MODEL_ID)


@pytest.mark.parametrize("rows", BY_LANGUAGE, ids=LANGUAGES)
def test_none_is_held_by_the_shipped_model(shipped_model: Model, rows: list[Row]) -> None:
    """An ordinary comment is published in every language, with the fields that a site sends and without them."""
    for row in rows:
        for comment in (row.comment, Comment(row.comment.text)):
            result = score(shipped_model, ParsedComment(comment))
            reasons = [f"{reason.weight:+.2f} {describe(reason)}" for reason in result.reasons[:8]]
            verdict = decide(result.probability, shipped_model.thresholds)
            assert verdict is Verdict.PUBLISH, (row.language, row.kind, result.probability, reasons)
        check_occurrences(shipped_model, row.comment)
