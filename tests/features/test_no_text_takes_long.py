"""Reading takes time in proportion to what is read: no text, however it is made, keeps a worker busy."""

from time import process_time

import pytest

from moderation.domain.comment import Comment
from moderation.features.evidence import gather_evidence
from moderation.features.normalize import MAX_LENGTH

UNENDING = 2.0
"""Seconds. What is read in proportion takes less than a tenth of that, what is not took ten or more."""


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "\\",
            "[url=",
            "[url=a]",
            "[url]http://",
            '<a href="',
            "<a ",
            "href=",
            "href=a ",
            "a",
            "&#",
            "&amp;",
            "[a](http://",
            "a.",
            "a@",
        ),
        *(
            "\u0301аa",
            "аa",
            "\u200b",
            "😀",
            "1 ",
            "(1",
            " ",
            "\n ",
            "my site ",
            "<strong>a</strong>\n",
            "[...]",
            "-",
            "://",
        ),
    ],
)
@pytest.mark.parametrize("start", ["", "<a ", "<a href="])
def test_repetition_is_read_in_proportion(piece: str, start: str) -> None:
    """Every construct that a pattern looks for, repeated without an end, by itself and inside an open tag."""
    text = (start + piece * MAX_LENGTH)[:MAX_LENGTH]
    started = process_time()
    gather_evidence(Comment(text, author=text[:200], url=f"http://{text[:2000]}", context=text[:500]))
    assert process_time() - started < UNENDING
