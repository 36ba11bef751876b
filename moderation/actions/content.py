"""Which comment is meant: those of equal content share a key, and what else is known tells them apart."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from sqlalchemy import Connection

from moderation.domain.comment import Comment
from moderation.features.normalize import canonical_text, canonicalize
from moderation.storage import comments

_MOST_ALIKE = 200
_TELLING = 200
"""Code points of a name, a mailbox or an address that are compared."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a comment is recognised by when a blog sends it again, made ready before the database is locked."""

    key: str
    permalink: str | None
    fields: tuple[str, str, str]

    @classmethod
    def of(cls, comment: Comment) -> Self:
        """The likeness of a comment as it was sent this time."""
        fields = (comment.author, comment.email, comment.permalink)
        author, email, permalink = map(_canonical, fields)
        return cls(content_key(comment.text), comment.permalink, (author, email, permalink))

    def fits(self, one: comments.Alike) -> bool:
        """Whether author, mailbox and page are the same, as far as both know them."""
        known = zip((one.author, one.email, one.permalink), self.fields, strict=True)
        return all(not theirs or not ours or _canonical(theirs) == ours for theirs, ours in known)


def content_key(text: str) -> str:
    """SHA-256 in hex of the canonical text: letter case, markup, slashes and invisible characters do not count."""
    return sha256(canonicalize(text).text.encode("utf-8", "surrogatepass")).hexdigest()


def find_alike(connection: Connection, site_id: int, likeness: Likeness) -> int | None:
    """The number of the site's newest comment of that likeness; `None` when there is none.

    Looks at the newest of the same content, those on the same page first: bots write one text on every page.
    """
    found = comments.alike(connection, site_id, likeness.key, likeness.permalink, _MOST_ALIKE)
    return next((one.id for one in found if likeness.fits(one)), None)


def _canonical(field: str | None) -> str:
    """Blogs send slashes and entities with one call and not with the next."""
    return canonical_text((field or "")[:_TELLING])
