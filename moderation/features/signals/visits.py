"""Signals of how a comment came in, and of the page it came to. No corpus knows them, so their weights are given."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from moderation.domain.comment import UNSEEN, Comment, Visit
from moderation.features.normalize import MAX_LENGTH, canonical_text

_SCRIPTS: dict[str, tuple[str, str]] = {
    "cyrillic": ("\u0400-\u052f", "ru uk be bel bg sr mk kk kaz ky kir mn tg tt"),
    "greek": ("\u0370-\u03ff\u1f00-\u1fff", "el"),
    "hebrew": ("\u0590-\u05ff", "he iw yi"),
    "arabic": ("\u0600-\u077f\u08a0-\u08ff", "ar ary azb fa ur ps ckb sd snd ug"),
    "indic": ("\u0900-\u0dff", "hi mr ne sa bn as pa gu or ory ta te kn ml si"),
    "thai": ("\u0e00-\u0eff", "th lo"),
    "georgian": ("\u10a0-\u10ff", "ka"),
    "armenian": ("\u0530-\u058f", "hy"),
    "chinese": ("\u3400-\u9fff", "zh ja yue"),
    "kana": ("\u3040-\u30ff", "ja"),
    "hangul": ("\uac00-\ud7af\u1100-\u11ff", "ko"),
}
_LATIN = frozenset(
    """
    af ca cs cy da de en es et eu fi fr ga gl hr hu id is it lt lv ms mt nb nl nn no pl pt ro sk sl sq sv sw tl tr vi
    """.split()
)
_LETTERS = {name: re.compile(f"[{letters}]") for name, (letters, _) in _SCRIPTS.items()}
_AT_HOME = {name: frozenset(languages.split()) for name, (_, languages) in _SCRIPTS.items()}
_KNOWN = _LATIN.union(*_AT_HOME.values())
_ANY_OF_THEM = re.compile(f"[{''.join(letters for letters, _ in _SCRIPTS.values())}]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=[_-]|$)")
_FEWEST_LETTERS = 8
_HASTE = 3.0
"""Seconds from the first input to the sending of the form."""
_LONGEST_TAG = 100
_DELIBERATE = 60
"""Characters of text that nobody types within `_HASTE`, nor with a handful of keys."""


@dataclass(frozen=True, slots=True)
class GivenSignal:
    """A named fact whose `weight`, in logits, is set by hand. `measure` gives 0 to 1; 0 where nothing is known."""

    code: str
    sentence: str
    weight: float
    measure: Callable[[Comment, Visit], float]


def _trap_filled(_: Comment, visit: Visit) -> float:
    return float(visit.trap_filled is True)


def _no_script(_: Comment, visit: Visit) -> float:
    return float(visit.script_ran is False)


def _hasty(comment: Comment, visit: Visit) -> float:
    seconds = visit.seconds
    return float(seconds is not None and seconds < _HASTE and len(comment.text) > _DELIBERATE)


def _untyped(comment: Comment, visit: Visit) -> float:
    """Fewer than one key for ten characters: pasted, dictated, or filled in by a program."""
    presses = visit.key_presses
    return float(presses is not None and len(comment.text) > _DELIBERATE and 10 * presses < len(comment.text))


def _old_page(_: Comment, visit: Visit) -> float:
    days = visit.page_days
    return 0.0 if days is None else min(1.0, max(0.0, days / 365 - 0.5))


def _on_tag(comment: Comment, visit: Visit) -> float:
    """A tag of the page is said in the text. One that is not says nothing: tags are no titles."""
    text = canonical_text(comment.text) if visit.tags else ""
    tags = (canonical_text(tag[:_LONGEST_TAG]) for tag in visit.tags)
    return float(any(len(tag) > 3 and tag in text for tag in tags))


def _foreign_script(comment: Comment, _: Visit) -> float:
    """Mostly letters of a script that no language of the page is written in. Latin is at home everywhere.

    A language that is not known here may be written in any script.
    """
    text = comment.text[:MAX_LENGTH]
    if text.isascii() or not _ANY_OF_THEM.search(text):
        return 0.0
    languages = _languages(comment.lang)
    if not languages or not languages <= _KNOWN:
        return 0.0
    foreign = sum(len(_LETTERS[name].findall(text)) for name, home in _AT_HOME.items() if home.isdisjoint(languages))
    letters = sum(map(str.isalpha, text))
    return float(letters >= _FEWEST_LETTERS and foreign > letters / 2)


def _languages(named: str | None) -> set[str]:
    """`en_US` -> {"en"}, `en, fr_ca` -> {"en", "fr"}."""
    parts = (part.strip().lower() for part in (named or "")[:200].split(","))
    return {match[0] for part in parts if (match := _LANGUAGE.match(part))}


_TOLD_UNSEEN = (
    GivenSignal("FOREIGN_SCRIPT", "a script that the page's languages are not written in", 1.0, _foreign_script),
)
"""What needs no visit."""

GIVEN_SIGNALS: tuple[GivenSignal, ...] = (
    GivenSignal("TRAP_FILLED", "a field that people do not see was filled in", 5.0, _trap_filled),
    GivenSignal("NO_SCRIPT", "the form was sent without its script", 1.5, _no_script),
    GivenSignal("HASTY", "sent faster than anybody types", 1.0, _hasty),
    GivenSignal("UNTYPED", "hardly a key was pressed for the text", 0.5, _untyped),
    GivenSignal("ON_TAG", "a tag of the page said in the text", -0.5, _on_tag),
    GivenSignal("OLD_PAGE", "the page has long not been touched", 0.5, _old_page),
    *_TOLD_UNSEEN,
)
"""The weights are a judgement, not a fit: doubt is what they are for. docs/reasons.md says how they were checked."""


def given_shares(comment: Comment, visit: Visit) -> dict[str, float]:
    """What those of `GIVEN_SIGNALS` add to the logit that say anything, by their codes."""
    told = _TOLD_UNSEEN if visit is UNSEEN else GIVEN_SIGNALS
    return {signal.code: signal.weight * share for signal in told if (share := signal.measure(comment, visit))}
