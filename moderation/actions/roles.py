"""Grant and revoke the roles of moderators. A change takes effect with the next request of the person."""

from sqlalchemy import Connection

from moderation.actions.moderators import require_moderator
from moderation.actions.services import Services
from moderation.domain.errors import NotFound
from moderation.domain.people import Grant, NamedGrant
from moderation.domain.site import Site
from moderation.storage import grants, notes, sessions
from moderation.storage.engine import read_transaction


def grant_role(services: Services, name: str, grant: Grant, granted_by: str) -> None:
    """Give a moderator a role on a site or on all sites, in the place of the one there. Raises `NotFound`."""
    now = services.clock()

    def store(connection: Connection) -> None:
        moderator = require_moderator(connection, name)
        grants.add(connection, moderator.id, name, grant, granted_by, now)

    services.writer.run(store)


def revoke_roles(services: Services, name: str, site: Site | None, revoked_by: str) -> int:
    """Revoke a moderator's role on a site, or every role without a site. Returns how many roles are left.

    With the last role, the sessions of the moderator end. Comments there that wait for this person's opinion then wait
    for anybody's. Raises `NotFound` for an unknown name, and if there is no
    role to revoke.
    """
    now = services.clock()

    def revoke(connection: Connection) -> int:
        moderator = require_moderator(connection, name)
        if site is None:
            revoked = grants.revoke_all(connection, moderator.id, revoked_by, now)
        else:
            revoked = grants.revoke(connection, moderator.id, site.id, revoked_by, now)
        if not revoked:
            where = "on this site alone" if site else "to revoke"
            raise NotFound(f"This moderator has no role {where}: see `moderation moderator list`.")
        notes.ask_anybody(connection, name, site.id if site else None)
        left = len(moderator.access.grants) - revoked
        if not left:
            sessions.remove_of(connection, moderator.id)
        return left

    return services.writer.run(revoke)


def list_roles(services: Services) -> list[NamedGrant]:
    """Return the roles of all moderators by name, those on all sites first. Removed sites are left out."""
    with read_transaction(services.engine) as connection:
        return grants.list_all(connection)
