"""Isso: its SQLite database, read only. Its comments hold Markdown, as it was typed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidInput
from moderation.domain.history import PastComment, PastStatus, unreadable
from moderation.exports.reading import parse_time

_STATUSES = {1: PastStatus.PUBLISHED, 2: PastStatus.WAITING, 4: PastStatus.DELETED}
"""Meanings of the column `mode`."""
_TABLES = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('comments', 'threads')"
_QUERY = """
    SELECT c.id, c.parent, c.created, c.mode, c.text, c.author, c.email, c.website, t.uri, t.title
    FROM comments AS c LEFT JOIN threads AS t ON t.id = c.tid ORDER BY c.id
"""


def read(path: Path, site_url: str) -> Iterator[PastComment]:
    """Yield the comments of a database, which Isso may be using meanwhile. Raises `InvalidInput` for another file."""
    if not path.is_file():
        raise InvalidInput(f"{path.name} has to be a file: Isso's database cannot be read from a pipe.")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            # A hostile schema may hold expressions, which SQLite would evaluate.
            connection.execute("PRAGMA trusted_schema = OFF")
            # Values of other software may hold any bytes.
            connection.text_factory = lambda value: value.decode("utf-8", "replace")
            if connection.execute(_TABLES).fetchone()[0] < 2:
                raise InvalidInput(f"{path.name} is no database of Isso: it lacks the tables comments and threads.")
            yield from (_past_comment(row, site_url) for row in connection.execute(_QUERY))
    except sqlite3.Error as error:
        raise InvalidInput(f"{path.name} cannot be read as a database of Isso: {error}.") from None


def _past_comment(row: tuple[object, ...], site_url: str) -> PastComment:
    number, parent, created, mode, text, *others = row
    if not isinstance(text, str):
        return unreadable(f"the comment {number} has no text")
    author, email, website, uri, title = (value if isinstance(value, str) else "" for value in others)
    published_at = _time(created)
    comment = Comment(
        text=text,
        author=author,
        url=website,
        email=email,
        permalink=site_url + uri if uri.startswith("/") else uri,
        context=title,
        type="reply" if parent else "comment",
        date=published_at.isoformat() if published_at else "",
    )
    status = _STATUSES.get(mode, PastStatus.DELETED) if isinstance(mode, int) else PastStatus.DELETED
    return PastComment(comment, status, str(number), str(parent or ""), published_at)


def _time(seconds: object) -> datetime | None:
    try:
        return parse_time(datetime.fromtimestamp(float(str(seconds)), UTC).isoformat())
    except (ValueError, OverflowError, OSError):
        return None
