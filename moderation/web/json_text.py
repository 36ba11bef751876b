"""JSON of plain values, enumerations, dataclasses and times, by orjson."""

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half an emoji, cut by a client. UTF-8 has no form for it."""


def to_json(value: object) -> bytes:
    """Return a value as compact JSON in UTF-8, with U+FFFD for each lone surrogate in its texts."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
        return LONE_SURROGATE.sub("\ufffd", text).encode()


def _plain(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else asdict(value)
