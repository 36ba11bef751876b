"""The contents that a site keeps of a decided comment, and for how long."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidInput
from moderation.domain.thresholds import Verdict

MAX_DAYS = 3_650
MAX_CONTACT_LENGTH = 200
MIN_AGE = timedelta(hours=1)
"""Age below which nothing is deleted: a request that is sent again finds its decision by the comment as it came."""
PURGED_BY = "retention"
"""The name under which a purge closes an item of the queue."""


class Form(StrEnum):
    """The later form of a field: the field as it came, a keyed digest of it, or nothing."""

    FULL = "full"
    DIGEST = "digest"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Retention:
    """What a site keeps of its comments.

    A comment is stored as it came for the days of its verdict, for good with `None`. Then each field takes its form.
    A label takes the place of the verdict. `text` covers the title of the page too, `email` the author's id at the
    blog. `contact` says whom a reader can ask: an e-mail address or a web address.
    """

    publish_days: int | None = 90
    review_days: int | None = 90
    spam_days: int | None = 30
    discard_days: int | None = 30
    text: Form = Form.DIGEST
    name: Form = Form.NOTHING
    email: Form = Form.DIGEST
    url: Form = Form.NOTHING
    contact: str = ""

    def __post_init__(self) -> None:
        for days in self.days:
            if days is not None and not 0 <= days <= MAX_DAYS:
                raise InvalidInput(f"A comment is kept for 0 to {MAX_DAYS} days, or for good; got {days}.")
        if len(self.contact) > MAX_CONTACT_LENGTH or not self.contact.isprintable():
            raise InvalidInput(f"The contact is at most {MAX_CONTACT_LENGTH} printable characters.")

    @property
    def days(self) -> tuple[int | None, ...]:
        """The days of the verdicts `publish`, `review`, `spam` and `discard`."""
        return tuple(self.days_of(verdict) for verdict in Verdict)

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms of text, name, e-mail address and web address."""
        return self.text, self.name, self.email, self.url

    @property
    def deletes(self) -> bool:
        """Whether anything is ever deleted."""
        return any(days is not None for days in self.days) and any(form is not Form.FULL for form in self.forms)

    def days_of(self, verdict: Verdict) -> int | None:
        """Return the days for which comments with a verdict are kept as they came."""
        days: int | None = getattr(self, f"{verdict.value}_days")
        return days

    def ends_at(self, verdict: Verdict, since: datetime) -> datetime | None:
        """Return the end of the time for which a comment is kept as it came; `None` for good."""
        days = self.days_of(verdict)
        return None if days is None or not self.deletes else since + max(timedelta(days=days), MIN_AGE)

    def newest_end(self, now: datetime) -> datetime:
        """Return the time after which no comment can be due."""
        return now - max(
            min((timedelta(days=days) for days in self.days if days is not None), default=MIN_AGE), MIN_AGE
        )

    def to_json(self) -> str:
        """Return the retention as it is stored."""
        return json.dumps(asdict(self))

    def changed(self, values: Mapping[str, Any]) -> "Retention":
        """Return the retention with other values by name, forms as their words. Raises `InvalidInput`."""
        forms = {name: Form(values[name]) for name in ("text", "name", "email", "url") if name in values}
        return replace(self, **{**values, **forms})

    @staticmethod
    def from_json(stored: str) -> "Retention":
        """Return a stored retention; the default one for an empty text."""
        return DEFAULT_RETENTION.changed(json.loads(stored)) if stored else DEFAULT_RETENTION


DEFAULT_RETENTION = Retention()
"""The retention of a site that sets none."""
KEEP_ALL = DEFAULT_RETENTION.changed(dict.fromkeys(f"{verdict.value}_days" for verdict in Verdict))
"""The retention of a site from before there was any: everything is kept for good."""


@dataclass(frozen=True, slots=True)
class DecidedComment:
    """The facts that say how long a stored comment is kept.

    `verdict` and `decided_at` are those of the decision in force, `value`, `removes` and `labelled_at` those of the
    newest label; all are `None` without one.
    """

    comment_id: int
    received_at: datetime
    verdict: Verdict | None
    decided_at: datetime | None
    value: LabelValue | None
    removes: bool
    labelled_at: datetime | None

    @property
    def outcome(self) -> Verdict:
        """The verdict that counts: a person's, else the decision's. A comment of a history was published."""
        if self.removes or self.value is LabelValue.SPAM:
            return Verdict.SPAM
        return Verdict.PUBLISH if self.value is LabelValue.HAM or self.verdict is None else self.verdict

    def is_due(self, retention: Retention, now: datetime) -> bool:
        """Return whether the comment was kept long enough, since its newest decision or label."""
        since = max(time for time in (self.received_at, self.decided_at, self.labelled_at) if time is not None)
        end = retention.ends_at(self.outcome, since)
        return end is not None and end <= now
