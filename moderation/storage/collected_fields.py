"""The author's fields that each site collects, by its last comments, in memory.

A client that sends an empty field may never have asked for it: a form without an input for a web address sends an empty
one with each comment.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from moderation.domain.comment import AUTHOR_FIELDS
from moderation.storage.engine import read_transaction
from moderation.storage.tables import comments, decisions

MAX_COMMENTS = 50
"""Comments of a site that are looked at. One of them with a field shows that the site collects it."""
REFRESH_SECONDS = 60.0
"""Time for which a look-up counts, also while other processes store comments."""
_MAX_SITES = 10_000


class _LookUp(NamedTuple):
    fields: frozenset[str]
    at: datetime


class CollectedFields:
    """The fields by the ids of sites. A look-up serves `MAX_COMMENTS` comments, or those of `REFRESH_SECONDS`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[int, _LookUp] = {}
        self._uses: dict[int, int] = {}

    def find(self, site_id: int, now: datetime, uses: int = 1) -> frozenset[str]:
        """Return the fields that one of the site's last comments has, for `uses` comments.

        Raises `StorageUnavailable`.
        """
        known = self._known.get(site_id)
        # Threads that count at the same time may lose a use, which delays the next look-up by a comment.
        self._uses[site_id] = self._uses.get(site_id, 0) + uses
        # A clock that was set back must not keep a look-up.
        is_fresh = known is not None and 0.0 <= (now - known.at).total_seconds() < REFRESH_SECONDS
        if known is not None and is_fresh and self._uses[site_id] <= MAX_COMMENTS:
            return known.fields
        with read_transaction(self._engine) as connection:
            fields = find_filled(connection, site_id)
        if len(self._known) >= _MAX_SITES:
            self._known.clear()
            self._uses.clear()
        self._known[site_id], self._uses[site_id] = _LookUp(fields, now), uses
        return fields

    def recall(self, site_id: int) -> frozenset[str]:
        """Return the result of the last look-up without asking the database; no field if there was none."""
        known = self._known.get(site_id)
        return known.fields if known else frozenset()


def find_filled(connection: Connection, site_id: int) -> frozenset[str]:
    """Return the fields of `AUTHOR_FIELDS` that one of the site's last `MAX_COMMENTS` judged comments has."""
    last = (
        select(decisions.c.comment_id)
        .where(decisions.c.site_id == site_id)
        .order_by(decisions.c.decided_at.desc())
        .limit(MAX_COMMENTS)
        .subquery()
    )
    filled = [func.max(func.length(comments.c[name])) for name in AUTHOR_FIELDS]
    row = connection.execute(select(*filled).join(last, last.c.comment_id == comments.c.id)).one()
    return frozenset(name for name, length in zip(AUTHOR_FIELDS, row, strict=True) if length)
