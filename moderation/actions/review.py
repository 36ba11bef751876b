"""Read the queue: its lists, one comment, and the problems of the blogs that a moderator must see."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from moderation.actions.callbacks import describe_rejected_origin
from moderation.actions.judging import with_present_score, with_spans
from moderation.actions.services import Services
from moderation.domain.decision import LogEntry
from moderation.domain.errors import NotFound
from moderation.domain.queue import ListedComment, ListName, ListPage, Order, QueueList, parse_digits
from moderation.domain.thresholds import Verdict
from moderation.storage import callbacks, comments, decisions, labels, notes, queue_items, queue_lists, sites
from moderation.storage.callbacks import FailedCallbacks
from moderation.storage.engine import read_transaction

EXPIRY_WARNING = timedelta(hours=12)
"""How long before a blog publishes a held comment itself the queue warns."""
EXCERPT_LENGTH = 4_000
"""Code points of each field of a comment that a list reads."""
MAX_RESCORED_LENGTH = 20_000
"""Code points of the texts of one page that are scored again for their spans, so that long texts do not delay it."""
MAX_PART_LENGTH = 100_000
"""Code points that are read of a long text at once."""
MAX_HISTORY = 50
"""Rows of the log, and verdicts, in the history of a comment."""


class CommentPart(NamedTuple):
    """A comment with a part of its text, which begins at `start`, and the length of the whole text."""

    comment: ListedComment
    text: str
    start: int
    text_length: int


class History(NamedTuple):
    """The newest rows of the log on a comment, and the times and verdicts of the newest decisions on it."""

    labels: list[LogEntry]
    verdicts: list[tuple[datetime, Verdict]]


class HeldCounts(NamedTuple):
    """The numbers of held comments of each kind, each at most one more than `MAX_COUNTED`.

    `with_skipped` are all of them, audit items too. `audits` are the audit items that are not skipped, and `expiring`
    the comments that their blogs publish within `EXPIRY_WARNING`.
    """

    with_skipped: int
    audits: int
    expiring: int


def list_comments(
    services: Services,
    name: ListName,
    *,
    after: str = "",
    limit: int = 50,
    include_skipped: bool = False,
    order: Order = Order.NEWEST,
) -> ListPage:
    """Return a page of a list with spans; `after` is that of the page before.

    Skipped comments are left out of the held ones unless `include_skipped`. Long fields are cut to excerpts.
    """
    queue_list = QueueList(name, order, include_skipped, services.clock())
    with read_transaction(services.engine) as connection:
        page = queue_lists.page(connection, services.scope, queue_list, after, limit, EXCERPT_LENGTH)
    return page._replace(comments=with_spans_of_texts(services, page.comments))


def list_requests(services: Services, person: str, *, after: str = "", limit: int = 50) -> ListPage:
    """Return a page of the held comments, skipped or not, that wait for a person's second opinion, newest first."""
    before = parse_digits(after) if after else None
    with read_transaction(services.engine) as connection:
        found = notes.requests(connection, services.scope, person, before, limit + 1)
        ids = [decision_id for _, decision_id in found[:limit]]
        listed = queue_lists.find_many(connection, services.scope, ids, EXCERPT_LENGTH)
    by_id = {comment.id: comment for comment in with_spans_of_texts(services, listed)}
    # An item of a decision that a recheck has replaced has no comment.
    comments = [by_id[each] for each in ids if each in by_id]
    return ListPage(comments, str(found[limit - 1][0]) if len(found) > limit else "")


def read_comment(services: Services, decision_id: str, start: int = 0) -> CommentPart:
    """Return the comment of a decision by its current one, with its text from `start` on. Raises `NotFound`.

    Spans are offsets in the whole text. A text above `MAX_RESCORED_LENGTH` has none.
    """
    with read_transaction(services.engine) as connection:
        comment = queue_lists.find(connection, services.scope, decision_id, MAX_RESCORED_LENGTH)
        if comment is None:
            raise NotFound("There is no comment with this number.")
        text, text_length = comments.text_part(connection, comment.comment_id, start, MAX_PART_LENGTH)
    (comment,) = with_spans_of_texts(services, [comment])
    return CommentPart(comment, text, start, text_length)


def next_held(services: Services, decision_id: str) -> str | None:
    """Return the decision that follows another in the list of held comments, else the first one of the list."""
    with read_transaction(services.engine) as connection:
        return queue_items.next_held(connection, services.scope, decision_id)


def read_history(services: Services, comment: ListedComment) -> History:
    """Return the labels of a comment with their givers, and the answers to its blog, each newest first.

    An audit item has no verdicts, which would tell the person what to decide.
    """
    with read_transaction(services.engine) as connection:
        log = labels.read_log(connection, None, comment.comment_id, None, MAX_HISTORY)
        verdicts = [] if comment.is_audit else decisions.verdicts_on(connection, comment.comment_id, MAX_HISTORY)
        return History(log, verdicts)


def count_held(services: Services, *, include_skipped: bool = False) -> int:
    """Return how many comments are held, at most one more than `MAX_COUNTED`."""
    with read_transaction(services.engine) as connection:
        return queue_lists.count(connection, services.scope, ListName.HELD, include_skipped=include_skipped)


def count_lists(services: Services) -> dict[ListName, int]:
    """Return how many comments each list has, at most one more than `MAX_COUNTED`; of the held ones without skipped."""
    with read_transaction(services.engine) as connection:
        return {name: queue_lists.count(connection, services.scope, name) for name in ListName}


def count_held_kinds(services: Services) -> HeldCounts:
    """Return how many of the held comments are of each kind."""
    now = services.clock()
    with read_transaction(services.engine) as connection:
        return HeldCounts(
            queue_lists.count(connection, services.scope, ListName.HELD, include_skipped=True),
            queue_lists.count(connection, services.scope, ListName.HELD, audits_only=True),
            queue_lists.count_expiring(connection, services.scope, now, now + EXPIRY_WARNING),
        )


def failed_callbacks(services: Services) -> list[FailedCallbacks]:
    """Return the sites whose blogs did not confirm callbacks, with the number of these and one of the errors."""
    with read_transaction(services.engine) as connection:
        return callbacks.list_failed(connection, services.scope)


def describe_rejected_origins(services: Services, limit: int) -> list[str]:
    """Return a sentence for each of `limit` sites whose blogs cannot hold comments for their callbacks' origin."""
    with read_transaction(services.engine) as connection:
        rejected = sites.list_rejected_origins(connection, services.scope, limit)
    return [describe_rejected_origin(*site) for site in rejected]


def with_spans_of_texts(services: Services, listed: list[ListedComment]) -> list[ListedComment]:
    """Return the comments with the spans of their reasons, as long as their texts are whole and short together."""
    remaining, with_their_spans = MAX_RESCORED_LENGTH, []
    for comment in listed:
        length = len(comment.decision.comment.text)
        if not (comment.is_excerpt or comment.is_audit) and length <= remaining:
            remaining -= length
            rescore = with_spans if comment.is_judged else with_present_score
            comment = replace(comment, decision=rescore(services, comment.decision, comment.site_url))
        with_their_spans.append(comment)
    return with_their_spans
