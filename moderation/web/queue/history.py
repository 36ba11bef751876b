"""The history of a comment in plain sentences: the answers to its blog, and the decisions of people."""

from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from moderation.actions.review import History
from moderation.domain.decision import LogEntry
from moderation.domain.thresholds import Verdict
from moderation.web.queue.highlight import excerpt
from moderation.web.queue.label_words import label_summary

_MAX_SENTENCE_BYTES = 300
_ANSWERS = {
    Verdict.PUBLISH: "The blog was told to publish it",
    Verdict.REVIEW: "It was held for a person",
    Verdict.SPAM: "The blog was told that it is spam",
    Verdict.DISCARD: "The blog was told to discard it",
}


class Event(NamedTuple):
    """Something that happened to a comment, in a sentence without its time."""

    at: datetime
    sentence: Markup


def describe_history(history: History, moderator_name: str) -> list[Event]:
    """Return the events of a history, newest first, for the moderator called `moderator_name`."""
    labels = [
        Event(entry.undone_at or entry.label.created_at, _label_sentence(entry, moderator_name))
        for entry in history.labels
    ]
    answers = [Event(at, Markup.escape(_ANSWERS[verdict])) for at, verdict in history.verdicts]
    return sorted([*labels, *answers], key=lambda event: event.at, reverse=True)


def _label_sentence(entry: LogEntry, moderator_name: str) -> Markup:
    if entry.undone_by is not None:
        who = "You" if entry.undone_by == moderator_name else entry.undone_by
        summary = label_summary(entry.label, moderator_name) if entry.label.verb != "forget" else "it has no label"
        return excerpt(f"{who} undid a decision: as before, {summary}", _MAX_SENTENCE_BYTES)
    summary = label_summary(entry.label, moderator_name)
    reason = f": “{entry.label.reason}”" if entry.label.reason else ""
    return excerpt(summary[0].upper() + summary[1:] + reason, _MAX_SENTENCE_BYTES)
