"""Recognize a comment that a blog sends again: by its content, and by author, e-mail and page where they are known."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection

from moderation.actions.keyed_digests import content_digest, field_digest
from moderation.features.normalize import normalized
from moderation.features.parsed_comment import ParsedComment
from moderation.storage import comments

_MAX_CANDIDATES = 200
_MAX_COMPARED_LENGTH = 200


@dataclass(frozen=True, slots=True)
class CommentIdentity:
    """The facts by which a comment is recognized, computed before the database is locked.

    `digests` are those of author and e-mail address, and `content_hashes` the hash and its digest: a comment may be
    stored with either.
    """

    content_hashes: tuple[bytes, bytes]
    sent: comments.SentFields
    digests: tuple[str, str]
    fields: tuple[str, str, str]

    @classmethod
    def of(cls, parsed: ParsedComment, secret: bytes) -> Self:
        """Return the identity of a comment."""
        comment = parsed.comment
        author, email, permalink = map(_normalize_field, (comment.author, comment.email, comment.permalink))
        digests = [field_digest(secret, name, getattr(comment, name) or "") for name in ("author", "email")]
        return cls(
            (parsed.content_hash, content_digest(secret, parsed.content_hash)),
            comments.SentFields(comment.author, comment.email, comment.permalink),
            (digests[0], digests[1]),
            (author, email, permalink),
        )

    @property
    def content_hash(self) -> bytes:
        """The hash of the content."""
        return self.content_hashes[0]

    def matches(self, candidate: comments.SameContent) -> bool:
        """Return whether author, e-mail and page are equal, as far as both sides have them."""
        stored_fields = (candidate.author, candidate.email, candidate.permalink)
        compared = zip(stored_fields, self.fields, (*self.digests, None), strict=True)
        return all(
            not stored or not sent or stored == digest or _normalize_field(stored) == sent
            for stored, sent, digest in compared
        )


def find_same_comment(connection: Connection, site_id: int, identity: CommentIdentity) -> int | None:
    """Return the id of the site's newest comment with this identity; `None` if there is none.

    The database compares the fields but for slashes, among however many comments of the same content. If none agrees,
    the fields of the newest of them are compared without letter case, markup and entities, starting with those on the
    same page. Otherwise a bot that posts one text on every page would make this slow.
    """
    same = comments.find_same(connection, site_id, identity.content_hashes, identity.sent, identity.digests)
    if same is not None:
        return same
    candidates = comments.with_same_content(
        connection, site_id, identity.content_hashes, identity.sent.permalink, _MAX_CANDIDATES
    )
    return next((candidate.id for candidate in candidates if identity.matches(candidate)), None)


def _normalize_field(field: str | None) -> str:
    # Blogs send the same field with slashes and entities in one call and without them in the next.
    return normalized((field or "")[:_MAX_COMPARED_LENGTH])
