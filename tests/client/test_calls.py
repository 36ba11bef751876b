"""One request: its form, the answer, one retry under the same key, and the errors that are raised in any case."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, get_args

import pytest

from moderation.client import Client, ConfigurationError, Refused, Unavailable
from moderation.client.answers import Verdict
from moderation.client.calls import CommentFields
from moderation.domain.thresholds import Verdict as ServiceVerdict
from moderation.web.api.schemas import ScoreRequest
from tests.client.stub import BROKEN, GARBAGE, KEY, SILENT, Stub

DECISION = "6f1c0d7be2f94f0a8f6f5b1f4f0f7c21"


def keys(stub: Stub) -> list[str]:
    return [call.headers.get("idempotency-key", "") for call in stub.calls]


def test_a_comment_is_sent_and_its_answer_returned(stub: Stub) -> None:
    """With the key of the site and a new idempotency key; a field that the blog does not have is left out."""
    stub.verdict = "spam"
    stub.address += "/prefix/"
    client = stub.client()
    answer = client.score("Ünicode \ud83d", author="Ana", url=None, permalink="https://blog.example/1")
    call = stub.calls[0]
    assert (call.method, call.path) == ("POST", "/prefix/v1/score")
    assert call.body == {"text": "Ünicode \ud83d", "author": "Ana", "permalink": "https://blog.example/1"}
    assert call.headers["authorization"] == f"Bearer {KEY}" and call.headers["content-type"] == "application/json"
    assert (answer.verdict, answer.probability, answer.decision_id) == ("spam", 0.25, stub.decisions[keys(stub)[0]])
    assert answer.body["id"] == answer.decision_id and answer.error is None and not answer.degraded
    client.score("another")
    assert len(set(keys(stub))) == 2


def test_other_scripts_are_not_escaped(stub: Stub) -> None:
    """A long comment in Cyrillic or with emoji would reach the limit of the service three times as soon."""
    stub.client().score("ж" * 1000)
    assert stub.calls[0].length < 2100


def test_the_fields_and_verdicts_are_those_of_the_service() -> None:
    """The client states them again, as it imports nothing of the service."""
    assert {"text", *CommentFields.__annotations__} == set(ScoreRequest.model_fields)
    assert list(get_args(Verdict)) == [str(verdict) for verdict in ServiceVerdict]


def test_an_unknown_field_is_an_error_of_the_program(stub: Stub) -> None:
    """The service would refuse the comment, and so hold it."""
    with pytest.raises(TypeError, match="autor"):
        stub.client().score("text", autor="Ana")  # type: ignore[call-arg]
    assert stub.calls == []


@pytest.mark.parametrize("fault", [*BROKEN, "500", "502", "503", "503/0", "429/0", "408", "hangs"])
def test_one_retry_has_the_same_key(stub: Stub, fault: str) -> None:
    """A lost connection leaves two fifths of the deadline to the second try."""
    stub.faults = [fault, ""]
    answer = stub.client(timeout_seconds=1.0).score("text", idempotency_key="comment-4711")
    assert answer.error is None and keys(stub) == ["comment-4711"] * 2
    assert stub.calls[0] == stub.calls[1]


@pytest.mark.parametrize("fault", ["500", "503", *BROKEN])
def test_there_is_no_third_try(stub: Stub, fault: str) -> None:
    """A service in trouble is not called again and again."""
    stub.faults = [fault]
    assert isinstance(stub.client(timeout_seconds=0.5).score("text").error, Unavailable)
    assert len(stub.calls) == 2


@pytest.mark.parametrize("fault", [*GARBAGE, "404", "405", "204", "503/60", "429/60"])
def test_some_answers_are_not_worth_a_retry(stub: Stub, fault: str) -> None:
    """Garbage, redirects, and a pause that the deadline does not allow."""
    stub.faults = [fault]
    stub.client().score("text")
    assert len(stub.calls) == 1


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_wrong_key_is_raised_in_any_case(stub: Stub, status: str) -> None:
    """Never retried, and without the key in the message; so is an address that cannot be one."""
    stub.faults = [status]
    for choice in ("publish", "hold", "raise"):
        client = stub.client(on_error=choice)
        calls: list[Any] = [lambda: client.score("text"), lambda: client.label(DECISION, "ham")]  # noqa: B023
        for call in calls:
            with pytest.raises(ConfigurationError, match=status) as raised:
                call()
            assert KEY not in str(raised.value)
    assert len(stub.calls) == 6


@pytest.mark.parametrize(
    "address",
    [
        "",
        "moderation.example",
        "ftp://host",
        "http://",
        "http://a b",
        "http://u:p@host",
        "http://host/?a",
        "http://h:x",
    ],
)
def test_an_address_that_cannot_be_one_is_refused(address: str) -> None:
    """When the client is made, not with the first comment."""
    with pytest.raises(ConfigurationError, match="address"):
        Client(address, KEY)
    with pytest.raises(ConfigurationError, match="key"):
        Client("http://host", "a\r\nb")


def test_the_service_names_the_time_of_the_retry(stub: Stub) -> None:
    """The second try waits for `Retry-After` if the deadline allows that."""
    stub.faults = ["503/1", ""]
    began = monotonic()
    assert stub.client(timeout_seconds=10.0).score("text").error is None
    assert monotonic() - began >= 1.0


def test_calls_rest_while_the_service_limits_them(stub: Stub) -> None:
    """Until the time that a 429 names, they are answered without it."""
    stub.faults = ["429/60", ""]
    client = stub.client(on_error="publish")
    assert [client.score("text").verdict for _ in range(3)] == ["publish"] * 3
    assert len(stub.calls) == 1


def test_after_some_failures_calls_do_not_wait(stub: Stub) -> None:
    """Each call of a service that hangs would keep a visitor waiting."""
    stub.faults = ["hangs"]
    client = stub.client(timeout_seconds=0.05)
    for _ in range(5):
        client.score("text")
    calls = len(stub.calls)
    began = monotonic()
    answer = client.score("text", timeout_seconds=30.0)
    assert answer.verdict == "review" and monotonic() - began < 1.0 and len(stub.calls) == calls
    with pytest.raises(Unavailable):
        client.label(DECISION, "ham")


def test_refusals_are_no_failures_of_the_service(stub: Stub) -> None:
    """A spammer who writes too much does not open the circuit for others."""
    stub.faults = ["413"] * 10 + [""]
    client = stub.client()
    assert [client.score("text").error is None for _ in range(11)] == [False] * 10 + [True]


def test_threads_share_a_client(stub: Stub) -> None:
    """Each has the answer to its own comment, also if the first try of some fails."""
    stub.faults = ["hangs up", "500", "hangs up", ""]
    client = stub.client(timeout_seconds=10.0)
    names = [f"comment-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: client.score("text", idempotency_key=name), names))
    assert [answer.decision_id for answer in answers] == [stub.decisions[name] for name in names]


def test_an_idempotency_key_is_checked(stub: Stub) -> None:
    """Before it is sent: behind a line break, the rest of the key would be another header."""
    for key in ("", "a b", "a\r\nX: y", "é", "a" * 256):
        with pytest.raises(ValueError, match="letters, digits"):
            stub.client().score("text", idempotency_key=key)


def test_a_label_is_sent(stub: Stub) -> None:
    """With the person and the reason; it is true if the service has it."""
    assert stub.client().label(DECISION, "spam", labelled_by="mara", reason="an advert") is True
    (call,) = stub.calls
    assert (call.method, call.path) == ("PUT", f"/v1/decisions/{DECISION}/label")
    assert call.body == {"label": "spam", "labelled_by": "mara", "reason": "an advert"}
    with pytest.raises(ValueError, match="32 hexadecimal"):
        stub.client().label("../score", "spam")


@pytest.mark.parametrize("fault", [*SILENT, *BROKEN, *GARBAGE, "500", "503/60"])
def test_a_label_without_a_receipt_and_a_spool_is_raised(stub: Stub, fault: str) -> None:
    """It would be lost in silence else, also where comments are published or held."""
    stub.faults = [fault]
    with pytest.raises(Unavailable):
        stub.client(timeout_seconds=0.1).label(DECISION, "spam")


def test_a_label_of_an_unknown_decision_is_refused(stub: Stub) -> None:
    """By the service; a page of a proxy with the same status says nothing about the decision."""
    stub.faults = ["404"]
    with pytest.raises(Refused, match="No such thing"):
        stub.client().label(DECISION, "spam")
