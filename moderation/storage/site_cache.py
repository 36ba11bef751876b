"""The sites of active keys in memory, for the check of a key that every request begins with.

Every change of a site, a key, a calibration or a list, by any process, stores a new version in its own transaction. A
request compares versions before it trusts the memory: a key that was retired is refused from then on. While the
database cannot be read, a site can be recalled as it was last.
"""

from sqlalchemy import Engine

from moderation.domain.site import Site
from moderation.storage import sites
from moderation.storage.engine import read_transaction
from moderation.storage.kept_connection import KeptConnection

MAX_SITES = 10_000
"""Keys whose sites are kept in memory, some 10 MB."""


class SiteCache:
    """The sites by the digests of their keys."""

    def __init__(self, engine: Engine, kept_connection: KeptConnection) -> None:
        self._engine = engine
        self._kept_connection = kept_connection
        # With the version that each was read at.
        self._sites: dict[str, tuple[str, Site]] = {}

    def find_by_key(self, digest: str) -> Site | None:
        """Return the active site that has an active key with this digest. Raises `StorageUnavailable`."""
        known = self._sites.get(digest)
        if known is not None and known[0] == self._kept_connection.read(sites.version):
            return known[1]
        return self._read(digest)

    def recall(self, digest: str) -> Site | None:
        """Return the site as it was when this key was found last, without asking the database."""
        known = self._sites.get(digest)
        return None if known is None else known[1]

    def _read(self, digest: str) -> Site | None:
        with read_transaction(self._engine) as connection:
            version, site = sites.version(connection), sites.find_by_key(connection, digest)
        with self._kept_connection.lock:
            if site is None:
                self._sites.pop(digest, None)
            else:
                self._sites[digest] = version, site
                if len(self._sites) > MAX_SITES:
                    del self._sites[next(iter(self._sites))]
        return site
