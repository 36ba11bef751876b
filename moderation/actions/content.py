"""The key that comments of the same content share."""

from hashlib import sha256

from moderation.features.normalize import canonicalize


def content_key(text: str) -> str:
    """SHA-256 in hex of the canonical text: letter case, markup, slashes and invisible characters do not count."""
    return sha256(canonicalize(text).text.encode("utf-8", "surrogatepass")).hexdigest()
