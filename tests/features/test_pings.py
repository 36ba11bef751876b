"""The markup of a trackback, pingback or webmention is its sender's protocol, and no evidence."""

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.domain.comment_types import MENTION_TYPES, PING_TYPES, REACTION_TYPES
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure, measure_all, signal_codes

PAGE = ("HEADLINE", "EXCERPT", "URL_PATH", "URL_QUERY")
TITLE = ("NAME_PHRASE", "NAME_DICTIONARY_WORDS")
"""Signals of the name, which is a page's title in a ping and a person's name in a webmention."""
PROTOCOL = {
    **dict.fromkeys(PING_TYPES, (*PAGE, *TITLE)),
    **dict.fromkeys(MENTION_TYPES, PAGE),
    **dict.fromkeys(REACTION_TYPES, (*PAGE, "LENGTH", "SHORT", "WORD_VARIETY")),
}
ALL_NAMED = {*PAGE, *TITLE, "LENGTH", "SHORT", "WORD_VARIETY"}
TRACKBACK = Comment(
    "<strong>Lime plaster</strong>\n\nThe mix that Ed describes [...]",
    author="notes from a half timbered house",
    url="https://half-timbered.example/2026/03/lime-plaster?p=3",
)


@pytest.mark.parametrize("kind", sorted(PROTOCOL))
def test_the_protocol_is_no_evidence(kind: str) -> None:
    """Its signals are unknown in a linkback and measured in a comment; all others are measured alike."""
    ping = Comment(TRACKBACK.text, author=TRACKBACK.author, url=TRACKBACK.url, type=kind)
    as_ping, as_comment = (
        dict(zip(signal_codes(), measure(ParsedComment(comment)), strict=True)) for comment in (ping, TRACKBACK)
    )
    assert all(as_comment[code] for code in ALL_NAMED)
    assert {code for code in ALL_NAMED if np.isnan(as_ping[code])} == set(PROTOCOL[kind])
    assert all(np.isnan(value) or value == as_comment[code] for code, value in as_ping.items())
    assert {"NAME_COMMERCE", "URL_COMMERCE", "URL_CHEAP_TLD"} <= {
        code for code, value in as_ping.items() if not np.isnan(value)
    }


def test_a_batch_has_the_same_values() -> None:
    """Linkbacks and comments are mixed in one."""
    kinds = ("pingback", None, "trackback", "like", "mention", "comment")
    comments = [Comment(TRACKBACK.text, author=TRACKBACK.author, url=TRACKBACK.url, type=kind) for kind in kinds]
    parsed = list(map(ParsedComment, comments))
    np.testing.assert_array_equal(measure_all(parsed), np.array([measure(one) for one in parsed]))
