"""Store which moderator a person of the OIDC provider is, and the sign-ins that have ended."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import Conflict
from moderation.storage.operator_tables import digests, identities, moderators, used_states


def find_name(connection: Connection, issuer: str, subject: str) -> str | None:
    """Return the name of the moderator with an identity."""
    of_identity = (identities.c.issuer == issuer, identities.c.subject == subject)
    statement = select(moderators.c.name).join(identities, identities.c.moderator_id == moderators.c.id)
    return connection.execute(statement.where(*of_identity)).scalar()


def add(connection: Connection, issuer: str, subject: str, moderator_id: int, at: datetime) -> None:
    """Give a moderator an identity. Raises `Conflict` if either has another already."""
    row = {"issuer": issuer, "subject": subject, "moderator_id": moderator_id, "linked_at": at}
    try:
        connection.execute(insert(identities), row)
    except IntegrityError:
        raise Conflict("The moderator or the subject is linked already: see `moderation moderator list`.") from None


def remove(connection: Connection, moderator_id: int) -> bool:
    """Delete the identity of a moderator. Returns false if there is none."""
    return connection.execute(delete(identities).where(identities.c.moderator_id == moderator_id)).rowcount == 1


def subjects(connection: Connection) -> dict[str, str]:
    """Return the subjects of all moderators with an identity, by name."""
    joined = identities.join(moderators, moderators.c.id == identities.c.moderator_id)
    rows = connection.execute(select(moderators.c.name, identities.c.subject).select_from(joined))
    return {row.name: row.subject for row in rows}


def names_by_email(connection: Connection, email: str) -> list[str]:
    """Return the moderators without identity whose name, or address of the digest, is an e-mail address."""
    joined = moderators.outerjoin(digests, digests.c.moderator_id == moderators.c.id)
    has_address = or_(func.lower(moderators.c.name) == email.lower(), func.lower(digests.c.email) == email.lower())
    is_free = moderators.c.id.not_in(select(identities.c.moderator_id))
    return list(connection.execute(select(moderators.c.name).select_from(joined).where(has_address, is_free)).scalars())


def use_state(connection: Connection, digest: str, expires_at: datetime) -> bool:
    """Store that a sign-in has ended. Returns false if it had already, in any process."""
    row = {"digest": digest, "expires_at": expires_at}
    insert_new = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    added = insert_new(used_states).values(row).on_conflict_do_nothing().returning(used_states.c.digest)
    return connection.execute(added).first() is not None


def purge_states(connection: Connection, at: datetime) -> None:
    """Delete the ended sign-ins whose state is too old for another use."""
    connection.execute(delete(used_states).where(used_states.c.expires_at <= at))
