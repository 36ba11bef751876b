"""Parsing takes time in proportion to the length of a comment, so that no text keeps a worker busy."""

from time import process_time

import pytest

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.features.extraction import extract_features
from moderation.features.normalize import MAX_FIELD_LENGTH
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from tests.models import small_model

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
            "\u00ad",
            "a\u00ad",
            "ก\u0e31",
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


LONG = 500_000
MAX_SECONDS_PER_MB = 2.0
"""All fields together. The slowest kind takes a third of it: an address made of entities."""
MIN_SECONDS = 0.03
"""Below it, the fixed part of the work hides the growth."""


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            "1",
            "[",
            "<a ",
            "&amp;",
            "&#60;",
            "%41.",
            "a.",
            "e\u0301\u0323\u0336",
            "\u200b",
            "\u00ad",
            "a\u00ad",
            "ก\u0e31",
            "a\u200bb\u202e",
            "\ud800",
        ),
        *("[a](http://x.example)", '<a href="http://x.example/p">buy</a> ', "http://a.example/x ", "+1 (23) ", "\n \n"),
    ],
)
def test_work_grows_no_faster_than_the_comment(piece: str) -> None:
    """Doubling all fields of a comment, up to a megabyte each, at most about doubles its time."""
    half, whole = (min(_score_seconds(piece, length) for _ in range(2)) for length in (LONG, 2 * LONG))
    assert whole < MAX_SECONDS_PER_MB
    assert whole < 3 * max(half, MIN_SECONDS)


def _score_seconds(piece: str, length: int) -> float:
    """Return the processor time of a comment whose fields have `length` code points each."""
    comment = Comment(**dict.fromkeys(COMMENT_FIELDS, (piece * length)[:length]))
    started = process_time()
    score(small_model(), ParsedComment(comment), spans=True)
    return process_time() - started
