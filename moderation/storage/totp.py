"""Store the TOTP secrets of moderators, encrypted, and the digests of their recovery codes."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from moderation.storage.operator_tables import recovery_codes, totp


class StoredTotp(NamedTuple):
    """The secrets of a moderator, and since when the one in force is; `None` for what there is not."""

    encrypted_secret: str | None
    pending_secret: str | None
    enabled_at: datetime | None


def find(connection: Connection, moderator_id: int) -> StoredTotp | None:
    """Return the secrets of a moderator; `None` without any."""
    columns = (totp.c[name] for name in StoredTotp._fields)
    row = connection.execute(select(*columns).where(totp.c.moderator_id == moderator_id)).first()
    return StoredTotp(*row) if row else None


def count_recovery_codes(connection: Connection, moderator_id: int) -> int:
    """Return how many recovery codes a moderator has not used."""
    of_moderator = recovery_codes.c.moderator_id == moderator_id
    return int(connection.execute(select(func.count()).where(of_moderator)).scalar_one())


def put_pending(connection: Connection, moderator_id: int, encrypted_secret: str) -> None:
    """Store a secret that waits for its first code. The moderator must be locked."""
    changed = update(totp).where(totp.c.moderator_id == moderator_id).values(pending_secret=encrypted_secret)
    if not connection.execute(changed).rowcount:
        connection.execute(insert(totp), {"moderator_id": moderator_id, "pending_secret": encrypted_secret})


def enable(connection: Connection, moderator_id: int, pending_secret: str, step: int, at: datetime) -> bool:
    """Put the pending secret in force. Returns false if it is not this one."""
    statement = update(totp).where(totp.c.moderator_id == moderator_id, totp.c.pending_secret == pending_secret)
    values = {"encrypted_secret": pending_secret, "pending_secret": None, "last_step": step, "enabled_at": at}
    return connection.execute(statement.values(values)).rowcount == 1


def use_step(connection: Connection, moderator_id: int, encrypted_secret: str, step: int) -> bool:
    """Store the time step of a code of the secret. Returns false if a code of this step or a later one was used."""
    is_new = or_(totp.c.last_step.is_(None), totp.c.last_step < step)
    of_secret = (totp.c.moderator_id == moderator_id, totp.c.encrypted_secret == encrypted_secret)
    return connection.execute(update(totp).where(*of_secret, is_new).values(last_step=step)).rowcount == 1


def put_recovery_codes(connection: Connection, moderator_id: int, digests: Collection[str]) -> None:
    """Store recovery codes in the place of all former ones."""
    _remove_recovery_codes(connection, moderator_id)
    connection.execute(insert(recovery_codes), [{"moderator_id": moderator_id, "digest": each} for each in digests])


def use_recovery_code(connection: Connection, moderator_id: int, digest: str) -> bool:
    """Delete a recovery code. Returns false if there is none, or no longer."""
    of_code = (recovery_codes.c.moderator_id == moderator_id, recovery_codes.c.digest == digest)
    return connection.execute(delete(recovery_codes).where(*of_code)).rowcount == 1


def remove(connection: Connection, moderator_id: int) -> None:
    """Delete the secrets and recovery codes of a moderator."""
    _remove_recovery_codes(connection, moderator_id)
    connection.execute(delete(totp).where(totp.c.moderator_id == moderator_id))


def _remove_recovery_codes(connection: Connection, moderator_id: int) -> None:
    connection.execute(delete(recovery_codes).where(recovery_codes.c.moderator_id == moderator_id))
