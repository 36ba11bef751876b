"""Rows of files as comments: the label, the site and the weight of a row, and the fields that its site fills."""

from collections.abc import Collection, Mapping
from typing import Any

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidInput
from moderation.domain.urls import normalize_url
from moderation.training.rows import Row

_MAX_WEIGHT = 1e6


class UnknownLabel(ValueError):
    """A label that no word of the map matches."""


def parse_comment(row: Row) -> Comment:
    """Return the comment of a row. Raises `ValueError` with a sentence if the row holds none."""
    if row.error:
        raise ValueError(row.error)
    values: dict[str, Any] = {name: row.values.get(name) for name in COMMENT_FIELDS}
    for name, value in values.items():
        if not (isinstance(value, str) or (value is None and name != "text")):
            raise ValueError(f"{name} is missing" if value is None else f"{name} is not text")
    values["text"] = values["text"].removesuffix("\ufeff")
    return Comment(**values)


def parse_label(row: Row, words: Mapping[str, LabelValue | None]) -> LabelValue | None:
    """Return the meaning of the label word of a row. Raises `UnknownLabel` if the map lacks the word."""
    value = row.values.get("label")
    word = "" if value is None else str(value).strip().lower()
    if word not in words:
        raise UnknownLabel("label is missing" if not word else f"label is not one of {', '.join(words)}")
    return words[word]


def parse_site(row: Row) -> str:
    """Return the address of the site of a row, empty if it names none. Raises `ValueError` if it is malformed."""
    url = row.values.get("site")
    try:
        return "" if url in (None, "") else normalize_url(str(url))
    except InvalidInput:
        raise ValueError("site is no address such as https://blog.example") from None


def parse_weight(row: Row) -> float:
    """Return the number of comments for which a row stands. Raises `ValueError` if it is none."""
    value = row.values.get("weight")
    try:
        weight = 1.0 if value in (None, "") else float(str(value))
    except ValueError:
        weight = 0.0
    if not 0.0 < weight <= _MAX_WEIGHT:
        raise ValueError(f"weight is no number above 0 and up to {_MAX_WEIGHT:,.0f}")
    return weight


def site_key(row: Row) -> str:
    """Return the site of a row. A malformed address stays as it is, because judging needs no site."""
    try:
        return parse_site(row)
    except ValueError:
        return str(row.values["site"])


def note_filled_fields(filled: dict[str, set[str]], site: str, comment: Comment) -> None:
    """Add the fields that a comment fills to those of its site."""
    filled.setdefault(site, {"text"}).update(name for name in COMMENT_FIELDS if getattr(comment, name))


def keep_fields(comment: Comment, names: Collection[str]) -> Comment:
    """Return the comment with these fields; the others are `None`."""
    return Comment(**{name: getattr(comment, name) for name in names})
