"""Commento and Commento++: the JSON of their export, plain or gzip'd."""

from collections.abc import Iterator, Mapping
from typing import Any

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidInput
from moderation.domain.history import PastComment, PastStatus, unreadable
from moderation.exports.reading import json_items, parse_time, text_at
from moderation.training.table_files import TableFile

_STATUSES = {"approved": PastStatus.PUBLISHED, "": PastStatus.PUBLISHED}
"""Meanings of `state`; a comment in any other waits for its moderator."""
_NOBODY: Mapping[str, Any] = {}


def read(file: TableFile) -> Iterator[PastComment]:
    """Yield the comments of an export. Its authors are kept in memory. Raises `InvalidInput` for another file."""
    authors = {text_at(author, "commenterHex"): author for author in json_items(file, "commenters.item")}
    is_empty = True
    for values in json_items(file, "comments.item"):
        is_empty = False
        yield _past_comment(values, authors)
    if is_empty:
        raise InvalidInput(f"{file.name} holds no comments of Commento: its JSON has no list `comments` with entries.")


def _past_comment(values: Mapping[str, Any], authors: Mapping[str, Mapping[str, Any]]) -> PastComment:
    is_deleted, text = values.get("deleted") is True, text_at(values, "markdown")
    number = text_at(values, "commentHex")
    if not text and not is_deleted:
        return unreadable(f"the comment {number} has no text")
    author = authors.get(text_at(values, "commenterHex"), _NOBODY)
    parent, created = text_at(values, "parentHex").replace("root", ""), text_at(values, "creationDate")
    domain, path = text_at(values, "domain"), text_at(values, "url")
    comment = Comment(
        text=text,
        author=text_at(author, "name"),
        url=_address(text_at(author, "link")),
        email=text_at(author, "email"),
        permalink=f"https://{domain}{path}" if domain else path,
        type="reply" if parent else "comment",
        date=created,
    )
    status = PastStatus.DELETED if is_deleted else _STATUSES.get(text_at(values, "state"), PastStatus.WAITING)
    return PastComment(comment, status, number, parent, parse_time(created))


def _address(link: str) -> str:
    # Commento stores this word for an author without a link.
    return "" if link == "undefined" else link
