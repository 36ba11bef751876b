"""The log of what people did at the queue, on the command line and at their blogs."""

from datetime import datetime
from typing import NamedTuple

GRANTED, REVOKED, NOTED, ASKED = "grant", "revoke", "note", "ask"
"""Events beside the verbs of the queue: a role, a note, and a request for a second opinion."""
TOTP_ENABLED, TOTP_RENEWED, TOTP_DISABLED, TOTP_RESET = "totp-enable", "totp-renew", "totp-disable", "totp-reset"
"""Changes of a moderator's TOTP: by the person, and by an operator who resets it."""
RECOVERY_CODE_USED = "recovery-code"
"""A recovery code was used in the place of a code."""
PROVIDER_SIGN_IN, PROVIDER_REFUSED = "oidc-sign-in", "oidc-refuse"
"""The OIDC provider signed a person in, and the service admitted the person or not."""
LINKED, UNLINKED = "oidc-link", "oidc-unlink"
"""A moderator was linked to a person of the provider, or no longer is."""
TOKEN_ADDED, TOKEN_REVOKED = "token-add", "token-revoke"
"""A token for parts of the API was given to a site, and revoked."""


class LogFilter(NamedTuple):
    """The events to read: those of a person, from `since` on and before `until`. Each is left out if it is empty."""

    person: str = ""
    since: datetime | None = None
    until: datetime | None = None


class LogEvent(NamedTuple):
    """One thing that a person did: a verb of the queue, or another event.

    `channel` is that of a label. `site_url` is empty for several sites, and `decision_id` for several comments or none.
    `number` counts the comments. `detail` is a moderator, maybe with a role, an asked person, the fact of an author,
    or the reason of a label. Of a token it is the name with the purposes.
    """

    at: datetime
    person: str
    event: str
    channel: str
    site_url: str
    number: int
    decision_id: str
    detail: str
    undone_at: datetime | None
    undone_by: str | None


class LogPage(NamedTuple):
    """A page of events, the newest first. `after` names the place of the next page, and is empty on the last one."""

    events: list[LogEvent]
    after: str


class AgreementCount(NamedTuple):
    """How many decisions of a person other people confirmed, changed, or did not decide again."""

    confirmed: int
    changed: int
    untouched: int


class Agreement(NamedTuple):
    """How other people decided the same comments as a person.

    `audits` and `opinions` compare the decisions of two people, on audit items and after a request for a second
    opinion. Each is the number of equal ones, and of all.
    """

    decisions: AgreementCount
    audits: tuple[int, int]
    opinions: tuple[int, int]
