"""Recognize a request that a client sends again, so that it gets the decision of the first one.

A client that had no answer in time cannot know whether its comment was judged. Judged again, the comment would have two
decisions, and maybe two queue items.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.comment import COMMENT_FIELDS, Comment, SubmissionSignals
from moderation.domain.decision import Decision
from moderation.domain.site import Callback, Site
from moderation.storage import comments, decisions, labels
from moderation.storage.locks import lock_request

MAX_RETRY_SECONDS = 60.0
"""Time after a decision during which the same request counts as its retry."""

# All but the page's age, which depends on the clock.
_HASHED_SIGNALS = ("honeypot_filled", "script_ran", "seconds_to_submit", "keystrokes", "page_tags")


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


def find_retried(connection: Connection, decision: Decision, request_hash: int) -> RetriedDecision | None:
    """Return the decision that an earlier request with this hash had; `None` if this one is to be judged.

    `decision` is the new one. A decision whose comment was labelled since, or that is more than `MAX_RETRY_SECONDS`
    away, before or after by the clock, is no answer any longer. The request is locked until the transaction ends.
    """
    lock_request(connection, request_hash)
    comment_id = comments.find_by_retry_hash(connection, request_hash)
    if comment_id is None:
        return None
    earlier = decisions.find_current(connection, decision.site_id, comment_id)
    if earlier is None or labels.last(connection, comment_id) is not None:
        return None
    if abs((decision.decided_at - earlier.decided_at).total_seconds()) > MAX_RETRY_SECONDS:
        return None
    return RetriedDecision(earlier, comment_id)
