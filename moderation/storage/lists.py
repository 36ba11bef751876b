"""Store the lists of an operator with their entries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import Conflict
from moderation.domain.lists import EntryKind, ListEntry, OperatorList
from moderation.storage import installation
from moderation.storage.operator_tables import list_entries, lists
from moderation.storage.tables import sites

_KEYS_AT_A_TIME = 500
_LISTS = select(
    lists.c.id, lists.c.name, lists.c.site_id, lists.c.weight, lists.c.created_at, sites.c.url, sites.c.removed_at
).select_from(lists.outerjoin(sites, sites.c.id == lists.c.site_id))


def find(connection: Connection, name: str) -> OperatorList | None:
    """Return a list with its entries; `None` if there is none of this name."""
    row = connection.execute(_LISTS.where(lists.c.name == name)).mappings().first()
    return None if row is None else _from_row(connection, row)


def list_all(connection: Connection) -> list[OperatorList]:
    """Return every list with its entries, by name."""
    rows = connection.execute(_LISTS.order_by(lists.c.name)).mappings().all()
    return [_from_row(connection, row) for row in rows]


def list_of_site(connection: Connection, site_id: int | None) -> list[OperatorList]:
    """Return the lists of one site, or with `None` those of all sites."""
    rows = connection.execute(_LISTS.where(lists.c.site_id.is_not_distinct_from(site_id))).mappings().all()
    return [_from_row(connection, row) for row in rows]


def add(connection: Connection, name: str, site_id: int | None, weight: float, at: datetime) -> None:
    """Store a new list without entries. Raises `Conflict` if there is one of this name."""
    row = {"name": name, "site_id": site_id, "weight": weight, "created_at": at}
    try:
        connection.execute(insert(lists), row)
    except IntegrityError:
        raise Conflict(f"A list named {name} exists already.") from None


def set_weight(connection: Connection, name: str, weight: float) -> None:
    """Set the weight of a list."""
    connection.execute(update(lists).where(lists.c.name == name).values(weight=weight))


def replace_entries(
    connection: Connection, name: str, removed: Iterable[ListEntry], added: Sequence[ListEntry]
) -> None:
    """Delete entries of a list and add others. The change is met by every process with its next request."""
    list_id = connection.execute(select(lists.c.id).where(lists.c.name == name)).scalar_one()
    by_kind: dict[EntryKind, list[str]] = defaultdict(list)
    for kind, key, _ in removed:
        by_kind[kind].append(key)
    for kind, keys in by_kind.items():
        of_kind = delete(list_entries).where(list_entries.c.list_id == list_id, list_entries.c.kind == kind.value)
        # A statement for each key would lock the database for seconds.
        for start in range(0, len(keys), _KEYS_AT_A_TIME):
            connection.execute(of_kind.where(list_entries.c.key.in_(keys[start : start + _KEYS_AT_A_TIME])))
    if added:
        rows = [
            {"list_id": list_id, "kind": kind.value, "key": key, "expires_at": expires_at}
            for kind, key, expires_at in added
        ]
        connection.execute(insert(list_entries), rows)
    installation.change_lists_version(connection)


def remove(connection: Connection, name: str) -> int:
    """Delete a list with its entries, and return how many there were."""
    of_list = list_entries.c.list_id.in_(select(lists.c.id).where(lists.c.name == name))
    count = connection.execute(select(func.count()).select_from(list_entries).where(of_list)).scalar_one()
    connection.execute(delete(list_entries).where(of_list))
    connection.execute(delete(lists).where(lists.c.name == name))
    installation.change_lists_version(connection)
    return int(count)


def _from_row(connection: Connection, row: RowMapping) -> OperatorList:
    return OperatorList(
        name=row["name"],
        site_url=row["url"],
        weight=row["weight"],
        created_at=row["created_at"],
        entries=tuple(_entries(connection, row["id"])),
        is_active=row["removed_at"] is None,
    )


def _entries(connection: Connection, list_id: int) -> Iterator[ListEntry]:
    columns = (list_entries.c.kind, list_entries.c.key, list_entries.c.expires_at)
    rows = connection.execute(
        select(*columns).where(list_entries.c.list_id == list_id).order_by(list_entries.c.kind, list_entries.c.key)
    )
    kinds = {kind.value: kind for kind in EntryKind}
    for kind, key, expires_at in rows:
        yield ListEntry(kinds[kind], key, expires_at)
