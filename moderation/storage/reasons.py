"""Reasons as compact JSON: `[[code, weight, detail?, [[field, start, end], …]?], …]`, empty ends left out."""

import json
from collections.abc import Sequence

from moderation.domain.judgement import Reason, Span


def pack(reasons: tuple[Reason, ...]) -> str:
    """The reasons in ASCII: a hostile character in a detail is escaped, so every database takes it."""
    return json.dumps([_packed(reason) for reason in reasons], separators=(",", ":"))


def unpack(stored: str) -> tuple[Reason, ...]:
    """The very reasons that were packed."""
    return tuple(_unpacked(*entry) for entry in json.loads(stored))


def _packed(reason: Reason) -> list[object]:
    if reason.spans:
        spans = [[span.field, span.start, span.end] for span in reason.spans]
        return [reason.code, reason.weight, reason.detail, spans]
    return [reason.code, reason.weight, reason.detail] if reason.detail else [reason.code, reason.weight]


def _unpacked(code: str, weight: float, detail: str = "", spans: Sequence[tuple[str, int, int]] = ()) -> Reason:
    return Reason(code, weight, detail, tuple(Span(*span) for span in spans))
