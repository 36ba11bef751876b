"""Send moderators a digest by mail: what waits since the last one. Nothing new, no mail."""

from email.errors import MessageError
from email.headerregistry import Address
from threading import Event

from sqlalchemy import Connection

from moderation.actions.deliveries import (
    CALL_TIMEOUT_SECONDS,
    NEVER_SET,
    NotAccepted,
    Outbox,
    ReceiverUnavailable,
    deliver_round,
)
from moderation.actions.digest_mail import EXCERPT_LENGTH, MAX_COMMENTS, DigestContent, write_mail
from moderation.actions.moderators import find_moderator, require_moderator
from moderation.actions.review import EXPIRY_WARNING
from moderation.actions.services import Services
from moderation.domain.digests import Digest, DigestPeriod
from moderation.domain.errors import InvalidInput, NotFound
from moderation.domain.people import NO_SITES, Permission, SiteScope
from moderation.domain.queue import HELD, ListName
from moderation.outbound.addresses import DeliveryError
from moderation.outbound.mail import MailRefused, send_mail
from moderation.storage import alarms, digests, moderators, queue_lists
from moderation.storage.digests import DueDigest
from moderation.storage.engine import read_transaction

DEFAULT_HOUR = 6
"""Hour of the day, in UTC, of a daily digest."""
MAX_ADDRESS_LENGTH = 254
"""Longest address that SMTP carries (RFC 5321)."""

_MAX_PER_ROUND = 20


def set_digest(services: Services, name: str, email: str, period: DigestPeriod, hour: int = DEFAULT_HOUR) -> None:
    """Send the moderator a digest from now on. Raises `InvalidInput` for an unusable address, and `NotFound`."""
    check_address(email)

    def put(connection: Connection) -> None:
        moderator_id = require_moderator(connection, name).id
        digests.put(connection, moderator_id, email, period, hour, services.clock())

    services.writer.run(put)


def end_digest(services: Services, name: str) -> None:
    """Send the moderator no more digests. Raises `NotFound`."""
    services.writer.run(lambda connection: digests.remove(connection, require_moderator(connection, name).id))


def list_digests(services: Services) -> list[Digest]:
    """Return the digests of all moderators."""
    with read_transaction(services.engine) as connection:
        return digests.list_all(connection)


def count_failing_digests(services: Services) -> int:
    """Return how many digests failed at their last attempt."""
    with read_transaction(services.engine) as connection:
        return digests.count_failing(connection)


def send_due_digests(
    services: Services, *, seconds: float = CALL_TIMEOUT_SECONDS, stop_event: Event = NEVER_SET
) -> int:
    """Run a round of deliveries, as `deliver_round` does, and return how many digests were settled."""
    return deliver_round(services, _OUTBOX, seconds, stop_event)


def send_digest_now(services: Services, name: str) -> None:
    """Send the moderator's digest at once, to try the settings; the next one comes as if there had been none.

    Raises `NotFound` without a digest, and `InvalidInput` with the problem if it cannot be sent.
    """
    moderator = find_moderator(services, name)
    if moderator is None:
        raise NotFound("There is no moderator with this name.")
    with read_transaction(services.engine) as connection:
        digest = digests.find(connection, moderator.id, services.clock())
    if digest is None:
        raise NotFound("This moderator has no digest.")
    try:
        _send(services, digest, _read_content(services, digest), CALL_TIMEOUT_SECONDS)
    except (NotAccepted, ReceiverUnavailable, DeliveryError) as error:
        raise InvalidInput(f"The digest was not sent. {error}") from None


def check_address(email: str) -> None:
    """Raise `InvalidInput` for a text that is no mail address in ASCII."""
    try:
        is_usable = email.isascii() and len(email) <= MAX_ADDRESS_LENGTH and "@" in email
        is_usable = is_usable and Address(addr_spec=email).addr_spec == email
    except (ValueError, IndexError, MessageError):
        is_usable = False
    if not is_usable:
        raise InvalidInput("A mail address must look like mara@example.org, in ASCII.")


def _deliver(services: Services, claimed: DueDigest, seconds: float) -> None:
    content = _read_content(services, claimed)
    if content.new or content.alarms or _has_expiring(services, claimed):
        _send(services, claimed, content, seconds)


def _send(services: Services, digest: DueDigest, content: DigestContent, seconds: float) -> None:
    server = services.mail_server
    if server is None:
        raise ReceiverUnavailable("No mail server is set: set MODERATION_SMTP_HOST.")
    mail = write_mail(content, digest, server.sender, services.public_url)
    try:
        send_mail(server, mail, seconds)
    except MailRefused as error:
        raise NotAccepted(str(error)) from None


def _read_content(services: Services, digest: DueDigest) -> DigestContent:
    since, until = digest.covered_until, digest.until
    with read_transaction(services.engine) as connection:
        scope = _scope(connection, digest)
        newest = queue_lists.page(connection, scope, HELD, "", MAX_COMMENTS, 4 * EXCERPT_LENGTH).comments
        return DigestContent(
            since,
            until,
            [comment for comment in newest if since < comment.since <= until],
            queue_lists.count(connection, scope, ListName.HELD),
            queue_lists.count_expiring(connection, scope, until, until + EXPIRY_WARNING),
            [alarm for alarm in alarms.list_all(connection, scope) if since < alarm.since <= until],
        )


def _has_expiring(services: Services, digest: DueDigest) -> bool:
    """Return whether a comment came within `EXPIRY_WARNING` of its publication since the last digest."""
    since, until = digest.covered_until + EXPIRY_WARNING, digest.until + EXPIRY_WARNING
    with read_transaction(services.engine) as connection:
        return queue_lists.count_expiring(connection, _scope(connection, digest), since, until) > 0


def _scope(connection: Connection, digest: DueDigest) -> SiteScope:
    """Return the sites of which the moderator may read comments now."""
    found = moderators.find(connection, digest.name)
    return found[0].access.scope(Permission.READ) if found else NO_SITES


_OUTBOX = Outbox(
    failure_event="digest failed",
    due=lambda connection, now: digests.due(connection, now, _MAX_PER_ROUND),
    receiver=lambda _: "the mail server",
    claim=digests.claim,
    deliver=_deliver,
    mark_delivered=digests.mark_sent,
    mark_failed=digests.mark_failed,
    log_fields=lambda digest: {"moderator": digest.name},
)
