"""The sites of active keys and tokens, and of Coral, in memory, for the check that every request begins with.

Every change of a site, a key, a token, a calibration or a list, by any process, stores a new version in its own
transaction. A request compares versions before it trusts the memory: a key that was retired is refused from then on.
While the database cannot be read, a site can be recalled as it was last.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from moderation.domain.site import Site
from moderation.domain.tokens import ApiToken
from moderation.storage import sites, tokens
from moderation.storage.engine import read_transaction
from moderation.storage.kept_connection import KeptConnection

MAX_SITES = 10_000
"""Keys whose sites are kept in memory, some 10 MB."""


class KnownSite(NamedTuple):
    """A site, and the token by which it was found; `None` for its key."""

    site: Site
    token: ApiToken | None


class SiteCache:
    """The sites by the digests of their keys and tokens."""

    def __init__(self, engine: Engine, kept_connection: KeptConnection) -> None:
        self._engine = engine
        self._kept_connection = kept_connection
        # With the version that each was read at.
        self._sites: dict[str, tuple[str, KnownSite]] = {}

    def find_by_key(self, digest: str) -> Site | None:
        """Return the active site that has an active key with this digest. Raises `StorageUnavailable`."""
        known = self._find(digest, _of_key)
        return None if known is None else known.site

    def find_by_token(self, digest: str) -> KnownSite | None:
        """Return the active site of the token with this digest, and the token, which may have expired.

        Raises `StorageUnavailable`.
        """
        return self._find(digest, _of_token)

    def find_by_id(self, site_id: int) -> Site | None:
        """Return the active site with this id. Raises `StorageUnavailable`."""
        known = self._find(_key_of_id(site_id), lambda connection, _: _of_id(connection, site_id))
        return None if known is None else known.site

    def recall_by_id(self, site_id: int) -> Site | None:
        """Return the site as it was when it was found last by its id, without asking the database."""
        known = self.recall(_key_of_id(site_id))
        return None if known is None else known.site

    def recall(self, digest: str) -> KnownSite | None:
        """Return the site as it was when this key or token was found last, without asking the database."""
        known = self._sites.get(digest)
        return None if known is None else known[1]

    def forget(self, digest: str) -> None:
        """Read a key or token anew at its next use."""
        self._sites.pop(digest, None)

    def _find(self, digest: str, query: "_Query") -> KnownSite | None:
        known = self._sites.get(digest)
        if known is not None and known[0] == self._kept_connection.read(sites.version):
            return known[1]
        with read_transaction(self._engine) as connection:
            version, found = sites.version(connection), query(connection, digest)
        with self._kept_connection.lock:
            if found is None:
                self._sites.pop(digest, None)
            else:
                self._sites[digest] = version, found
                if len(self._sites) > MAX_SITES:
                    del self._sites[next(iter(self._sites))]
        return found


_Query = Callable[[Connection, str], KnownSite | None]


def _of_key(connection: Connection, digest: str) -> KnownSite | None:
    site = sites.find_by_key(connection, digest)
    return None if site is None else KnownSite(site, None)


def _key_of_id(site_id: int) -> str:
    """Return the name of an id beside the digests, which are hexadecimal."""
    return f"id {site_id}"


def _of_id(connection: Connection, site_id: int) -> KnownSite | None:
    site = sites.find_by_id(connection, site_id)
    return None if site is None else KnownSite(site, None)


def _of_token(connection: Connection, digest: str) -> KnownSite | None:
    token = tokens.find(connection, digest)
    site = None if token is None else sites.find_by_id(connection, token.site_id)
    return None if site is None else KnownSite(site, token)
