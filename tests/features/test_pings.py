"""The markup of a trackback or pingback is its sender's protocol, and no evidence."""

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure, measure_all, signal_codes

PROTOCOL = ("HEADLINE", "EXCERPT", "NAME_PHRASE", "NAME_DICTIONARY_WORDS", "URL_PATH", "URL_QUERY")
TRACKBACK = Comment(
    "<strong>Lime plaster</strong>\n\nThe mix that Ed describes [...]",
    author="notes from a half timbered house",
    url="https://half-timbered.example/2026/03/lime-plaster?p=3",
)


@pytest.mark.parametrize("kind", ["trackback", "pingback"])
def test_the_protocol_is_no_evidence(kind: str) -> None:
    """Its signals are unknown in a ping and measured in a comment; all others are measured alike."""
    ping = Comment(TRACKBACK.text, author=TRACKBACK.author, url=TRACKBACK.url, type=kind)
    as_ping, as_comment = (
        dict(zip(signal_codes(), measure(ParsedComment(comment)), strict=True)) for comment in (ping, TRACKBACK)
    )
    assert all(np.isnan(as_ping[code]) and as_comment[code] > 0 for code in PROTOCOL)
    assert all(np.isnan(value) or value == as_comment[code] for code, value in as_ping.items())
    assert {"NAME_COMMERCE", "URL_COMMERCE", "URL_CHEAP_TLD"} <= {
        code for code, value in as_ping.items() if not np.isnan(value)
    }


def test_a_batch_has_the_same_values() -> None:
    """Pings and comments are mixed in one."""
    comments = [Comment(TRACKBACK.text, author=TRACKBACK.author, type=kind) for kind in ("pingback", None, "trackback")]
    parsed = list(map(ParsedComment, comments))
    np.testing.assert_array_equal(measure_all(parsed), np.array([measure(one) for one in parsed]))
