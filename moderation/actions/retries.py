"""Recognize a request that a client sends again, so that it gets the decision of the first one.

A client that had no answer in time cannot know whether its comment was judged. Judged again, the comment would have two
decisions, and maybe two queue items.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.authors import AUTHOR_CODES
from moderation.domain.comment import COMMENT_FIELDS, Comment, SubmissionSignals
from moderation.domain.decision import Decision
from moderation.domain.errors import IdempotencyKeyReused
from moderation.domain.lists import LIST_CODES
from moderation.domain.site import Callback, Site
from moderation.scoring.site_weights import LEARNT_HERE
from moderation.storage import comments, decisions, idempotency_keys, labels
from moderation.storage.engine import read_transaction
from moderation.storage.idempotency_keys import StoredKey
from moderation.storage.locks import lock_request

MAX_RETRY_SECONDS = 60.0
"""Time after a decision during which the same request counts as its retry."""

KEY_LIFETIME = timedelta(hours=24)
"""Time for which an `Idempotency-Key` is kept."""
MAX_KEYS_PER_SITE = 100_000
"""Keys of a site that the hourly purge leaves, the newest ones."""

# All but the page's age, which depends on the clock.
_HASHED_SIGNALS = ("honeypot_filled", "script_ran", "seconds_to_submit", "keystrokes", "page_tags")


class IdempotencyKey(NamedTuple):
    """The key by which a client names a request, and the SHA-256 of the request's route and body."""

    value: str
    fingerprint: str


class RetriedDecision(NamedTuple):
    """The decision in force on the comment of an earlier request, and the id of the comment."""

    decision: Decision
    comment_id: int


def retry_hash(
    services: Services,
    site: Site,
    comment: Comment,
    submission: SubmissionSignals,
    callback: Callback | None,
    identifiers: Sequence[str | None],
) -> int:
    """Return a hash of all that the verdict and the answer depend on, equal for a request and its retry.

    It has 64 bits and is keyed by the installation's secret: `identifiers` may hold an IP address, which could
    otherwise be found by trying all of them.
    """
    request = (
        site.id,
        *(getattr(comment, name) for name in COMMENT_FIELDS),
        *(getattr(submission, name) for name in _HASHED_SIGNALS),
        callback and callback.url,
        *identifiers,
    )
    encoded = repr(request).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(encoded, digest_size=8, key=services.secret).digest(), "big", signed=True)


def find_retried(
    connection: Connection, decision: Decision, content_hash: bytes, request_hash: int
) -> RetriedDecision | None:
    """Return the decision that an earlier request with this hash had; `None` if this one is to be judged.

    `decision` is the new one, `content_hash` that of its comment. An earlier decision is no answer if its comment was
    labelled since. Neither is one more than `MAX_RETRY_SECONDS` away, before or after by the clock. The request is
    locked until the transaction ends.
    """
    lock_request(connection, request_hash)
    author = decision.comment.author
    comment_id = comments.find_by_retry_hash(connection, decision.site_id, content_hash, author, request_hash)
    if comment_id is None:
        return None
    earlier = decisions.find_current(connection, decision.site_id, comment_id)
    if earlier is None or labels.last(connection, comment_id) is not None:
        return None
    if abs((decision.decided_at - earlier.decided_at).total_seconds()) > MAX_RETRY_SECONDS:
        return None
    return RetriedDecision(earlier, comment_id)


def have_equal_rules(decision: Decision, earlier: Decision) -> bool:
    """Return whether two decisions are by the same model, thresholds, lists, author rules and labels."""
    rules = [
        (judged.degraded, judged.score.model, judged.thresholds, _reasons_of_people(judged))
        for judged in (decision, earlier)
    ]
    return rules[0] == rules[1]


def find_keyed(
    connection: Connection, site: Site, key: IdempotencyKey, new: Sequence[Decision]
) -> list[Decision] | None:
    """Return the decisions that the request with this key had; `None` if the new ones are to be stored.

    The key is stored with the new decisions, unless one is degraded: a retry then has the chance of a judgement. A key
    whose decisions are gone counts as new. Raises `IdempotencyKeyReused`.
    """
    now = new[0].decided_at
    stored = StoredKey(key.fingerprint, tuple(decision.id for decision in new), now)
    is_stored = not any(decision.degraded for decision in new)
    if is_stored and idempotency_keys.add(connection, site.id, key.value, stored):
        return None
    known = idempotency_keys.find(connection, site.id, key.value)
    if known is not None and abs(now - known.created_at) <= KEY_LIFETIME:
        if known.fingerprint != key.fingerprint:
            raise IdempotencyKeyReused(
                "The Idempotency-Key belongs to another request: send a new request with a new key."
            )
        # In one query, as other requests wait for the end of this write.
        found = decisions.find_all(connection, site.id, known.decision_ids)
        if len(found) == len(known.decision_ids):
            return [found[decision_id] for decision_id in known.decision_ids]
    if is_stored:
        idempotency_keys.remove(connection, site.id, key.value)
        idempotency_keys.add(connection, site.id, key.value, stored)
    return None


def purge_keys(services: Services) -> None:
    """Delete the keys that are older than `KEY_LIFETIME`, or beyond the number that a site may have.

    In many short writes, so that decisions can be stored in between.
    """
    with read_transaction(services.engine, slow=True) as connection:
        site_ids = idempotency_keys.site_ids(connection)
    for site_id in site_ids:
        while services.writer.run(partial(_purge_site, services, site_id)):
            pass


def _purge_site(services: Services, site_id: int, connection: Connection) -> bool:
    return idempotency_keys.purge(connection, site_id, services.clock(), KEY_LIFETIME, MAX_KEYS_PER_SITE)


def _reasons_of_people(decision: Decision) -> list[tuple[float, str]]:
    reasons = decision.score.reasons
    listed = [(reason.weight, reason.detail) for reason in reasons if reason.code in LIST_CODES]
    # The weight of a rule or a label depends on all other reasons: repetition may have changed since.
    others = [(0.0, reason.detail) for reason in reasons if reason.code in AUTHOR_CODES or reason.code == LEARNT_HERE]
    return sorted([*listed, *others])
