"""Which comment is meant: those of equal content share a key, and what else is known tells them apart."""

from hashlib import sha256

from sqlalchemy import Connection

from moderation.domain.comment import Comment
from moderation.features.normalize import canonical_text, canonicalize
from moderation.storage import comments

_MOST_ALIKE = 1_000


def content_key(text: str) -> str:
    """SHA-256 in hex of the canonical text: letter case, markup, slashes and invisible characters do not count."""
    return sha256(canonicalize(text).text.encode("utf-8", "surrogatepass")).hexdigest()


def find_alike(connection: Connection, site_id: int, comment: Comment) -> int | None:
    """The number of the site's comment that is meant by one of the same content, sent again and perhaps altered.

    An author known to both must be the same. Of those left, the one with the same e-mail and page is meant, then the
    newest. `None` when there is none.
    """
    found = comments.alike(connection, site_id, content_key(comment.text), _MOST_ALIKE)
    left = [one for one in found if not _differ(one.author, comment.author)]
    meant = max(left, key=lambda one: _agreement(one, comment), default=None)
    return None if meant is None else meant.id


def _agreement(one: comments.Alike, comment: Comment) -> int:
    """`max` takes the first of equals, which is the newest."""
    return _same(one.email, comment.email) + _same(one.permalink, comment.permalink)


def _same(one: str | None, other: str | None) -> bool:
    return bool(one and other) and not _differ(one, other)


def _differ(one: str | None, other: str | None) -> bool:
    """Whether both are known and not the same. Blogs send slashes and entities with one call and not with the next."""
    return bool(one and other) and canonical_text(one or "") != canonical_text(other or "")
