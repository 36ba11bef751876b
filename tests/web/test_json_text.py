"""JSON of answers: what orjson cannot write is written all the same."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.thresholds import Thresholds, Verdict
from moderation.web.json_text import LONE_SURROGATE, to_json

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


@given(st.text(st.characters()))
def test_any_text_is_valid_json(text: str) -> None:
    """With U+FFFD for half an emoji, beside values of every type that answers have."""
    body = {"text": text, "verdict": Verdict.SPAM, "at": AT, "thresholds": Thresholds(0.5, 0.9, 1.0), "label": None}
    assert json.loads(to_json(body)) == {
        "text": LONE_SURROGATE.sub("\ufffd", text),
        "verdict": "spam",
        "at": "2026-01-02T03:04:05.000006+00:00",
        "thresholds": {"review": 0.5, "spam": 0.9, "discard": 1.0},
        "label": None,
    }
