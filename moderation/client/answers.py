"""What a call returns or raises, and how the answers of the service are read.

The errors are one tree:

    ClientError
    ├── ConfigurationError   the address or the key is wrong: raised in every case, and never retried
    └── NoAnswer             there is no verdict for this comment, or no receipt for this label
        ├── Unavailable      the service gave no answer in time, or none that can be used; a later call may succeed
        └── Refused          the service does not take this request, neither now nor later

No message has the key or the text of a comment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple, cast, get_args

Verdict = Literal["publish", "review", "spam", "discard"]

_WRONG_KEY = frozenset({401, 403})
_REFUSED = frozenset({400, 413, 415, 422})
_MAY_RETRY = frozenset({408, 425, 429, *range(500, 600)})
_PROBLEM_TYPE = "application/problem+json"
_MAX_DETAIL_LENGTH = 300


class OnError(StrEnum):
    """What a call does without an answer: give the verdict `publish`, give the verdict `review`, or raise."""

    PUBLISH = "publish"
    HOLD = "hold"
    RAISE = "raise"


class ClientError(Exception):
    """Root of the tree."""


class ConfigurationError(ClientError):
    """The address or the key is wrong: no call can succeed until it is changed."""


class NoAnswer(ClientError):
    """There is no verdict for this comment, or no receipt for this label."""


class Refused(NoAnswer):
    """The service does not take this request: it is too large, or its content is wrong."""


class Unavailable(NoAnswer):
    """The service gave no answer in time, or none that can be used.

    `status` is that of its response, if there was one, and `retry_after` the seconds that it asked to wait.
    `may_retry` says whether the same request may succeed at once, `may_have_arrived` whether the service may have it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        may_retry: bool = False,
        may_have_arrived: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.may_retry = may_retry
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on a comment: that of the service, or without its answer that of `on_error`.

    `error` is then the reason, and `is_kept` says whether the spool keeps the comment to send it later. `body` is the
    whole answer of the service, as docs/http.md describes it. `degraded` is true if the service could not judge.
    """

    verdict: Verdict
    decision_id: str | None = None
    probability: float | None = None
    degraded: bool = False
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    error: NoAnswer | None = None
    is_kept: bool = False


class Response(NamedTuple):
    """A response of HTTP. `content_type` has no parameters, and `retry_after` is 0 or more seconds."""

    status: int
    content_type: str
    retry_after: float | None
    body: bytes


def read_answer(response: Response) -> Answer:
    """Return the service's answer to a comment. Raises `ClientError`."""
    body = _read_object(response)
    verdict, decision_id, probability = (body.get(name) for name in ("verdict", "id", "probability"))
    if (
        verdict not in get_args(Verdict)
        or not isinstance(decision_id, str | None)
        or not isinstance(probability, int | float)
        or not 0 <= probability <= 1
    ):
        raise _unreadable(response)
    return Answer(cast("Verdict", verdict), decision_id, probability, body.get("degraded") is True, body)


def read_receipt(response: Response) -> None:
    """Check that a response confirms a label. Raises `ClientError`."""
    if response.status == 404 and response.content_type == _PROBLEM_TYPE:
        raise Refused(f"The service does not take this label: {_detail(response)}")
    if _read_object(response).get("value") not in ("ham", "spam"):
        raise _unreadable(response)


def _read_object(response: Response) -> dict[str, Any]:
    if response.status != 200:
        raise _error_of(response)
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise _unreadable(response)
    return body


def _error_of(response: Response) -> ClientError:
    status = response.status
    if status in _WRONG_KEY:
        return ConfigurationError(f"The service answered with {status}: check the key and the address.")
    if status in _REFUSED:
        return Refused(f"The service does not take this request ({status}): {_detail(response)}")
    advice = " Check the address." if 300 <= status < 500 and status not in _MAY_RETRY else ""
    return Unavailable(
        f"The service answered with {status}.{advice}",
        status=status,
        retry_after=response.retry_after,
        may_retry=status in _MAY_RETRY,
    )


def _unreadable(response: Response) -> Unavailable:
    return Unavailable("The response is no answer of the service: check the address.", status=response.status)


def _detail(response: Response) -> str:
    """Return the sentence of a problem, cut, or a placeholder."""
    try:
        detail = json.loads(response.body)["detail"] if response.content_type == _PROBLEM_TYPE else None
    except (ValueError, LookupError, TypeError, RecursionError):
        detail = None
    return ascii(detail)[1:-1][:_MAX_DETAIL_LENGTH] if isinstance(detail, str) else "it gives no reason."
