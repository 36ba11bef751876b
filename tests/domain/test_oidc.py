"""The claims of a person at the OIDC provider, and the roles of groups."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import AuthenticationFailed, InvalidInput
from moderation.domain.oidc import GroupRole, SignInRules, parse_group_roles, read_person
from moderation.domain.people import Role

SPORTS = "https://sports.example"

any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=5), parts, max_size=4),
    max_leaves=10,
)


def test_groups_have_roles() -> None:
    """Each has one or several, on all sites or on one, whose address may be written in any way."""
    text = '{"editors": "moderator", "a b,c=d": ["reader", "operator HTTPS://Sports.example:443/"]}'
    assert parse_group_roles(text) == {
        "editors": {GroupRole(Role.MODERATOR, None)},
        "a b,c=d": {GroupRole(Role.READER, None), GroupRole(Role.OPERATOR, SPORTS)},
    }
    assert parse_group_roles("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "7",
        '{"a": "chief"}',
        '{"a": 7}',
        '{"a": [["reader"]]}',
        '{"a": "reader nowhere"}',
        '{"a": ""}',
        "[" * 9999,
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    """With a sentence that shows the form."""
    with pytest.raises(InvalidInput, match="must look like" if "nowhere" in text else "write it like"):
        parse_group_roles(text)


def test_roles_add_up() -> None:
    """On each site the strongest one counts, and a group without a role gives none."""
    roles = '{"a": ["reader", "owner https://sports.example"], "b": ["moderator", "reader https://sports.example"]}'
    rules = SignInRules("groups", parse_group_roles(roles))
    assert rules.roles(frozenset("ab")) == {GroupRole(Role.MODERATOR, None), GroupRole(Role.OWNER, SPORTS)}
    assert rules.roles(frozenset({"b"})) == {GroupRole(Role.MODERATOR, None), GroupRole(Role.READER, SPORTS)}
    assert rules.roles(frozenset({"c", ""})) == frozenset()


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@b.example", "email_verified": True}, "a@b.example"),
        ({"email": "a@b.example"}, ""),
        ({"email": "a@b.example", "email_verified": "true"}, ""),
        ({"email": "a@b.example", "email_verified": 1}, ""),
        ({"email": "a@\u212a.example", "email_verified": True}, ""),
        ({"email": ["a@b.example"], "email_verified": True}, ""),
    ],
)
def test_only_a_verified_address_counts(claims: dict[str, Any], email: str) -> None:
    """The Kelvin sign is K in small letters, so that an address with it could pass for another."""
    assert read_person({"sub": "1", **claims}, "https://login.example", "groups").email == email


@given(st.dictionaries(st.sampled_from("sub email email_verified preferred_username amr groups".split()), any_json))
def test_any_claims_make_a_person_or_none(claims: dict[str, Any]) -> None:
    """Groups and factors are lists of texts; anything else in them is left out."""
    try:
        person = read_person(claims, "https://login.example", "groups")
    except AuthenticationFailed:
        return
    assert person.subject == claims["sub"] and all(isinstance(group, str) for group in person.groups)
    assert person.has_second_factor == (claims.get("amr") == "mfa" or "mfa" in (claims.get("amr") or []))
