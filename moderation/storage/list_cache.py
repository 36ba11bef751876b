"""The lists of an operator in memory, indexed for matching.

A site is read anew after every change of a list, by any process, and names the version of the lists. So the next
request meets a change, and a request without one asks the database nothing.
"""

from threading import RLock

from sqlalchemy import Engine

from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Site
from moderation.scoring.lists import ListMatcher
from moderation.storage import lists
from moderation.storage.engine import read_transaction
from moderation.storage.fork import call_at_fork

MAX_SITES = 1_000
"""Sites whose own lists are kept in memory."""


class ListCache:
    """The matchers of the lists of all sites, and of each site, with the version that they were read at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = RLock()
        self._matchers: dict[int | None, tuple[str, ListMatcher]] = {}
        call_at_fork(self._lock_all, self._unlock_all, self._unlock_all)

    def find(self, site: Site) -> list[ListMatcher]:
        """Return the matchers of a site. While the database cannot be read, they are as they were last."""
        if not site.lists_version:
            return []
        found = (self._find(scope, site.lists_version) for scope in (None, site.id))
        return [matcher for matcher in found if matcher]

    def _find(self, site_id: int | None, version: str) -> ListMatcher | None:
        known = self._matchers.get(site_id)
        if known and known[0] == version:
            return known[1]
        # One thread reads, and the others wait: each would hold a copy of a large list.
        with self._lock:
            known = self._matchers.get(site_id)
            if known and known[0] == version:
                return known[1]
            try:
                matcher = self._read(site_id)
            except StorageUnavailable:
                return known and known[1]
            self._matchers[site_id] = version, matcher
            if len(self._matchers) > MAX_SITES:
                del self._matchers[next(each for each in self._matchers if each not in (None, site_id))]
            return matcher

    def _read(self, site_id: int | None) -> ListMatcher:
        with read_transaction(self._engine, slow=True) as connection:
            return ListMatcher(lists.list_of_site(connection, site_id))

    def _lock_all(self) -> None:
        self._lock.acquire()

    def _unlock_all(self) -> None:
        self._lock.release()
