"""People whom an OIDC provider signs in: their claims, and the roles that an operator gives to their groups."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from moderation.domain.errors import AuthenticationFailed, InvalidInput
from moderation.domain.people import PERMISSIONS, Role
from moderation.domain.urls import normalize_url

PROVIDER = "oidc"
"""Name, in the log, of the provider: it grants and revokes the roles of the people whom it signs in."""
MAX_ISSUER_LENGTH = 500
MAX_SUBJECT_LENGTH = 255
"""Characters of a subject (OpenID Connect Core 1.0, section 2)."""
MULTIPLE_FACTORS = "mfa"
"""Value of `amr` for a sign-in with several factors (RFC 8176)."""

_FORM = 'write it like {"editors": "moderator", "sports": ["operator https://sports.example"]}'


class GroupRole(NamedTuple):
    """A role of the members of a group, on one site or on all sites with `None`."""

    role: Role
    site_url: str | None


@dataclass(frozen=True, slots=True)
class SignInRules:
    """What an operator decided about the people of a provider.

    `groups_claim` names the claim that lists their groups, and `group_roles` the roles of each group. With
    `links_by_email`, a verified e-mail address links a person to the moderator with that address.
    """

    groups_claim: str
    group_roles: Mapping[str, frozenset[GroupRole]]
    links_by_email: bool = False

    def roles(self, groups: frozenset[str]) -> frozenset[GroupRole]:
        """Return the roles of all groups together: on each site, and on all sites, the strongest."""
        found = [role for group in groups for role in self.group_roles.get(group, frozenset())]
        strength = {role: len(PERMISSIONS[role]) for role in Role}
        best = {role.site_url: role for role in sorted(found, key=lambda each: strength[each.role])}
        return frozenset(best.values())


class ProviderPerson(NamedTuple):
    """A person as the provider describes them. `issuer` and `subject` are the identity, and never change.

    `name` is a proposal. `email` is verified, or empty. `has_second_factor` says whether the sign-in took several
    factors.
    """

    issuer: str
    subject: str
    name: str
    email: str
    groups: frozenset[str]
    has_second_factor: bool


def parse_group_roles(text: str) -> dict[str, frozenset[GroupRole]]:
    """Return the roles of each group in a JSON object. Raises `InvalidInput`."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise InvalidInput(f"This is no JSON: {_FORM}.") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"This is no object of JSON: {_FORM}.")
    return {
        group: frozenset(map(_parse_role, roles if isinstance(roles, list) else [roles]))
        for group, roles in found.items()
    }


def read_person(claims: Mapping[str, Any], issuer: str, groups_claim: str) -> ProviderPerson:
    """Return the person of verified claims. Raises `AuthenticationFailed` for a subject that cannot be stored."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_LENGTH or not subject.isprintable():
        raise AuthenticationFailed("The provider sent no usable subject.")
    # Some providers verify no address. Beyond ASCII, two addresses may have the same small letters.
    is_usable = claims.get("email_verified") is True and _text(claims, "email").isascii()
    email = _text(claims, "email") if is_usable else ""
    methods, groups = claims.get("amr"), claims.get(groups_claim)
    return ProviderPerson(
        issuer,
        subject,
        _text(claims, "preferred_username") or email,
        email,
        frozenset(each for each in _as_list(groups) if isinstance(each, str)),
        MULTIPLE_FACTORS in _as_list(methods),
    )


def _parse_role(text: object) -> GroupRole:
    name, _, url = text.strip().partition(" ") if isinstance(text, str) else ("", "", "")
    if name not in tuple(Role):
        raise InvalidInput(f"A role is {', '.join(Role)}, with or without the address of a site: {_FORM}.")
    return GroupRole(Role(name), normalize_url(url.strip()) if url.strip() else None)


def _as_list(claim: object) -> list[object]:
    if isinstance(claim, list):
        return claim
    return [] if claim is None else [claim]


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""
