"""Parsing takes time in proportion to the length of a comment, so that no text keeps a worker busy."""

from time import process_time

import pytest

from moderation.domain.comment import Comment
from moderation.features.extraction import extract_features
from moderation.features.normalize import MAX_FIELD_LENGTH
from moderation.features.parsed_comment import ParsedComment

MAX_SECONDS = 2.0
"""Linear patterns take less than a tenth of it, quadratic ones took ten or more seconds."""


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
def test_repetition_takes_linear_time(piece: str, start: str) -> None:
    """Constructs that patterns search for are repeated up to the limit, alone and inside an open tag."""
    text = (start + piece * MAX_FIELD_LENGTH)[:MAX_FIELD_LENGTH]
    started = process_time()
    extract_features(ParsedComment(Comment(text, author=text[:200], url=f"http://{text[:2000]}", context=text[:500])))
    assert process_time() - started < MAX_SECONDS
