"""The forms of the queue: a verb on comments, and the page to which the moderator returns."""

import re

from flask import flash, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, Unauthorized
from werkzeug.wrappers import Response

from moderation.actions import moderating
from moderation.actions import undo as undoing
from moderation.actions.moderating import ActResult
from moderation.actions.undo import UndoResult
from moderation.domain.decision import Moderator
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.invisible import quoted
from moderation.domain.queue import UNDO_TIME, ListedComment, SeenComment, Verb
from moderation.domain.thresholds import Verdict
from moderation.web.queue.auth import current_moderator
from moderation.web.queue.effects import describe_effect
from moderation.web.queue.own_paths import own_path
from moderation.web.requests import services

UNDOABLE = "undoable-"
"""Category of the message about an act, followed by its number: the message then offers to undo it."""
ACTS_PAGE_SIZE = 50
MAX_NUMBER = 2**31 - 1
"""The largest row id that every database takes."""
NOTHING_CHOSEN = "Nothing changed: choose a comment first."
MAX_REFUSALS_NAMED = 3

_DECISION_ID = re.compile("[0-9a-f]{1,40}")

_SENTENCES = {
    Verb.HAM: "{} is ham: the label is stored.",
    Verb.SPAM: "{} is spam: the label is stored.",
    Verb.REMOVE: "{} is removed, and nothing is learnt from it.",
    Verb.FORGET: "The decision on {} is taken back.",
    Verb.SKIP: "{} is skipped: it waits under “Skipped too”.",
    Verb.KEEP: "{} stays as it is, and nothing is learnt.",
    Verb.TRUST: "The author of {} is trusted; the comment stays as it is.",
    Verb.BLOCK: "The author of {} is blocked; the comment stays as it is.",
}
_PHRASES = {
    Verb.HAM: "ham",
    Verb.SPAM: "spam",
    Verb.REMOVE: "removed",
    Verb.FORGET: "decision taken back",
    Verb.SKIP: "skipped",
    Verb.KEEP: "kept after a second look",
    Verb.TRUST: "author trusted",
    Verb.BLOCK: "author blocked",
}
_AFTER_AUDIT = {
    **dict.fromkeys(
        [(Verdict.SPAM, Verb.HAM), (Verdict.DISCARD, Verb.HAM)],
        "The filter had blocked it: publish it at its blog, if it is still there.",
    ),
    (Verdict.PUBLISH, Verb.SPAM): "The filter had let it through: remove it at its blog.",
}
"""Sentences about audit items, by verdict and decision: the blog goes on by its own answer until a person acts."""


def act() -> Response:
    """Carry out a verb on the comments `id`, report it, and redirect to the page `back`.

    With `all`, the comments are those of `page`, separated by spaces. A script that accepts JSON gets the number of the
    act and the sentences. Raises `Conflict` for it if nothing changed.
    """
    if request.form.get("verb", "") not in tuple(Verb):
        raise BadRequest("The verb must be ham, spam, remove, forget, skip, keep, trust or block.")
    named = request.form.get("page", "").split() if request.form.get("all") == "1" else request.form.getlist("id")
    seen = list({each.id: each for each in map(SeenComment.parse, named)}.values())
    result = moderating.act(services(), seen, Verb(request.form["verb"]), acting_moderator())
    refusals = describe_refusals(result)
    if not result.changed and wants_json():
        raise Conflict(" ".join(refusals) or NOTHING_CHOSEN)
    for sentence in refusals if seen else [NOTHING_CHOSEN]:
        flash(sentence, "warning")
    return report(describe_act(result) if result.changed else "", result.act_id, result.verb)


def undo() -> Response:
    """Undo the act `act`, report it, and redirect to the page `back`."""
    number = parse_number(request.form.get("act", ""))
    if number is None:
        raise BadRequest("The act must be a number.")
    try:
        result = undoing.undo(services(), number, acting_moderator())
    except (Conflict, NotFound) as error:
        if wants_json():
            raise
        flash(f"Nothing changed: {error}", "warning")
        return redirect(return_url(), 303)
    return report(describe_undo(result))


def show_acts() -> str:
    """Render a page of acts, newest first, each with a button to undo it. `after` is the number of the last one."""
    before = parse_number(request.args.get("after", ""))
    acts, now = undoing.list_acts(services(), before=before, limit=ACTS_PAGE_SIZE + 1), services().clock()
    return render_template(
        "queue/acts.html",
        told=undoing.told_acts(services(), acts),
        acts=[(act, describe_verb(act.verb, act.number), now - act.at <= UNDO_TIME) for act in acts[:ACTS_PAGE_SIZE]],
        older=acts[ACTS_PAGE_SIZE - 1].id if len(acts) > ACTS_PAGE_SIZE else None,
        days=UNDO_TIME.days,
    )


def parse_number(text: str) -> int | None:
    """Return a number from a query or form, at most `MAX_NUMBER`; `None` for any other text."""
    return min(int(text[:20]), MAX_NUMBER) if text.isascii() and text.isdecimal() else None


def return_url(verb: Verb | None = None) -> str:
    """Return the address of the page from which a form came, and in it of the next comment.

    A browser scrolls to it and reads on from there, so that it takes the place of the one before, also without script.
    """
    back = own_path(request.form.get("back", ""))
    # The comment stays where it is if only its author was judged.
    name = "id" if verb in (Verb.TRUST, Verb.BLOCK) else "next"
    next_id = SeenComment.parse(request.form.get(name, "")).id
    place = f"#c-{next_id}" if _DECISION_ID.fullmatch(next_id) else ""
    return (request.script_root + back if back else url_for("queue.held")) + place


def describe_act(result: ActResult) -> str:
    """Return a sentence on the changed comments, and on the work that remains at a blog."""
    if len(result.changed) == 1:
        (comment,) = result.changed
        effect: str = describe_effect(comment, result.verb) or ""
        if comment.is_audit:
            by_hand = _AFTER_AUDIT.get((comment.decision.verdict, result.verb), "")
            effect = f"{by_hand.partition(':')[0]}. {effect}" if by_hand and comment.can_be_told else by_hand
        sentence = " ".join(filter(None, (_SENTENCES[result.verb].format(_name(comment)), effect)))
    else:
        sentence = describe_verb(result.verb, len(result.changed))
    return sentence[0].upper() + sentence[1:]


def describe_verb(verb: Verb, number: int) -> str:
    """Return a phrase on an act such as `12 comments: spam`."""
    return f"{number:,} {'comment' if number == 1 else 'comments'}: {_PHRASES[verb]}"


def describe_undo(result: UndoResult) -> str:
    """Return a sentence on the restored comments, with the names of people whose later decisions stay."""
    number, names = result.restored, ", ".join(result.decided_since[:MAX_REFUSALS_NAMED])
    what = "author" if result.act.verb in (Verb.TRUST, Verb.BLOCK) else "comment"
    sentences = [f"Undone: {number:,} {what + ' is' if number == 1 else what + 's are'} as before."]
    if result.was_told:
        sentences.append("A blog that had confirmed it is now asked for the opposite.")
    if names:
        sentences.append(f"Later decisions stay, by {names}.")
    return " ".join(sentences)


def describe_refusals(result: ActResult) -> list[str]:
    """Return why comments were left as they were."""
    sentences = [f"Nothing changed: {refusal.problem}" for refusal in result.refused[:MAX_REFUSALS_NAMED]]
    others = len(result.refused) - len(sentences)
    return [*sentences, *([f"{others:,} more comments did not change."] if others else [])]


def report(sentence: str, act_id: int | None = None, verb: Verb | None = None) -> Response:
    """Return the answer to a form: a sentence, with the number of the act if it can be undone."""
    if wants_json():
        return jsonify({"act": act_id, "message": sentence})
    if sentence:
        flash(sentence, f"{UNDOABLE}{act_id}" if act_id is not None else "success")
    return redirect(return_url(verb), 303)


def acting_moderator() -> Moderator:
    """Return the moderator who is signed in. Raises `Unauthorized` without a session."""
    moderator = current_moderator()
    if moderator is None:
        raise Unauthorized("Sign in first.")
    return moderator


def wants_json() -> bool:
    """Return whether a script asks for a program's answer in place of a page."""
    return request.accept_mimetypes.best == "application/json"


def _name(comment: ListedComment) -> str:
    author = comment.decision.comment.author
    return f"the comment by “{quoted(author)}”" if author else "the comment"
