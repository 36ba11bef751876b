"""WordPress: its export (WXR), or its table of comments as CSV or as an SQL dump; each plain or gzip'd.

The export has the addresses and titles of pages, but no spam. The table has the spam, but no pages.
"""

import html
import re
from collections.abc import Iterator, Mapping

from moderation.domain.comment import Comment
from moderation.domain.history import PastComment, PastStatus, unreadable
from moderation.exports.reading import beginning, parse_time
from moderation.exports.sql_dump import insert_rows, looks_like_sql
from moderation.exports.xml_records import read_records
from moderation.training.table_files import TableFile

REQUIRED_COLUMNS = ("comment_content", "comment_approved")

_STATUSES = {"1": PastStatus.PUBLISHED, "0": PastStatus.WAITING, "spam": PastStatus.SPAM}
"""Meanings of `comment_approved`; other values are those of the trash."""
_NOTES = frozenset({"order_note", "webhook_delivery", "action_log", "note"})
"""Types under which plugins and editors keep notes, which no visitor sees."""
_NULLS = ("NULL", r"\N")
# WordPress writes the addresses of authors as they are, so that an ampersand in one makes the file no XML.
_AUTHOR_URL = re.compile(rb"(?<=<wp:comment_author_url>)[^<]+")
_BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)")
_COMMENT = "channel/item/comment"
_AROUND = ("channel/language", "channel/item/title", "channel/item/link")
_COLUMNS = (
    "comment_id",
    "comment_author",
    "comment_author_email",
    "comment_author_url",
    "comment_date_gmt",
    "comment_content",
    "comment_approved",
    "comment_type",
    "comment_parent",
)


def read(file: TableFile) -> Iterator[PastComment]:
    """Yield the comments of an export or table. Raises `InvalidInput` for another file."""
    start = beginning(file)
    if start.startswith("<"):
        return _read_wxr(file)
    return _read_dump(file) if looks_like_sql(start) else _read_table(file)


def _read_wxr(file: TableFile) -> Iterator[PastComment]:
    fields = (*_AROUND, *(f"{_COMMENT}/{name}" for name in _COLUMNS))
    with file.decompressed() as stream:
        for _, values in read_records(stream, file.name, "rss", (_COMMENT,), fields, _escape_addresses):
            row = {name: values.get(f"{_COMMENT}/{name}", "") for name in _COLUMNS}
            language = values.get("channel/language", "").replace("-", "_")
            title = html.unescape(values.get("channel/item/title", ""))
            yield _past_comment(row, values.get("channel/item/link", ""), title, language)


def _escape_addresses(piece: bytes) -> bytes:
    return _AUTHOR_URL.sub(lambda match: _BARE_AMPERSAND.sub(b"&amp;", match[0]), piece)


def _read_dump(file: TableFile) -> Iterator[PastComment]:
    for values in insert_rows(file.lines(), file.name, "comments", REQUIRED_COLUMNS):
        yield _row_comment(values)


def _read_table(file: TableFile) -> Iterator[PastComment]:
    for row in file.rows(_COLUMNS):
        if row.error:
            yield unreadable(f"{row.place} {row.error}")
        else:
            yield _row_comment(row.values)


def _row_comment(values: Mapping[str, object]) -> PastComment:
    if not values.keys() >= set(REQUIRED_COLUMNS):
        return unreadable("a row has too few cells")
    row = {name.lower(): "" if value is None or value in _NULLS else str(value) for name, value in values.items()}
    return _past_comment(row)


def _past_comment(row: Mapping[str, str], permalink: str = "", title: str = "", lang: str = "") -> PastComment:
    parent = row.get("comment_parent", "")
    parent = "" if parent == "0" else parent
    kind, time = row.get("comment_type") or "comment", row.get("comment_date_gmt", "")
    comment = Comment(
        text=row["comment_content"],
        author=row.get("comment_author"),
        url=row.get("comment_author_url"),
        email=row.get("comment_author_email"),
        permalink=permalink,
        context=title,
        type="reply" if parent and kind == "comment" else kind,
        lang=lang,
        date=time,
    )
    status = _STATUSES.get(row["comment_approved"], PastStatus.DELETED)
    if kind in _NOTES:
        status = PastStatus.DELETED
    return PastComment(comment, status, row.get("comment_id", ""), parent, parse_time(time))
