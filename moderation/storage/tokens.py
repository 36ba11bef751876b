"""Store the digests of tokens for parts of the API, never the tokens."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from moderation.domain.tokens import ApiToken, Purpose
from moderation.storage.operator_tables import tokens
from moderation.storage.tables import sites

_COLUMNS = (
    *(tokens.c.id, tokens.c.site_id, tokens.c.name, tokens.c.purposes),
    *(tokens.c.created_at, tokens.c.expires_at, tokens.c.last_used_at),
)
_IN_FORCE = tokens.c.revoked_at.is_(None)


def add(connection: Connection, digest: str, token: ApiToken) -> ApiToken:
    """Store a new token by its digest. Returns it with its id."""
    row = {
        "site_id": token.site_id,
        "name": token.name,
        "digest": digest,
        "purposes": " ".join(sorted(token.purposes)),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    }
    return _from_row(connection.execute(insert(tokens).returning(*_COLUMNS), row).mappings().one())


def find(connection: Connection, digest: str) -> ApiToken | None:
    """Return the token with this digest, unless it was revoked."""
    row = connection.execute(select(*_COLUMNS).where(tokens.c.digest == digest, _IN_FORCE)).mappings().first()
    return None if row is None else _from_row(row)


def list_all(connection: Connection) -> list[tuple[str, ApiToken]]:
    """Return the tokens of active sites that were not revoked, expired ones too, each with the address of its site."""
    of_site = select(sites.c.url, *_COLUMNS).join(sites, sites.c.id == tokens.c.site_id)
    found = of_site.where(_IN_FORCE, sites.c.removed_at.is_(None)).order_by(sites.c.url, tokens.c.id)
    return [(row["url"], _from_row(row)) for row in connection.execute(found).mappings()]


def revoke(connection: Connection, token_id: int, at: datetime) -> bool:
    """Revoke a token. Returns false if there is none with this id."""
    revoked = update(tokens).where(tokens.c.id == token_id, _IN_FORCE).values(revoked_at=at)
    return connection.execute(revoked).rowcount == 1


def note_use(connection: Connection, token_id: int, at: datetime) -> None:
    """Store the time of a use, unless a later one is stored."""
    is_later = or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < at)
    connection.execute(update(tokens).where(tokens.c.id == token_id, is_later).values(last_used_at=at))


def _from_row(row: RowMapping) -> ApiToken:
    names = ("created_at", "expires_at", "last_used_at")
    purposes = frozenset(map(Purpose, row["purposes"].split()))
    return ApiToken(row["id"], row["site_id"], row["name"], purposes, *(row[name] for name in names))
