"""Signals of how a comment was submitted and of its page, with weights set by hand: no corpus records these facts."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from moderation.domain.comment import NO_SIGNALS, SubmissionSignals
from moderation.domain.comment_types import MESSAGE_TYPES
from moderation.features.lexicon import word_list
from moderation.features.normalize import MAX_FIELD_LENGTH, normalized
from moderation.features.parsed_comment import ParsedComment
from moderation.features.pitch import letter_strengths
from moderation.features.signals.probes import is_nonsense

_SCRIPT_RANGES: dict[str, str] = {
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": "\u0590-\u05ff",
    "arabic": "\u0600-\u077f\u08a0-\u08ff",
    "indic": "\u0900-\u0dff",
    "thai": "\u0e00-\u0eff",
    "georgian": "\u10a0-\u10ff",
    "armenian": "\u0530-\u058f",
    "chinese": "\u3400-\u9fff",
    "kana": "\u3040-\u30ff",
    "hangul": "\uac00-\ud7af\u1100-\u11ff",
}
_SCRIPT_LETTERS = {script: re.compile(f"[{letters}]") for script, letters in _SCRIPT_RANGES.items()}
_NON_LATIN = re.compile(f"[{''.join(_SCRIPT_RANGES.values())}]")
_LANGUAGE_SCRIPTS = {
    language: frozenset(scripts) for language, *scripts in map(str.split, word_list("language_scripts"))
}
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=[_-]|$)")
_MAX_LANG_LENGTH = 200
_MIN_LETTERS = 8
_TOO_FAST_SECONDS = 3.0
_MIN_TYPED_LENGTH = 60
"""Shorter texts can be typed within `_TOO_FAST_SECONDS`, or with a handful of keys."""
_CHARACTERS_PER_KEYSTROKE = 10
_MIN_TAG_LENGTH = 4
_MAX_TAG_LENGTH = 100


@dataclass(frozen=True, slots=True)
class RuleSignal:
    """A named fact whose `weight`, in logits, is set by hand.

    `measure` returns 0 to 1, and 0 if the fact is unknown.
    """

    code: str
    description: str
    weight: float
    measure: Callable[[ParsedComment, SubmissionSignals], float]


def _honeypot_filled(_: ParsedComment, submission: SubmissionSignals) -> float:
    return float(submission.honeypot_filled is True)


def _no_script(_: ParsedComment, submission: SubmissionSignals) -> float:
    return float(submission.script_ran is False)


def _too_fast(parsed: ParsedComment, submission: SubmissionSignals) -> float:
    seconds = submission.seconds_to_submit
    return float(seconds is not None and seconds < _TOO_FAST_SECONDS and len(parsed.comment.text) > _MIN_TYPED_LENGTH)


def _few_keystrokes(parsed: ParsedComment, submission: SubmissionSignals) -> float:
    """Return 1 for fewer than one key per ten characters: pasted, dictated, or filled in by a program."""
    length, keystrokes = len(parsed.comment.text), submission.keystrokes
    return float(
        keystrokes is not None and length > _MIN_TYPED_LENGTH and _CHARACTERS_PER_KEYSTROKE * keystrokes < length
    )


def _page_tag_in_text(parsed: ParsedComment, submission: SubmissionSignals) -> float:
    """Return 1 if the text contains a tag of the page. A missing tag is no evidence: tags are not titles."""
    text = parsed.normalized.text
    tags = (normalized(tag[:_MAX_TAG_LENGTH]) for tag in submission.page_tags)
    return float(any(len(tag) >= _MIN_TAG_LENGTH and tag in text for tag in tags))


def _old_page(_: ParsedComment, submission: SubmissionSignals) -> float:
    """Return 0 up to half a year without a change, rising to 1 at a year and a half."""
    days = submission.page_age_days
    return 0.0 if days is None else min(1.0, max(0.0, days / 365 - 0.5))


def _foreign_script(parsed: ParsedComment, _: SubmissionSignals) -> float:
    """Return 1 if most letters are in a script that no language of the page uses. Latin is never foreign.

    A language without known scripts may be written in any, so it switches the signal off.
    """
    text = parsed.comment.text[:MAX_FIELD_LENGTH]
    if text.isascii() or not _NON_LATIN.search(text):
        return 0.0
    languages = _parse_languages(parsed.comment.lang)
    if not languages or not languages <= _LANGUAGE_SCRIPTS.keys():
        return 0.0
    page_scripts = frozenset().union(*map(_LANGUAGE_SCRIPTS.__getitem__, languages))
    foreign_count = sum(
        len(letters.findall(text)) for script, letters in _SCRIPT_LETTERS.items() if script not in page_scripts
    )
    letter_count = sum(map(str.isalpha, text))
    return float(letter_count >= _MIN_LETTERS and foreign_count > letter_count / 2)


def _sales_pitch(parsed: ParsedComment, _: SubmissionSignals) -> float:
    """Return the strength of a pitch to the owner. A comment is not read so: it may speak of loans to other readers."""
    return letter_strengths(parsed).pitch if parsed.comment.type in MESSAGE_TYPES else 0.0


def _inquiry(parsed: ParsedComment, _: SubmissionSignals) -> float:
    """Return the strength of an inquiry to the owner."""
    return letter_strengths(parsed).inquiry if parsed.comment.type in MESSAGE_TYPES else 0.0


def _parse_languages(lang: str | None) -> set[str]:
    """Return the language codes of a field: `{"en", "fr"}` for `en_US, fr_ca`."""
    parts = (part.strip().lower() for part in (lang or "")[:_MAX_LANG_LENGTH].split(","))
    return {match[0] for part in parts if (match := _LANGUAGE.match(part))}


def _nonsense(parsed: ParsedComment, _: SubmissionSignals) -> float:
    return float(is_nonsense(parsed))


_COMMENT_RULE_SIGNALS = (
    RuleSignal("FOREIGN_SCRIPT", "a script that no language of the page uses", 1.0, _foreign_script),
    RuleSignal("NONSENSE", "a random string as the text", 4.5, _nonsense),
    RuleSignal("SALES_PITCH", "a stranger's offer to the owner of the site", 6.0, _sales_pitch),
    RuleSignal("INQUIRY", "a question about what the owner offers", -2.0, _inquiry),
)
"""Rule signals that read the comment alone."""

# These weights are set by hand. They are meant to send a comment to review, not to block it; docs/reasons.md has the
# figures they were checked with.
RULE_SIGNALS: tuple[RuleSignal, ...] = (
    RuleSignal("HONEYPOT", "an invisible form field was filled in", 5.0, _honeypot_filled),
    RuleSignal("NO_SCRIPT", "the form was sent without running its script", 1.5, _no_script),
    RuleSignal("TOO_FAST", "sent faster than people type", 1.0, _too_fast),
    RuleSignal("FEW_KEYSTROKES", "hardly any keystrokes for a text of this length", 0.5, _few_keystrokes),
    RuleSignal("PAGE_TAG_IN_TEXT", "a tag of the page in the text", -0.5, _page_tag_in_text),
    RuleSignal("OLD_PAGE", "a page that has not changed for a long time", 0.5, _old_page),
    *_COMMENT_RULE_SIGNALS,
)
SUBMISSION_CODES = frozenset(signal.code for signal in RULE_SIGNALS if signal not in _COMMENT_RULE_SIGNALS)
"""Codes of the rule signals that read more than the comment: how it was sent, and its page."""


def rule_contributions(parsed: ParsedComment, submission: SubmissionSignals) -> dict[str, float]:
    """Return the contribution of each of `RULE_SIGNALS` to the logit, by code. Contributions of 0 are left out."""
    signals = _COMMENT_RULE_SIGNALS if submission is NO_SIGNALS else RULE_SIGNALS
    values = ((signal, signal.measure(parsed, submission)) for signal in signals)
    return {signal.code: signal.weight * value for signal, value in values if value}
