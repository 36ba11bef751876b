"""Several people at one comment: notes as hostile text of bounded size, their form, and who decides in words."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from flask import flash, jsonify, redirect, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from moderation.actions import teamwork
from moderation.actions.callbacks import GRACE
from moderation.actions.review import read_comment
from moderation.domain.decision import QUEUE_CHANNEL
from moderation.domain.errors import Conflict, InvalidInput, NotFound
from moderation.domain.invisible import quoted
from moderation.domain.queue import ListedComment, Note, SeenComment, Teamwork
from moderation.web.queue.forms import acting_moderator, return_url, wants_json
from moderation.web.queue.highlight import excerpt
from moderation.web.queue.space import Listing, Room, Space
from moderation.web.requests import services

_SPACE_OF_NOTES = Space(text=0, lists=12_000, field=0, compressed=0)
_MAX_HEAD_BYTES = 200
_MAX_REMARK_BYTES = 300
_MAX_NOTE_BYTES = 6_000


_MAX_DECIDING_NAMED = 3


class RemarkView(NamedTuple):
    """A note: who wrote it and when, or asks whom for a second opinion; and its text, which may be empty.

    `is_request` is true for a request in force.
    """

    head: Markup
    text: Markup
    is_request: bool


def write_note() -> Response:
    """Store the note `text` on the comment `id`, and redirect to the page `back`. With `ask`, it asks `asked`.

    A script that accepts JSON gets the sentence about it, and the remark as the comment then has it.
    """
    asked = request.form.get("asked", "") if "ask" in request.form else None
    moderator, decision_id = acting_moderator(), request.form.get("id", "")
    try:
        note = teamwork.write_note(services(), decision_id, request.form.get("text", ""), moderator, asked=asked)
    except (Conflict, InvalidInput, NotFound) as error:
        if wants_json():
            raise
        flash(f"Nothing changed: {error}", "warning")
        return redirect(return_url(), 303)
    sentence = "The note is stored." if asked is None else "The comment waits for a second opinion."
    if wants_json():
        remark = f"{_head(note, moderator.name, in_force=True)}: “{note.text}”"
        return jsonify({"message": sentence, "remark": remark})
    flash(sentence, "success")
    return redirect(return_url(), 303)


def open_comment() -> Response:
    """Store that the moderator has the comment `id` open, or with `left` none, and return a sentence on the others.

    Raises `NotFound`.
    """
    moderator, seen = acting_moderator(), SeenComment.parse(request.form.get("id", ""))
    if "left" in request.form:
        teamwork.close_comment(services(), moderator)
        return jsonify({"message": ""})
    comment = read_comment(services(), seen.id).comment
    teamwork.open_comment(services(), comment, moderator)
    ((*_, deciding),) = teamwork.read_teamwork(services(), [comment], moderator)
    return jsonify({"message": describe_presence(comment, deciding, seen, moderator.name, services().clock())})


def describe_presence(
    comment: ListedComment, deciding: Sequence[str], seen: SeenComment, moderator_name: str, now: datetime
) -> str:
    """Return who else has just decided a comment or has it open; empty if no other person has.

    A decision counts for `GRACE`, and after it on a page that still shows the label before.
    """
    label = comment.label
    is_new = label is not None and now - label.created_at <= GRACE
    if label and label.labelled_by != moderator_name and (is_new or seen.label_id not in (None, comment.label_id)):
        who = quoted(label.labelled_by) if label.channel == QUEUE_CHANNEL else "Somebody outside the queue"
        done = "removed this" if label.removes else f"decided this as {label.verb}"
        return f"{who} {done}{' a moment ago' if is_new else ''}."
    if not deciding:
        return ""
    *others, last = deciding[:_MAX_DECIDING_NAMED]
    names = f"{', '.join(others)} and {last}" if others else last
    return f"{names} {'are' if others else 'is'} deciding this."


def remark_views(traces: Teamwork, moderator_name: str) -> list[RemarkView]:
    """Return the request in force and the newest note of a comment, as a card shows them."""
    remarks = [_remark_view(traces.request, moderator_name, in_force=True)] if traces.request else []
    if traces.newest and traces.newest != traces.request:
        view = _remark_view(traces.newest, moderator_name, in_force=False)
        number = f" (the newest of {traces.notes} notes)" if traces.notes > 1 else ""
        remarks.append(view._replace(head=view.head + number))
    return remarks


def notes_views(written: Sequence[Note], number: int, moderator_name: str) -> Listing[RemarkView]:
    """Return the notes that fit on the page of a comment, newest first, and the number of the others."""
    view = partial(_remark_view, moderator_name=moderator_name, in_force=False, max_bytes=_MAX_NOTE_BYTES)
    return Room(_SPACE_OF_NOTES).listing(view, written, number)


def _remark_view(note: Note, moderator_name: str, *, in_force: bool, max_bytes: int = _MAX_REMARK_BYTES) -> RemarkView:
    head = excerpt(_head(note, moderator_name, in_force=in_force), _MAX_HEAD_BYTES)
    return RemarkView(head, excerpt(note.text, max_bytes), in_force)


def _head(note: Note, moderator_name: str, *, in_force: bool) -> str:
    """Return who wrote a note and when, or who asks whom for a second opinion; in the past tense unless `in_force`."""
    is_own = note.written_by == moderator_name
    who, when = "You" if is_own else note.written_by, f"{note.written_at:%d %b %Y, %H:%M UTC}"
    if note.asked is None:
        return f"Note by {'you' if is_own else who}, {when}"
    verb = "asked" if not in_force else "ask" if is_own else "asks"
    whom = "you" if note.asked == moderator_name else note.asked or "anybody"
    return f"{who} {verb} {whom} for a second opinion, {when}"
