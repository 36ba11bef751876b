"""A neighbour as the queue shows it: what was said of a comment like this one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from moderation.domain.judgement import Label, LabelValue, Neighbour
from moderation.web.queue.visible import visible

MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Recalled:
    """One neighbour in plain words. `side` is `spam` or `ham`; `text` is how the comment begins, made safe."""

    side: str
    alike: str
    said: str
    text: Markup


@dataclass(frozen=True, slots=True)
class Recall:
    """What is recalled of the comments most like one; `told` sums it up."""

    told: str
    neighbours: tuple[Recalled, ...]


def recall(found: Sequence[Neighbour], reader: str) -> Recall | None:
    """The first `MOST_SHOWN` of the neighbours, told to the moderator called `reader`; `None` where there are none."""
    shown = found[:MOST_SHOWN]
    if not shown:
        return None
    counts = Counter(_value(one.label) for one in shown)
    values = ", ".join(f"{number} {value}" for value, number in counts.items())
    told = f"Like {len(shown)} labelled {'comment' if len(shown) == 1 else 'comments'}: {values}"
    return Recall(told, tuple(_recalled(one, reader) for one in shown))


def _recalled(one: Neighbour, reader: str) -> Recalled:
    said = f"{_who(one.label, reader)} called it {_value(one.label)} on {one.label.given_at:%d %b %Y}"
    return Recalled(_value(one.label), f"{one.alike:.0%}", said, visible(one.text))


def _who(label: Label, reader: str) -> str:
    if label.source == "queue":
        return "you" if label.who == reader else label.who
    return "an imported file" if label.source == "import" else "the blog"


def _value(label: Label) -> str:
    return (label.value or LabelValue.HAM).value
