"""Sites and their keys: adding, removing, authenticating, and the settings of one site."""

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from moderation.actions.moderators import check_name, hash_password, store_moderator
from moderation.actions.services import Services
from moderation.domain.errors import AuthenticationFailed, InvalidInput, NotFound, StorageUnavailable
from moderation.domain.people import Grant, Role
from moderation.domain.site import AkismetReviewSettings, OnError, Site
from moderation.domain.thresholds import Thresholds
from moderation.domain.urls import normalize_url
from moderation.storage import moderators, sites
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_installation, lock_site

MAX_ACTIVE_KEYS = 2
"""The newest key, and the one before it, which a blog may still have configured."""

MAX_URL_LENGTH = 500
"""Code points of a site's address. An entry of an index of PostgreSQL has at most 2,704 bytes."""

_KEY_PATTERN = re.compile(r"[0-9a-f]{12}")

_COMMENT_TYPE_PATTERN = re.compile(r"[\w-]{1,50}", re.ASCII)


def add_site(services: Services, url: str, key: str | None = None) -> tuple[Site, str]:
    """Store a new site and return it with its key, which is not stored. `key` sets a key of 12 hex digits.

    Raises `InvalidInput` for an invalid URL or key, `Conflict` if either is taken.
    """
    address = _validate_url(url)
    new_key = _generate_key() if key is None else _validate_key(key)
    return services.writer.run(lambda connection: _add_site(services, connection, address, new_key)), new_key


def bootstrap(services: Services, url: str, name: str, password: str) -> tuple[Site, str] | None:
    """Store a first site and a first moderator, its owner, together or not at all. Returns the site and its key.

    Returns `None` and changes nothing if any site or moderator exists. Raises `InvalidInput`.
    """
    address, new_key = _validate_url(url), _generate_key()
    check_name(name)
    password_hash = hash_password(password)

    def add_both(connection: Connection) -> Site | None:
        lock_installation(connection)
        if sites.active(connection) or moderators.list_all(connection):
            return None
        store_moderator(connection, name, password_hash, Grant(Role.OWNER), services.clock())
        return _add_site(services, connection, address, new_key)

    site = services.writer.run(add_both)
    return None if site is None else (site, new_key)


def list_sites(services: Services) -> list[Site]:
    """Return every site that was not removed, in the order of their URLs."""
    with read_transaction(services.engine) as connection:
        return sites.active(connection)


def find_site(services: Services, url: str) -> Site:
    """Return the site with this URL in any spelling. Raises `NotFound`."""
    with read_transaction(services.engine) as connection:
        return _get_site(connection, url)


def rotate_key(services: Services, url: str) -> str:
    """Add a key to a site and return it. The key before it stays active until the next rotation."""
    new_key = _generate_key()
    now = services.clock()

    def rotate(connection: Connection) -> None:
        site = _lock_site(connection, url)
        _add_key(services, connection, site, new_key)
        sites.retire_keys(connection, site.id, MAX_ACTIVE_KEYS, now)

    services.writer.run(rotate)
    return new_key


def remove_site(services: Services, url: str) -> None:
    """Remove a site: its keys stop working at once, its comments and labels stay stored. Raises `NotFound`."""
    now = services.clock()

    def remove(connection: Connection) -> None:
        site = _lock_site(connection, url)
        sites.remove(connection, site.id, now)
        sites.retire_keys(connection, site.id, 0, now)

    services.writer.run(remove)


def set_thresholds(services: Services, url: str, thresholds: Thresholds | None) -> Site:
    """Set the site's own thresholds, or return it to the rollout with `None`. Returns the changed site."""
    return change_site(services, url, lambda connection, site: sites.set_thresholds(connection, site.id, thresholds))


def set_type_thresholds(services: Services, url: str, comment_type: str, thresholds: Thresholds | None) -> Site:
    """Set thresholds for one comment type, or delete them with `None`. Returns the changed site.

    Raises `InvalidInput` for an invalid type.
    """
    if not _COMMENT_TYPE_PATTERN.fullmatch(comment_type):
        raise InvalidInput("A comment type is up to 50 letters, digits, hyphens or underscores.")

    def change(connection: Connection, site: Site) -> None:
        type_thresholds = dict(site.type_thresholds)
        type_thresholds.pop(comment_type, None)
        if thresholds is not None:
            type_thresholds[comment_type] = thresholds
        sites.set_type_thresholds(connection, site.id, type_thresholds)

    return change_site(services, url, change)


def set_akismet_review(services: Services, url: str, akismet_review: AkismetReviewSettings) -> Site:
    """Set how the site's Akismet client keeps comments that await review. Returns the changed site."""
    return change_site(
        services, url, lambda connection, site: sites.set_akismet_review(connection, site.id, akismet_review)
    )


def set_on_error(services: Services, url: str, on_error: OnError) -> Site:
    """Set the site's answer for comments that cannot be judged. Returns the changed site."""
    return change_site(services, url, lambda connection, site: sites.set_on_error(connection, site.id, on_error))


def change_site(services: Services, url: str, change: Callable[[Connection, Site], None]) -> Site:
    """Apply a change to the site with this URL and return the changed site. Raises `NotFound`."""

    def apply(connection: Connection) -> Site:
        change(connection, _lock_site(connection, url))
        return _get_site(connection, url)

    return services.writer.run(apply)


def authenticate_site(services: Services, key: str, *, recall: bool = False) -> Site:
    """Return the site that an active key belongs to. Raises `AuthenticationFailed` and `StorageUnavailable`.

    The look-up compares keyed digests, so its timing reveals nothing about valid keys. With `recall`, a database that
    cannot be read gives the site as it was when its key was used last, with the `storage_error`.
    """
    candidate = key.lower()
    if _KEY_PATTERN.fullmatch(candidate):
        digest = key_digest(services, candidate)
        site = _find_by_digest(services, digest, recall)
        if site is not None:
            return site
    raise AuthenticationFailed("This key belongs to no site.")


def key_digest(services: Services, key: str) -> str:
    """Return the stored form of a key: a keyed digest, so that a copy of the database opens no site."""
    return hmac.digest(services.secret, key.encode(), "sha256").hex()


def _find_by_digest(services: Services, digest: str, recall: bool) -> Site | None:
    try:
        return services.site_cache.find_by_key(digest)
    except StorageUnavailable as error:
        known = services.site_cache.recall(digest) if recall else None
        if known is None:
            raise
        return replace(known.site, storage_error=str(error))


def _add_site(services: Services, connection: Connection, address: str, key: str) -> Site:
    site = sites.add(connection, address, services.clock())
    _add_key(services, connection, site, key)
    return site


def _add_key(services: Services, connection: Connection, site: Site, key: str) -> None:
    sites.add_key(connection, site.id, key_digest(services, key), key[:4], services.clock())


def _get_site(connection: Connection, url: str) -> Site:
    site = sites.find(connection, normalize_url(url))
    if site is None:
        raise NotFound("There is no site with this address.")
    return site


def _lock_site(connection: Connection, url: str) -> Site:
    lock_site(connection, _get_site(connection, url).id)
    # Read again: another process may have changed or removed it before the lock.
    return _get_site(connection, url)


def _validate_url(url: str) -> str:
    address = normalize_url(url)
    if len(address) > MAX_URL_LENGTH:
        raise InvalidInput(f"A site's address has at most {MAX_URL_LENGTH} characters; this one has {len(address)}.")
    return address


def _generate_key() -> str:
    return secrets.token_hex(6)


def _validate_key(key: str) -> str:
    if not _KEY_PATTERN.fullmatch(key.lower()):
        raise InvalidInput("A key is 12 hexadecimal digits.")
    return key.lower()
