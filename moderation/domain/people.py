"""The people at the queue: their roles on sites, and the permissions of each role."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Permission(StrEnum):
    """A kind of act at the queue, on a site.

    `READ` shows comments, `DECIDE` changes them, `OVERSEE` shows the state of a site and the log of all acts.
    `ADMINISTER` covers all that no other permission names.
    """

    READ = "read"
    DECIDE = "decide"
    OVERSEE = "oversee"
    ADMINISTER = "administer"


class Role(StrEnum):
    """What a person is to a site, or to all sites."""

    OWNER = "owner"
    OPERATOR = "operator"
    MODERATOR = "moderator"
    READER = "reader"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.READER: frozenset({Permission.READ}),
    Role.MODERATOR: frozenset({Permission.READ, Permission.DECIDE}),
    Role.OPERATOR: frozenset({Permission.READ, Permission.DECIDE, Permission.OVERSEE}),
    Role.OWNER: frozenset(Permission),
}
"""The permissions of each role."""


@dataclass(frozen=True, slots=True)
class SiteScope:
    """The sites that a caller may touch: those of `ids`, or all sites with `None`."""

    ids: frozenset[int] | None

    def __contains__(self, site_id: int) -> bool:
        """Return whether a site is in the scope."""
        return self.ids is None or site_id in self.ids

    def __bool__(self) -> bool:
        """Return whether there can be a site in the scope."""
        return self.ids is None or bool(self.ids)


ALL_SITES = SiteScope(None)
"""The scope of the command line, of background tasks, and of a person with a role on all sites."""
NO_SITES = SiteScope(frozenset())


class Grant(NamedTuple):
    """A role on one site, or on all sites, present and future, if `site_id` is `None`."""

    role: Role
    site_id: int | None = None


class NamedGrant(NamedTuple):
    """A role of a moderator on a site, by the names of both; `site_url` is `None` for all sites."""

    name: str
    role: Role
    site_url: str | None


@dataclass(frozen=True, slots=True)
class Access:
    """All that a person may do, by the grants in force. Permissions of several grants on a site add up."""

    grants: tuple[Grant, ...] = ()

    def scope(self, permission: Permission) -> SiteScope:
        """Return the sites on which the person has a permission."""
        granting = [grant.site_id for grant in self.grants if permission in PERMISSIONS[grant.role]]
        return ALL_SITES if None in granting else SiteScope(frozenset(each for each in granting if each is not None))
