"""Store the roles of moderators. A row stays when its role is revoked, so that the log can name it."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from moderation.domain.people import Grant, NamedGrant, Role
from moderation.storage.operator_tables import grants
from moderation.storage.tables import sites

IN_FORCE = grants.c.revoked_at.is_(None)
"""Condition of the roles that were not revoked."""


def add(connection: Connection, moderator_id: int, name: str, grant: Grant, granted_by: str, at: datetime) -> None:
    """Store a role of a moderator, who must be locked, in the place of the one on the same site."""
    revoke(connection, moderator_id, grant.site_id, granted_by, at)
    row = {
        "moderator_id": moderator_id,
        "name": name,
        "site_id": grant.site_id,
        "role": grant.role.value,
        "granted_by": granted_by,
        "granted_at": at,
    }
    connection.execute(insert(grants), row)


def revoke(connection: Connection, moderator_id: int, site_id: int | None, revoked_by: str, at: datetime) -> int:
    """Revoke the role of a moderator on one site, or on all sites with `None`. Returns the number of roles, 0 or 1."""
    of_site = grants.c.site_id.is_(None) if site_id is None else grants.c.site_id == site_id
    statement = update(grants).where(IN_FORCE, grants.c.moderator_id == moderator_id, of_site)
    return connection.execute(statement.values(revoked_by=revoked_by, revoked_at=at)).rowcount


def revoke_all(connection: Connection, moderator_id: int, revoked_by: str, at: datetime) -> int:
    """Revoke every role of a moderator. Returns how many."""
    statement = update(grants).where(IN_FORCE, grants.c.moderator_id == moderator_id)
    return connection.execute(statement.values(revoked_by=revoked_by, revoked_at=at)).rowcount


def list_all(connection: Connection) -> list[NamedGrant]:
    """Return the roles in force by name and site. Those on removed sites are left out."""
    statement = (
        select(grants.c.name, grants.c.role, sites.c.url)
        .outerjoin(sites, sites.c.id == grants.c.site_id)
        .where(IN_FORCE, sites.c.removed_at.is_(None))
        .order_by(grants.c.name, sites.c.url.is_not(None), sites.c.url)
    )
    return [NamedGrant(name, Role(role), url) for name, role, url in connection.execute(statement)]
