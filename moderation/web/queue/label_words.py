"""Sentences about labels: who gave one, and why it is worth a second look."""

import math
from typing import NamedTuple

from markupsafe import Markup

from moderation.domain.decision import Label, LabelValue
from moderation.domain.queue import Finding, ListedComment
from moderation.web.queue.space import Room


class SecondLookView(NamedTuple):
    """The sentences that ask for a second look; `other` is the id of a near-duplicate, empty without one."""

    sentences: str
    other: str
    other_label: Markup


def label_summary(label: Label | None, moderator_name: str) -> str:
    """Return who decided what and when; empty without a label."""
    if label is None:
        return ""
    done = {"forget": "took the decision back", "remove": "removed it"}.get(label.verb, f"called it {label.verb}")
    return f"{_labelled_by(label, moderator_name)} {done} on {label.created_at:%d %b %Y}"


def describe_finding(finding: Finding, label: Label | None) -> str:
    """Return why a comment with this label is worth a second look."""
    probability = None if finding.probability is None else percent(finding.probability)
    if label is None or label.value is None:
        return f"Imported as published, but the model gave it {probability} spam. It counts as ham until you decide."
    other = LabelValue.HAM if label.value is LabelValue.SPAM else LabelValue.SPAM
    sentences = []
    if finding.contradictions == 1:
        sentences.append(f"A near-duplicate has the label {other}.")
    elif finding.contradictions:
        sentences.append(f"{finding.contradictions:,} near-duplicates have the label {other}.")
    if probability is not None:
        sentences.append(f"A model of the site’s other labels gives it {probability} spam.")
    return " ".join(sentences)


def second_look_view(item: ListedComment, moderator_name: str, room: Room) -> SecondLookView | None:
    """Return the view of a comment's finding; `None` without one."""
    if item.finding is None:
        return None
    other = item.finding.near_duplicate
    other_label = room.field(label_summary(other.label if other else None, moderator_name))
    return SecondLookView(describe_finding(item.finding, item.label), other.id if other else "", other_label)


def percent(probability: float) -> str:
    """Return a probability as `89 %`, rounded down, with a decimal near 0 and 1 so that neither is reached."""
    if 0.01 <= probability < 0.99:
        return f"{math.floor(100 * probability)} %"
    return f"{math.floor(1000 * probability) / 10:g} %"


def _labelled_by(label: Label, moderator_name: str) -> str:
    if label.channel in {"queue", "cli"}:
        return "you" if label.labelled_by == moderator_name else label.labelled_by
    return "an imported file" if label.channel in {"import", "history"} else "the blog"
