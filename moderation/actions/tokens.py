"""Tokens of a site for parts of the API, with an end and the time of the last use."""

import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.errors import AuthenticationFailed, InvalidInput, NotFound, StorageUnavailable
from moderation.domain.tokens import ApiToken, Purpose
from moderation.storage import tokens
from moderation.storage.engine import read_transaction
from moderation.storage.installation import change_sites_version
from moderation.storage.locks import lock_site
from moderation.storage.site_cache import KnownSite

PREFIX = "moderation-"
"""Beginning of every token: no key of a site has it, and programs that look for leaked secrets can name it."""
MAX_NAME_LENGTH = 100
USE_PRECISION = timedelta(minutes=10)
"""Time within which a further use of a token is not written down."""

_TOKEN_BYTES = 32
_MAX_TOKEN_LENGTH = 100


class NewToken(NamedTuple):
    """A stored token, and its secret text, which is not stored."""

    token: ApiToken
    text: str


def add_token(services: Services, url: str, name: str, purposes: Collection[Purpose], days: int | None) -> NewToken:
    """Give a site a token for some purposes, which ends after some days, or never with `None`.

    Raises `NotFound` for an unknown site, and `InvalidInput` for an invalid name or no purpose.
    """
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= MAX_NAME_LENGTH:
        raise InvalidInput(f"A token's name is 1 to {MAX_NAME_LENGTH} printable characters without spaces around it.")
    if not purposes:
        raise InvalidInput("A token needs a purpose: score, label, read or admin.")
    site, now = find_site(services, url), services.clock()
    text = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    expires_at = None if days is None else now + timedelta(days=days)
    token = ApiToken(0, site.id, name, frozenset(purposes), now, expires_at, None)

    def add(connection: Connection) -> ApiToken:
        lock_site(connection, site.id)
        return tokens.add(connection, _digest(text), token)

    return NewToken(services.writer.run(add), text)


def list_tokens(services: Services) -> list[tuple[str, ApiToken]]:
    """Return the tokens that were not revoked, expired ones too, each with the address of its site."""
    with read_transaction(services.engine) as connection:
        return tokens.list_all(connection)


def revoke_token(services: Services, token_id: int) -> None:
    """Revoke a token, from the next request on. Raises `NotFound`."""
    now = services.clock()

    def revoke(connection: Connection) -> None:
        if not tokens.revoke(connection, token_id, now):
            raise NotFound("There is no token with this id: see `moderation token list`.")
        change_sites_version(connection)

    services.writer.run(revoke)


def is_token(text: str) -> bool:
    """Return whether a text looks like a token, not like the key of a site."""
    return text.startswith(PREFIX)


def authenticate_token(services: Services, text: str, *, recall: bool = False) -> KnownSite:
    """Return the site of a token that has not ended, and the token. Notes its use.

    Raises `AuthenticationFailed` and `StorageUnavailable`. With `recall`, a database that cannot be read gives the site
    as it was when the token was used last, with the `storage_error`.
    """
    digest, now = _digest(text), services.clock()
    known = _find(services, digest, recall) if len(text) <= _MAX_TOKEN_LENGTH else None
    if known is None or known.token is None or not known.token.is_valid(now):
        raise AuthenticationFailed("This token belongs to no site, or has expired.")
    last = known.token.last_used_at
    if not known.site.storage_error and (last is None or now - last >= USE_PRECISION):
        _note_use(services, known.token, digest)
    return known


def _find(services: Services, digest: str, recall: bool) -> KnownSite | None:
    try:
        return services.site_cache.find_by_token(digest)
    except StorageUnavailable as error:
        known = services.site_cache.recall(digest) if recall else None
        if known is None:
            raise
        return known._replace(site=replace(known.site, storage_error=str(error)))


def _note_use(services: Services, token: ApiToken, digest: str) -> None:
    # The request itself may still be answered.
    with suppress(StorageUnavailable):
        now = services.clock()
        services.writer.run(lambda connection: tokens.note_use(connection, token.id, now))
        services.site_cache.forget(digest)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
