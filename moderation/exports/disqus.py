"""Disqus: the XML of its export, plain or gzip'd.

Its form is that of http://disqus.com/api/schemas/1.0/disqus.xsd: threads come first, then posts, which name theirs.
"""

from collections.abc import Iterator, Mapping

from moderation.domain.comment import Comment
from moderation.domain.history import PastComment, PastStatus
from moderation.exports.reading import parse_time, without_automatic_links
from moderation.exports.xml_records import read_records
from moderation.training.table_files import TableFile

_THREAD_FIELDS = ("thread@id", "thread/link", "thread/title", "thread/isDeleted")
_POST_FIELDS = (
    "post@id",
    "post/message",
    "post/createdAt",
    "post/isDeleted",
    "post/isSpam",
    "post/isApproved",
    "post/author/name",
    "post/author/email",
    "post/author/link",
    "post/thread@id",
    "post/parent@id",
)
_FIELDS = _THREAD_FIELDS + _POST_FIELDS
_NO_THREAD: Mapping[str, str] = {}


def read(file: TableFile) -> Iterator[PastComment]:
    """Yield the posts of an export. The address and title of each thread are kept in memory."""
    threads: dict[str, Mapping[str, str]] = {}
    with file.decompressed() as stream:
        for path, fields in read_records(stream, file.name, "disqus", ("thread", "post"), _FIELDS):
            if path == "thread":
                threads[fields.get("thread@id", "")] = fields
            else:
                yield _past_comment(fields, threads.get(fields.get("post/thread@id", ""), _NO_THREAD))


def _past_comment(fields: Mapping[str, str], thread: Mapping[str, str]) -> PastComment:
    created, parent = fields.get("post/createdAt", ""), fields.get("post/parent@id", "")
    comment = Comment(
        text=without_automatic_links(fields.get("post/message", "")),
        author=fields.get("post/author/name"),
        url=fields.get("post/author/link"),
        email=fields.get("post/author/email"),
        permalink=thread.get("thread/link"),
        context=thread.get("thread/title"),
        type="reply" if parent else "comment",
        date=created,
    )
    return PastComment(comment, _status(fields, thread), fields.get("post@id", ""), parent, parse_time(created))


def _status(fields: Mapping[str, str], thread: Mapping[str, str]) -> PastStatus:
    if fields.get("post/isSpam") == "true":
        return PastStatus.SPAM
    if "true" in (fields.get("post/isDeleted"), thread.get("thread/isDeleted")):
        return PastStatus.DELETED
    return PastStatus.WAITING if fields.get("post/isApproved") == "false" else PastStatus.PUBLISHED
