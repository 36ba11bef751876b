"""Keyed digests in the place of fields that a site does not keep: equal fields are found, and no field can be read."""

from hashlib import blake2b

from moderation.domain.person import canonical

PREFIX = "digest:"
_DIGEST_BYTES = 16


def field_digest(secret: bytes, column: str, value: str) -> str:
    """Return the digest of a field of a comment, equal for all spellings of one name or address."""
    encoded = f"{column}\n{canonical(value)}".encode("utf-8", "surrogatepass")
    return PREFIX + blake2b(encoded, digest_size=_DIGEST_BYTES, key=secret, person=b"field").hexdigest()


def content_digest(secret: bytes, content_hash: bytes) -> bytes:
    """Return the digest in the place of a content hash, which a guess of a short text would find."""
    return blake2b(content_hash, digest_size=_DIGEST_BYTES, key=secret, person=b"content").digest()
