"""Admit the people whom the OIDC provider signs in, as moderators with the roles of their groups.

The identity of a person is the issuer and the subject. Names and addresses change hands, so they identify at most once,
for the first link.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from moderation.actions.moderators import COMMAND_LINE, check_name, hash_of_no_password, require_moderator
from moderation.actions.oidc import require_provider
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.act_log import LINKED, PROVIDER_REFUSED, PROVIDER_SIGN_IN, UNLINKED
from moderation.domain.decision import Moderator
from moderation.domain.errors import AccessRefused, AuthenticationFailed, InvalidInput, NotFound
from moderation.domain.oidc import MAX_SUBJECT_LENGTH, PROVIDER, GroupRole, ProviderPerson
from moderation.domain.people import Grant
from moderation.storage import grants, identities, moderators, notes, sessions
from moderation.storage.engine import read_transaction

PENDING_SECONDS = 600
"""Time for the sign-in at the provider."""

_STATE_MARGIN_SECONDS = 60
_RESERVED_NAMES = frozenset({COMMAND_LINE, PROVIDER})
_NO_GROUP = "None of your groups at the provider has a role here. Ask an operator of this service."
_NO_SECOND_FACTOR = (
    "This service requires a second factor, and the provider reported none (mfa in amr). Set one up there."
)


def admit(services: Services, person: ProviderPerson, state: str, *, needs_second_factor: bool = False) -> Moderator:
    """Return the moderator that a person is, with the roles of the groups of this moment. Uses the state up.

    Raises `AuthenticationFailed` for a state that was used in any process, and `AccessRefused` for a person without a
    role, who then has none left here. So it does if there is no second factor, neither here nor at the provider.
    """
    rules = require_provider(services).client.rules
    wanted, now = _grants_of(services, rules.roles(person.groups)), services.clock()

    def store(connection: Connection) -> Moderator | str:
        expires_at = now + timedelta(seconds=PENDING_SECONDS + _STATE_MARGIN_SECONDS)
        if not identities.use_state(connection, sha256(state.encode()).hexdigest(), expires_at):
            raise AuthenticationFailed("This sign-in has ended already. Start again.")
        name = identities.find_name(connection, person.issuer, person.subject)
        moderator = require_moderator(connection, name) if name else None
        if not wanted:
            _withdraw(connection, moderator, now)
            return _refuse(connection, person, _NO_GROUP, now)
        if needs_second_factor and not person.has_second_factor and not (moderator and moderator.has_totp):
            return _refuse(connection, person, _NO_SECOND_FACTOR, now)
        if moderator is None:
            linkable = identities.names_by_email(connection, person.email) if rules.links_by_email else []
            problem = _problem(connection, person, linkable)
            if problem:
                return _refuse(connection, person, problem, now)
            moderator = _link_or_add(connection, person, linkable, now)
        _refresh_roles(connection, moderator, wanted, now)
        moderators.log_change(connection, PROVIDER_SIGN_IN, moderator.name, moderator.name, PROVIDER, now)
        return require_moderator(connection, moderator.name)

    admitted = services.writer.run(store)
    if isinstance(admitted, str):
        raise AccessRefused(admitted)
    return admitted


def link(services: Services, name: str, subject: str) -> None:
    """Link a moderator to the person of the provider with this subject, and take the password away.

    Raises `NotFound` for an unknown moderator and without a provider, `InvalidInput` for an unusable subject, and
    `Conflict` if either is linked already.
    """
    issuer, now = require_provider(services).client.issuer, services.clock()
    if not 0 < len(subject) <= MAX_SUBJECT_LENGTH or not subject.isprintable():
        raise InvalidInput(f"A subject is 1 to {MAX_SUBJECT_LENGTH} printable characters.")

    def add(connection: Connection) -> None:
        _link(connection, require_moderator(connection, name), issuer, subject, now)
        moderators.log_change(connection, LINKED, name, COMMAND_LINE, COMMAND_LINE, now)

    services.writer.run(add)


def unlink(services: Services, name: str) -> int:
    """End the link of a moderator to a person of the provider, and all sessions. Returns how many.

    The roles stay, and there is no password. Raises `NotFound` for an unknown moderator, and for one without a link.
    """

    def remove(connection: Connection) -> int:
        moderator = require_moderator(connection, name)
        if not identities.remove(connection, moderator.id):
            raise NotFound("This moderator is not linked to a person of the provider.")
        moderators.log_change(connection, UNLINKED, name, COMMAND_LINE, COMMAND_LINE, services.clock())
        return sessions.remove_of(connection, moderator.id)

    return services.writer.run(remove)


def is_linked(services: Services, moderator: Moderator) -> bool:
    """Return whether the provider signs a moderator in."""
    return moderator.name in list_subjects(services)


def list_subjects(services: Services) -> dict[str, str]:
    """Return the subjects at the provider of all linked moderators, by name."""
    with read_transaction(services.engine) as connection:
        return identities.subjects(connection)


def _grants_of(services: Services, roles: Collection[GroupRole]) -> frozenset[Grant]:
    """Return the grants of roles. One on a site that is not registered, or no longer, grants nothing."""
    found = set()
    for role, url in roles:
        if url is None:
            found.add(Grant(role))
            continue
        with suppress(NotFound):
            found.add(Grant(role, find_site(services, url).id))
    return frozenset(found)


def _refuse(connection: Connection, person: ProviderPerson, problem: str, at: datetime) -> str:
    # Under the subject: the name may be that of another moderator.
    moderators.log_change(connection, PROVIDER_REFUSED, person.subject, PROVIDER, PROVIDER, at)
    return problem


def _problem(connection: Connection, person: ProviderPerson, linkable: Sequence[str]) -> str:
    """Return why a person without a link is neither linked nor added; an empty text if nothing is in the way."""
    way_out = f"An operator can link you by your subject, {person.subject}: `moderation moderator link`."
    if len(linkable) > 1:
        return f"Several moderators here have your e-mail address. {way_out}"
    if linkable:
        # The address alone must not get past the code, nor take the password of a person who has one.
        has_totp = require_moderator(connection, linkable[0]).has_totp
        return f"The moderator with your e-mail address has TOTP. {way_out}" if has_totp else ""
    try:
        check_name(person.name)
    except InvalidInput:
        return f"The provider sent no name that this service can use. {way_out}"
    if moderators.find(connection, person.name) or person.name.casefold() in _RESERVED_NAMES:
        return f"Your name is that of another moderator here. {way_out}"
    return ""


def _link_or_add(connection: Connection, person: ProviderPerson, linkable: Sequence[str], at: datetime) -> Moderator:
    """Link a person to the moderator with the e-mail address, or to a new one. Returns the moderator."""
    name = linkable[0] if linkable else person.name
    if not linkable:
        moderators.add(connection, name, hash_of_no_password(), at)
    moderator = require_moderator(connection, name)
    _link(connection, moderator, person.issuer, person.subject, at)
    moderators.log_change(connection, LINKED, name, name, PROVIDER, at)
    return moderator


def _link(connection: Connection, moderator: Moderator, issuer: str, subject: str, at: datetime) -> None:
    # The password must not outlive the account at the provider.
    moderators.set_password_hash(connection, moderator.id, hash_of_no_password())
    sessions.remove_of(connection, moderator.id)
    identities.add(connection, issuer, subject, moderator.id, at)


def _withdraw(connection: Connection, moderator: Moderator | None, at: datetime) -> None:
    """Revoke the roles of a person without a group, and end the sessions."""
    if moderator is not None:
        grants.revoke_all(connection, moderator.id, PROVIDER, at)
        notes.ask_anybody(connection, moderator.name, None)
        sessions.remove_of(connection, moderator.id)


def _refresh_roles(connection: Connection, moderator: Moderator, wanted: frozenset[Grant], at: datetime) -> None:
    """Make the roles of a moderator those of the groups. A role that is right stays as it is."""
    present, places = frozenset(moderator.access.grants), {grant.site_id for grant in wanted}
    for grant in present - wanted:
        if grant.site_id not in places:
            grants.revoke(connection, moderator.id, grant.site_id, PROVIDER, at)
            notes.ask_anybody(connection, moderator.name, grant.site_id)
    for grant in wanted - present:
        grants.add(connection, moderator.id, moderator.name, grant, PROVIDER, at)
