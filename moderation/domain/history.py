"""Comments that a blog received before it called this service, as the blog's export has them."""

from collections import Counter
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.comment_types import LINKBACK_TYPES
from moderation.domain.errors import InvalidInput

HISTORY_CHANNEL = "history"
"""Channel of the labels that an import gives to what the blog has as spam."""
SECOND_LOOK_CHANNEL = "cli"
"""Channel of the labels that people give to comments of the history."""


class PastStatus(StrEnum):
    """The state of a past comment at its blog. `UNREADABLE` is a row of the export that holds no comment."""

    PUBLISHED = "published"
    SPAM = "spam"
    WAITING = "waiting"
    DELETED = "deleted"
    UNREADABLE = "unreadable"


class PastComment(NamedTuple):
    """A comment of an export.

    `id` and `parent_id` are the blog's, empty where the export has none. `published_at` is aware; `None` where the
    export gives no usable time. `problem` says why a row is unreadable.
    """

    comment: Comment
    status: PastStatus
    id: str = ""
    parent_id: str = ""
    published_at: datetime | None = None
    problem: str = ""


def unreadable(problem: str) -> PastComment:
    """Return a past comment for a row that holds none."""
    return PastComment(Comment(""), PastStatus.UNREADABLE, problem=problem)


MAX_ORPHAN_RATE = 0.05
"""Rate of replies whose parent the export lacks, up to which it is taken as complete."""
MAX_UNREADABLE_RATE = 0.05
"""Rate of unreadable rows above which an export is refused."""

_MAX_PROBLEMS_LISTED = 5
_BITS = 2**24


class ExportCounts:
    """What an export holds, counted as it is read, in memory that does not grow with it.

    `by_status` counts comments, `pings` the published ones that programs wrote. `replies` are published; the export
    lacks the parents of `orphans` of them. `fields` are the fields of a comment that some comment fills.
    """

    def __init__(self) -> None:
        self.by_status: Counter[PastStatus] = Counter()
        self.pings = 0
        self.replies = 0
        self.orphans = 0
        self.fields = {"text"}
        self._problems: list[str] = []
        # One bit for the hash of each id. Two ids with the same bit hide an orphan: of a million, 6 in 100.
        self._ids = bytearray(_BITS // 8)

    @property
    def total(self) -> int:
        """The number of rows, unreadable ones included."""
        return self.by_status.total()

    @property
    def unreadable(self) -> int:
        """The number of unreadable rows."""
        return self.by_status[PastStatus.UNREADABLE]

    def add(self, past: PastComment) -> None:
        """Count a row."""
        self.by_status[past.status] += 1
        if past.status is PastStatus.UNREADABLE:
            if len(self._problems) < _MAX_PROBLEMS_LISTED:
                self._problems.append(past.problem)
            return
        self.fields.update(name for name in COMMENT_FIELDS if getattr(past.comment, name))
        byte, bit = divmod(hash(past.id) % _BITS, 8)
        self._ids[byte] |= 1 << bit
        self.pings += past.status is PastStatus.PUBLISHED and past.comment.type in LINKBACK_TYPES

    def add_parent(self, past: PastComment) -> None:
        """Count a row among the replies, if it is one. All rows have been added by then."""
        if past.status is PastStatus.PUBLISHED and past.parent_id:
            byte, bit = divmod(hash(past.parent_id) % _BITS, 8)
            self.replies += 1
            self.orphans += not self._ids[byte] & 1 << bit

    def check(self, name: str) -> None:
        """Raise `InvalidInput` if the export of this name has too many unreadable rows, or no comment."""
        if self.unreadable > MAX_UNREADABLE_RATE * self.total:
            raise InvalidInput(
                f"{name}: {self.unreadable} of {self.total} rows are unreadable, more than {MAX_UNREADABLE_RATE:.0%}. "
                f"{self.problems()}."
            )
        if not self.total:
            raise InvalidInput(f"{name} holds no comment.")

    def problems(self) -> str:
        """Return the first reasons why rows are unreadable."""
        others = self.unreadable - len(self._problems)
        return "; ".join(self._problems) + (f"; and {others} more" if others else "")

    def is_complete(self) -> bool:
        """Return whether so few replies lack their parent that the export is no selection."""
        return self.orphans <= MAX_ORPHAN_RATE * self.replies
