"""Remark42: its backup, one JSON object per line, plain or gzip'd. The first line describes users and pages."""

from collections.abc import Iterator, Mapping
from typing import Any

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidInput
from moderation.domain.history import PastComment, PastStatus, unreadable
from moderation.exports.reading import parse_time, text_at, without_automatic_links
from moderation.training.table_files import TableFile

_VERSIONS = (0, 1)


def read(file: TableFile) -> Iterator[PastComment]:
    """Yield the comments of a backup. Raises `InvalidInput` for another file, or a version that is not known."""
    has_header = False
    for row in file.rows():
        if not has_header:
            _check_header(file.name, row.values)
            has_header = True
        elif row.error:
            yield unreadable(f"line {row.line} {row.error}")
        else:
            yield _past_comment(row.line, row.values)


def _check_header(name: str, values: Mapping[str, Any]) -> None:
    if not values.keys() >= {"users", "posts"}:
        raise InvalidInput(f"{name} is no backup of Remark42: its first line does not describe users and posts.")
    if values.get("version", 0) not in _VERSIONS:
        raise InvalidInput(f"{name} is a backup of Remark42 in a version that is not known yet.")


def _past_comment(line: int, values: Mapping[str, Any]) -> PastComment:
    is_deleted = values.get("delete") is True
    # `orig` is the Markdown that was typed, `text` the markup made of it.
    text = text_at(values, "orig") or without_automatic_links(text_at(values, "text"))
    if not text and not is_deleted:
        return unreadable(f"line {line} has no text")
    time, parent = text_at(values, "time"), text_at(values, "pid")
    comment = Comment(
        text=text,
        author=text_at(values, "user.name"),
        permalink=text_at(values, "locator.url"),
        context=text_at(values, "title"),
        type="reply" if parent else "comment",
        date=time,
    )
    status = PastStatus.DELETED if is_deleted else PastStatus.PUBLISHED
    return PastComment(comment, status, text_at(values, "id"), parent, parse_time(time))
