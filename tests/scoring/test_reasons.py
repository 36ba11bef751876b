"""Descriptions of reasons, and phrases that stand for words."""

import re
from pathlib import Path

from moderation.features.signals.submission import RULE_SIGNALS
from moderation.scoring.reasons import DESCRIPTIONS

PAGE = Path(__file__).parents[2] / "docs" / "reasons.md"


def test_every_reason_is_documented() -> None:
    """docs/reasons.md has each code with its description in the order of the code, and no other."""
    weights = {signal.code: f" {signal.weight:+.1f} |" for signal in RULE_SIGNALS}
    rows = [f"| `{code}` | {text} |{weights.get(code, '')}" for code, text in DESCRIPTIONS.items()]
    assert re.findall(r"^\| `.*$", PAGE.read_text("utf-8"), re.MULTILINE) == rows
