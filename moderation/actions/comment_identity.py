"""Recognize a comment that a blog sends again: by its content, and by author, e-mail and page where they are known."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection

from moderation.features.normalize import normalized
from moderation.features.parsed_comment import ParsedComment
from moderation.storage import comments

_MAX_CANDIDATES = 200
_MAX_COMPARED_LENGTH = 200


@dataclass(frozen=True, slots=True)
class CommentIdentity:
    """The facts by which a comment is recognized, computed before the database is locked."""

    content_hash: bytes
    sent: comments.SentFields
    fields: tuple[str, str, str]

    @classmethod
    def of(cls, parsed: ParsedComment) -> Self:
        """Return the identity of a comment."""
        comment = parsed.comment
        author, email, permalink = map(_normalize_field, (comment.author, comment.email, comment.permalink))
        sent = comments.SentFields(comment.author, comment.email, comment.permalink)
        return cls(parsed.content_hash, sent, (author, email, permalink))

    def matches(self, candidate: comments.SameContent) -> bool:
        """Return whether author, e-mail and page are equal, as far as both sides have them."""
        pairs = zip((candidate.author, candidate.email, candidate.permalink), self.fields, strict=True)
        return all(not stored or not sent or _normalize_field(stored) == sent for stored, sent in pairs)


def find_same_comment(connection: Connection, site_id: int, identity: CommentIdentity) -> int | None:
    """Return the id of the site's newest comment with this identity; `None` if there is none.

    The database compares the fields but for slashes, among however many comments of the same content. If none agrees,
    the fields of the newest of them are compared without letter case, markup and entities, starting with those on the
    same page. Otherwise a bot that posts one text on every page would make this slow.
    """
    same = comments.find_same(connection, site_id, identity.content_hash, identity.sent)
    if same is not None:
        return same
    candidates = comments.with_same_content(
        connection, site_id, identity.content_hash, identity.sent.permalink, _MAX_CANDIDATES
    )
    return next((candidate.id for candidate in candidates if identity.matches(candidate)), None)


def _normalize_field(field: str | None) -> str:
    # Blogs send the same field with slashes and entities in one call and without them in the next.
    return normalized((field or "")[:_MAX_COMPARED_LENGTH])
