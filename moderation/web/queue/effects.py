"""The state of a comment at its blog, and the effect of a decision there, in words."""

from datetime import datetime
from enum import StrEnum

from moderation.domain.decision import LabelValue
from moderation.domain.queue import CallbackState, ListedComment, Verb
from moderation.domain.site import ReviewAction
from moderation.domain.thresholds import Verdict

_CHANGED_MEANWHILE = "WordPress leaves a comment alone that was changed there meanwhile."
"""The plugin moves a comment only if it was the last to touch it, and confirms the call in either case."""
_AT_BLOG = {
    Verdict.PUBLISH: "Public, unless its blog holds it by its own rules.",
    Verdict.SPAM: "In its blog’s spam folder, unless the blog deletes spam.",
    Verdict.DISCARD: "Its blog did not keep it.",
}
_ASKED_ITSELF = "Its blog asked through /v1 and decides itself."
_AT_CORAL = {
    Verdict.PUBLISH: "Public, unless Coral holds it by its own rules.",
    Verdict.REVIEW: "In Coral’s list of pending comments, unless a person has decided there.",
    Verdict.SPAM: "In Coral’s list of rejected comments, unless a person has decided there.",
    Verdict.DISCARD: "In Coral’s list of rejected comments, unless a person has decided there.",
}
_IMPORTED = "It came with an import, so what its blog does with it is not known here."
_GOES = {LabelValue.HAM: "publish it", LabelValue.SPAM: "move it to spam"}


class Effect(StrEnum):
    """The sentences on what a decision does at the blog."""

    PUBLISHES_HELD = f"In ten seconds its blog is asked to {_GOES[LabelValue.HAM]}."
    MOVES_HELD = f"In ten seconds its blog is asked to {_GOES[LabelValue.SPAM]}."
    PUBLISHES = f"{PUBLISHES_HELD} {_CHANGED_MEANWHILE}"
    MOVES = f"{MOVES_HELD} {_CHANGED_MEANWHILE}"
    GONE = _AT_BLOG[Verdict.DISCARD]
    ASKED_ITSELF = "Its blog asked through /v1, so change the comment there."
    FROM_CORAL = "Coral is not called, so change the comment there."
    NO_ADDRESS = "Its blog gave no address for an answer, so change the comment there."
    IMPORTED = "It came with an import, so change the comment at its blog."
    NOTHING = "Nothing changes at its blog."

    @property
    def short(self) -> str:
        """The effect in a few words: twenty comments have sixty buttons."""
        if self in (Effect.PUBLISHES, Effect.PUBLISHES_HELD):
            return "Its blog is asked to publish it."
        if self in (Effect.MOVES, Effect.MOVES_HELD):
            return "Its blog is asked to move it."
        return "Nothing changes at its blog."


def describe_state(comment: ListedComment, now: datetime) -> str:
    """Return where a comment is, and what became of the call to its blog.

    Empty for an audit item, whose verdict must not show, and for a comment that its blog holds until a decision.
    """
    if comment.is_audit:
        return ""
    if not comment.is_judged:
        return _IMPORTED
    callback = comment.callback
    if callback is not None and callback.result is not None:
        return _describe_call(callback, callback.result, now)
    if callback is not None and callback.publishes_at is not None:
        return ""
    if callback is not None and callback.told is not None:
        return f"Its blog was asked to {_GOES[callback.told]} before. {_CHANGED_MEANWHILE}"
    if comment.channel == "coral":
        return _AT_CORAL[comment.decision.verdict]
    return _ASKED_ITSELF if comment.channel != "akismet" else _AT_BLOG[_answer(comment)]


def describe_effects(comment: ListedComment) -> dict[str, Effect]:
    """Return what each deciding verb does at the blog. Empty for an audit item, whose verdict must not show."""
    verbs = () if comment.is_audit else (Verb.HAM, Verb.SPAM, Verb.REMOVE)
    return {verb.value: describe_effect(comment, verb) or Effect.NOTHING for verb in verbs}


def describe_effect(comment: ListedComment, verb: Verb) -> Effect | None:
    """Return what follows at the blog from a label or a removal; `None` if nothing does."""
    if verb not in (Verb.HAM, Verb.SPAM, Verb.REMOVE):
        return None
    wanted = LabelValue.HAM if verb is Verb.HAM else LabelValue.SPAM
    if not comment.is_judged:
        return Effect.IMPORTED
    if comment.callback is not None and comment.callback.publishes_at is not None:
        return Effect.PUBLISHES_HELD if wanted is LabelValue.HAM else Effect.MOVES_HELD
    if _is_there(comment, wanted):
        return None
    if comment.channel != "akismet":
        return Effect.FROM_CORAL if comment.channel == "coral" else Effect.ASKED_ITSELF
    if _moved_to(comment) is None and comment.decision.verdict is Verdict.DISCARD:
        return Effect.GONE
    if not comment.can_be_told:
        return Effect.NO_ADDRESS
    return Effect.PUBLISHES if wanted is LabelValue.HAM else Effect.MOVES


def _is_there(comment: ListedComment, wanted: LabelValue) -> bool:
    """Return whether a blog that does not hold a comment has it where an answer would move it."""
    moved_to = _moved_to(comment)
    if moved_to is not None:
        return moved_to is wanted
    if comment.channel != "akismet" and comment.decision.verdict is Verdict.REVIEW:
        return False
    return (_answer(comment) is Verdict.PUBLISH) == (wanted is LabelValue.HAM)


def _answer(comment: ListedComment) -> Verdict:
    """Return the verdict by which a blog that holds nothing has acted."""
    verdict = comment.decision.verdict
    if verdict is not Verdict.REVIEW:
        return verdict
    return Verdict.PUBLISH if comment.review_action is ReviewAction.PUBLISH else Verdict.SPAM


def _moved_to(comment: ListedComment) -> LabelValue | None:
    """Return the last answer that a blog was asked or is being asked to carry out."""
    return comment.callback and (comment.callback.result or comment.callback.told)


def _describe_call(callback: CallbackState, result: LabelValue, now: datetime) -> str:
    asked = _GOES[result]
    if callback.delivered_at is not None:
        return f"Its blog was asked to {asked} on {callback.delivered_at:%d %b %Y, %H:%M UTC}. {_CHANGED_MEANWHILE}"
    if callback.next_attempt_at is None:
        return f"Its blog could not be asked to {asked}: {callback.last_error or 'it did not answer'}"
    if callback.last_error:
        return f"Its blog is asked again to {asked}, as it did not confirm: {callback.last_error}"
    waits = callback.next_attempt_at > now
    return f"Its blog is asked to {asked}{' in a few seconds' if waits else ' now'}. {_CHANGED_MEANWHILE}"
