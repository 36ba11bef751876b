"""Campaigns in a stream: spam that advertises one host or contact, or repeats one text."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_streams import Stream
from moderation.features.memory_keys import find_memory_keys, similarity
from moderation.features.parsed_comment import ParsedComment

MIN_MEMBERS = 10
MIN_SIMILARITY = 0.6
LABELS = 20
"""Labels that a site gives from the first member of a campaign on before the remaining ones are counted."""


def find_campaigns(stream: Stream) -> list[list[int]]:
    """Return the numbers of the members of each campaign, in order. A comment may belong to several.

    A text joins the first one that is similar enough to it, by the estimate of the memory's sketches.
    """
    members: dict[object, list[int]] = defaultdict(list)
    leaders: list[tuple[int, tuple[int, ...]]] = []
    for number in np.flatnonzero(stream.spam).tolist():
        parsed = ParsedComment(stream.comments[number])
        hosts = {link.host for link in parsed.external_links}
        for trait in hosts | {contact.value for contact in parsed.contacts}:
            members[trait].append(number)
        sketch = find_memory_keys(parsed).sketch
        if sketch:
            alike = (first for first, other in leaders if similarity(sketch, other) >= MIN_SIMILARITY)
            leader = next(alike, number)
            members[leader].append(number)
            if leader == number:
                leaders.append((number, sketch))
    return [numbers for numbers in members.values() if len(numbers) >= MIN_MEMBERS]


def remaining_members(campaigns: Sequence[Sequence[int]], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the members that came after `LABELS` labels since the first member of one of their campaigns.

    `labels` is the number of labels given before each comment.
    """
    late = {number for members in campaigns for number in members if labels[number] - labels[members[0]] >= LABELS}
    return np.array(sorted(late), dtype=np.int64)
