"""People of the OIDC provider as moderators: who is admitted, with which roles, and who is linked to whom."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from moderation.actions.act_log import read_all
from moderation.actions.digests import set_digest
from moderation.actions.identities import admit, link, list_subjects, unlink
from moderation.actions.moderators import (
    add_moderator,
    authenticate_moderator,
    find_moderator,
    list_moderators,
    remove_moderator,
    reset_password,
)
from moderation.actions.services import Services
from moderation.actions.sessions import purge_expired, session_moderator, start_session
from moderation.domain.act_log import LogFilter
from moderation.domain.decision import Moderator
from moderation.domain.digests import DigestPeriod
from moderation.domain.errors import AccessRefused, AuthenticationFailed, Conflict, InvalidInput, NotFound
from moderation.domain.oidc import ProviderPerson, SignInRules, parse_group_roles
from moderation.domain.people import Grant, Role
from moderation.domain.site import Site
from moderation.outbound.oidc import OidcClient, Provider
from moderation.storage.engine import read_transaction
from moderation.storage.operator_tables import used_states
from tests.conftest import PASSWORD, Clock
from tests.totp import set_up

ISSUER = "https://login.example"
ROLES = '{"editors": "moderator", "chiefs": "owner", "sports": "operator https://blog.example", "old": "owner https://x.example"}'
ALICE = ProviderPerson(ISSUER, "a-1", "alice", "alice@example.org", frozenset({"editors"}), has_second_factor=False)
HOUR = timedelta(hours=1)

SignIn = Callable[..., Moderator]


def with_provider(services: Services, *, by_email: bool = False) -> Services:
    rules = SignInRules("groups", parse_group_roles(ROLES), links_by_email=by_email)
    return replace(services, provider=Provider(OidcClient(ISSUER, "moderation", "", "openid", rules)))


@pytest.fixture
def clients(services: Services) -> Services:
    """Return services with a provider, which none of these tests calls."""
    return with_provider(services)


@pytest.fixture
def sign_in(clients: Services) -> SignIn:
    """Return a function that admits a person with a new state."""
    states = iter(range(100))

    def run(person: ProviderPerson = ALICE, services: Services = clients, **options: bool) -> Moderator:
        return admit(services, person, f"state {next(states)}", **options)

    return run


def in_groups(*groups: str, person: ProviderPerson = ALICE) -> ProviderPerson:
    return person._replace(groups=frozenset(groups))


def events(services: Services) -> list[tuple[str, str, str]]:
    return [(each.person, each.event, each.detail) for each in read_all(services, LogFilter())][::-1]


def test_a_new_person_gets_the_roles_of_the_groups(clients: Services, site: Site, sign_in: SignIn) -> None:
    """The moderator has no password, and the log has all of it under the name of the provider."""
    moderator = sign_in(in_groups("editors", "sports", "staff"))
    assert moderator.name == "alice" and not moderator.has_totp
    assert set(moderator.access.grants) == {Grant(Role.MODERATOR), Grant(Role.OPERATOR, site.id)}
    assert session_moderator(clients, start_session(clients, moderator, HOUR)) == moderator
    assert list_subjects(clients) == {"alice": "a-1"}
    found = {(person, event) for person, event, _ in events(clients)}
    assert found == {("alice", "oidc-link"), ("oidc", "grant"), ("alice", "oidc-sign-in")}
    assert {each.channel for each in read_all(clients, LogFilter())} == {"oidc"}
    for password in ("", "none:", PASSWORD):
        with pytest.raises(AuthenticationFailed):
            authenticate_moderator(clients, "alice", password)


def test_roles_follow_the_groups(clients: Services, site: Site, sign_in: SignIn) -> None:
    """At each sign-in, also where a person of the command line gave another one. A right role stays as it is."""
    first = sign_in()
    for groups, grants in (
        (("chiefs",), {Grant(Role.OWNER)}),
        (("sports",), {Grant(Role.OPERATOR, site.id)}),
        (("sports", "editors"), {Grant(Role.OPERATOR, site.id), Grant(Role.MODERATOR)}),
    ):
        moderator = sign_in(in_groups(*groups, person=ALICE._replace(name="renamed", email="")))
        assert set(moderator.access.grants) == grants and moderator.id == first.id
    assert sum(event == "revoke" for _, event, _ in events(clients)) == 2
    before = [each for each in events(clients) if each[1] in ("grant", "revoke")]
    sign_in(in_groups("sports", "editors"))
    assert [each for each in events(clients) if each[1] in ("grant", "revoke")] == before


@pytest.mark.parametrize("groups", [(), ("staff",), ("old",)])
def test_without_a_mapped_group_nothing_is_left(clients: Services, sign_in: SignIn, groups: tuple[str, ...]) -> None:
    """The roles are revoked and the sessions end, also where the role is on a site that is not here."""
    token = start_session(clients, sign_in(), HOUR)
    with pytest.raises(AccessRefused, match="None of your groups"):
        sign_in(in_groups(*groups))
    left = find_moderator(clients, "alice")
    assert left and not left.access.grants and session_moderator(clients, token) is None
    assert {("oidc", "oidc-refuse", "a-1"), ("oidc", "revoke", "alice: moderator")} <= set(events(clients))
    assert sign_in().access.grants == (Grant(Role.MODERATOR),)


def test_a_stranger_without_a_group_leaves_no_moderator(clients: Services, sign_in: SignIn) -> None:
    """The log names the subject: the name may be that of another person."""
    with pytest.raises(AccessRefused):
        sign_in(in_groups("staff"))
    assert list_moderators(clients) == [] and events(clients) == [("oidc", "oidc-refuse", "a-1")]


def test_a_state_counts_once(clients: Services, clock: Clock) -> None:
    """In all processes, for admitted and for refused people. Old ones are purged."""
    admit(clients, ALICE, "a state")
    with pytest.raises(AccessRefused):
        admit(clients, in_groups(), "another state")
    for state in ("a state", "another state"):
        with pytest.raises(AuthenticationFailed, match="ended already"):
            admit(clients, ALICE, state)
    clock.advance(3600)
    purge_expired(clients)
    with read_transaction(clients.engine) as connection:
        assert connection.execute(used_states.select()).all() == []


@pytest.mark.parametrize("name", ["mara", "cli", "OIDC", "", " ", "a\u202eb", "x" * 101])
def test_a_name_is_taken_from_no_one(clients: Services, moderator: Moderator, sign_in: SignIn, name: str) -> None:
    """The page names the command with which an operator links the person."""
    with pytest.raises(AccessRefused, match="your subject, a-1: `moderation moderator link`"):
        sign_in(ALICE._replace(name=name))
    assert [each.name for each in list_moderators(clients)] == ["mara"]
    assert authenticate_moderator(clients, "mara", PASSWORD) == moderator


def test_an_operator_links_a_moderator(clients: Services, moderator: Moderator, sign_in: SignIn) -> None:
    """The password and the sessions end, and the groups give the roles. A new password is a way in without provider."""
    token = start_session(clients, moderator, HOUR)
    link(clients, "mara", "a-1")
    assert session_moderator(clients, token) is None
    with pytest.raises(AuthenticationFailed):
        authenticate_moderator(clients, "mara", PASSWORD)
    linked = sign_in()
    assert (linked.id, linked.access.grants) == (moderator.id, (Grant(Role.MODERATOR),))
    reset_password(clients, "mara", PASSWORD)
    assert authenticate_moderator(clients, "mara", PASSWORD).id == moderator.id
    start_session(clients, sign_in(), HOUR)
    assert unlink(clients, "mara") == 1
    with pytest.raises(NotFound, match="not linked"):
        unlink(clients, "mara")
    named = [(person, event) for person, event, detail in events(clients) if detail == "mara"]
    assert ("cli", "oidc-link") in named and ("cli", "oidc-unlink") in named


def test_a_link_is_one_to_one(clients: Services, moderator: Moderator) -> None:
    """Neither the moderator nor the subject has another, and both can be there at all."""
    add_moderator(clients, "Ann", PASSWORD)
    link(clients, "mara", "a-1")
    for name, subject in (("mara", "a-2"), ("Ann", "a-1")):
        with pytest.raises(Conflict, match="linked already"):
            link(clients, name, subject)
    assert authenticate_moderator(clients, "Ann", PASSWORD).name == "Ann"
    for subject in ("", "a\nb", "x" * 256):
        with pytest.raises(InvalidInput):
            link(clients, "Ann", subject)
    with pytest.raises(NotFound):
        link(clients, "nobody", "a-3")
    remove_moderator(clients, "mara")
    link(clients, "Ann", "a-1")


def test_a_verified_address_links_where_that_is_allowed(services: Services, sign_in: SignIn) -> None:
    """By the name of the moderator or the address of the digest, in any case, and only once."""
    by_email = with_provider(services, by_email=True)
    by_name = add_moderator(services, "Alice@Example.org", PASSWORD, Grant(Role.OWNER))
    assert sign_in(services=services_without_email(services)).name == "alice"
    other = ALICE._replace(subject="a-2", name="other")
    linked = sign_in(other, services=by_email)
    assert (linked.id, linked.access.grants) == (by_name.id, (Grant(Role.MODERATOR),))
    with pytest.raises(AuthenticationFailed):
        authenticate_moderator(services, by_name.name, PASSWORD)
    assert sign_in(other._replace(subject="a-3", name="third"), services=by_email).name == "third"
    add_moderator(services, "mara", PASSWORD)
    set_digest(services, "mara", "mara@example.org", DigestPeriod.DAY)
    mara = ALICE._replace(subject="a-4", name="m", email="MARA@example.org")
    assert sign_in(mara, services=by_email).name == "mara"


def services_without_email(services: Services) -> Services:
    return with_provider(services, by_email=False)


def test_an_address_gets_past_no_code_and_decides_no_tie(services: Services, sign_in: SignIn) -> None:
    """A moderator with TOTP keeps password and code, until an operator links them."""
    by_email = with_provider(services, by_email=True)
    set_up(services, add_moderator(services, ALICE.email, PASSWORD))
    with pytest.raises(AccessRefused, match="has TOTP"):
        sign_in(services=by_email)
    assert authenticate_moderator(services, ALICE.email, PASSWORD).has_totp
    for name in ("Ann", "Otto"):
        add_moderator(services, name, PASSWORD)
        set_digest(services, name, "both@example.org", DigestPeriod.DAY)
    with pytest.raises(AccessRefused, match="Several moderators"):
        sign_in(ALICE._replace(subject="a-2", email="both@example.org"), services=by_email)
    assert sign_in(ALICE._replace(subject="a-3", name="new", email=""), services=by_email).name == "new"


def test_a_second_factor_may_be_required(clients: Services, moderator: Moderator, sign_in: SignIn) -> None:
    """The provider reports one, or the linked moderator has TOTP; without either no moderator is made."""
    with pytest.raises(AccessRefused, match="second factor"):
        sign_in(needs_second_factor=True)
    assert [each.name for each in list_moderators(clients)] == ["mara"]
    assert sign_in(ALICE._replace(has_second_factor=True), needs_second_factor=True).name == "alice"
    set_up(clients, moderator)
    link(clients, "mara", "m-1")
    assert sign_in(ALICE._replace(subject="m-1"), needs_second_factor=True).has_totp


def test_a_removed_moderator_comes_back_by_a_group_alone(clients: Services, sign_in: SignIn) -> None:
    """As another one. A person who must not come back has to lose the group at the provider."""
    first = sign_in()
    remove_moderator(clients, "alice")
    assert sign_in().id != first.id
