"""The keys of sites: only digests are kept, with the first characters as a hint for people."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import Conflict
from moderation.domain.site import Site
from moderation.storage import sites
from moderation.storage.tables import keys
from moderation.storage.tables import sites as sites_table

_ADD = insert(keys)
_SITE_OF = (
    select(*sites.FIELDS)
    .select_from(sites.WITH_STANDING.join(keys, keys.c.site_id == sites_table.c.id))
    .where(
        keys.c.digest == bindparam("wanted_digest"),
        keys.c.retired_at.is_(None),
        sites_table.c.removed_at.is_(None),
    )
)
_LIVE = (
    select(keys.c.id)
    .where(keys.c.site_id == bindparam("wanted_site"), keys.c.retired_at.is_(None))
    .order_by(keys.c.id.desc())
)
_RETIRE = update(keys).where(keys.c.id == bindparam("wanted_id")).values(retired_at=bindparam("at"))


def add(connection: Connection, site_id: int, digest: str, hint: str, at: datetime) -> None:
    """A new live key; `Conflict` when a live one has the same digest."""
    try:
        connection.execute(_ADD, {"site_id": site_id, "digest": digest, "hint": hint, "created_at": at})
    except IntegrityError:
        raise Conflict("A site uses this key already.") from None


def site_of(connection: Connection, digest: str) -> Site | None:
    """The living site whose live key has this digest."""
    row = connection.execute(_SITE_OF, {"wanted_digest": digest}).mappings().first()
    return None if row is None else sites.from_row(row)


def retire_all_but(connection: Connection, site_id: int, newest: int, at: datetime) -> None:
    """Leaves the site the `newest` newest of its live keys."""
    live = list(connection.execute(_LIVE, {"wanted_site": site_id}).scalars())
    for key_id in live[newest:]:
        connection.execute(_RETIRE, {"wanted_id": key_id, "at": at})
