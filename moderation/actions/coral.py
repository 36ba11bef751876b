"""Coral's external moderation phase: the signing secret of a site, and the check of a signed request."""

from dataclasses import replace

from moderation.actions.encryption import decrypt, encrypt
from moderation.actions.services import Services
from moderation.actions.sites import change_site
from moderation.domain.coral import is_signed, validate_secret
from moderation.domain.errors import AuthenticationFailed, StorageUnavailable
from moderation.domain.site import Site
from moderation.storage import sites


def set_coral_secret(services: Services, url: str, secret: str | None) -> Site:
    """Store the signing secret of a site's phase in Coral, or delete it with `None`. Returns the changed site.

    One secret is enough: after a rotation Coral signs by the former one too, for as long as the person chose there.
    Raises `NotFound` and `InvalidInput`.
    """
    encrypted = "" if secret is None else encrypt(services, validate_secret(secret))
    return change_site(services, url, lambda connection, site: sites.set_coral_secret(connection, site.id, encrypted))


def authenticate_coral(services: Services, site_id: int, signatures: str, body: bytes) -> Site:
    """Return the site with this id if the body is signed by its secret. Raises `AuthenticationFailed`.

    A database that cannot be read gives the site as it was when Coral asked last, with the `storage_error`. Raises
    `StorageUnavailable` if there was no such request, or if the stored secret cannot be read.
    """
    site = _find(services, site_id)
    if site is None or not site.encrypted_coral_secret:
        raise AuthenticationFailed("This signature belongs to no site.")
    if not is_signed(decrypt(services, site.encrypted_coral_secret), signatures, body):
        raise AuthenticationFailed("This signature belongs to no site.")
    return site


def _find(services: Services, site_id: int) -> Site | None:
    try:
        return services.site_cache.find_by_id(site_id)
    except StorageUnavailable as error:
        known = services.site_cache.recall_by_id(site_id)
        if known is None:
            raise
        return replace(known, storage_error=str(error))
