"""Roles give permissions on sites, and those of several roles add up."""

import pytest

from moderation.domain.people import ALL_SITES, PERMISSIONS, Access, Grant, Permission, Role, SiteScope


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        (Role.READER, "read"),
        (Role.MODERATOR, "read decide"),
        (Role.OPERATOR, "read decide oversee"),
        (Role.OWNER, "read decide oversee administer"),
    ],
)
def test_each_role_has_its_permissions(role: Role, permissions: str) -> None:
    """Each has those of the one before, and more."""
    assert set(map(str, PERMISSIONS[role])) == set(permissions.split())


def test_a_role_on_one_site_is_for_no_other() -> None:
    """A moderator of one site who reads another decides on the first alone."""
    access = Access((Grant(Role.MODERATOR, 1), Grant(Role.READER, 2)))
    assert access.scope(Permission.READ) == SiteScope(frozenset({1, 2}))
    assert access.scope(Permission.DECIDE) == SiteScope(frozenset({1}))
    assert 1 in access.scope(Permission.DECIDE) and 2 not in access.scope(Permission.DECIDE)
    assert not access.scope(Permission.OVERSEE)


def test_a_role_on_all_sites_adds_up_with_others() -> None:
    """A reader of all sites may decide on the one that the moderator's role names."""
    access = Access((Grant(Role.READER), Grant(Role.MODERATOR, 3)))
    assert access.scope(Permission.READ) == ALL_SITES and 99 in access.scope(Permission.READ)
    assert access.scope(Permission.DECIDE) == SiteScope(frozenset({3}))


def test_without_a_role_nothing_is_permitted() -> None:
    """No permission has a site."""
    assert not any(Access().scope(permission) for permission in Permission)
