"""What the spool keeps is sent once, in order, and never past its time."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from moderation.client import Answer, Client, ConfigurationError, Delivery
from moderation.client.delivery import KEY_SECONDS, MAX_FAILURES
from tests.client.stub import KEY, Stub
from tests.client.test_spool import DECISION, Time, files, unreachable


def keep(folder: Path, *texts: str, **options: Any) -> None:
    """Let a client that reaches no service keep comments."""
    client = unreachable(folder, **options)
    for text in texts:
        assert client.score(text).is_kept


def test_comments_and_labels_are_sent_once_in_order(stub: Stub, tmp_path: Path) -> None:
    """Each answer is handed over with the fields of its comment."""
    keep(tmp_path, "one", "two")
    assert unreachable(tmp_path).label(DECISION, "spam") is False
    answers: list[tuple[Mapping[str, Any], Answer]] = []
    client = stub.client(spool=tmp_path)
    assert client.deliver(lambda *pair: answers.append(pair)) == Delivery(comments=2, labels=1)
    assert client.deliver() == Delivery()
    assert [call.body.get("text") for call in stub.calls] == ["one", "two", None]
    assert [(comment["text"], answer.decision_id) for comment, answer in answers] == list(
        zip(("one", "two"), stub.decisions.values(), strict=True)
    )
    assert files(tmp_path) == [] and stub.labels == {DECISION: ["spam"]}


def test_a_lost_answer_makes_no_second_decision(stub: Stub, tmp_path: Path) -> None:
    """The call, its retry and the delivery have one key."""
    stub.faults = ["hangs", "hangs", ""]
    client = stub.client(spool=tmp_path, timeout_seconds=0.2)
    assert client.score("text").is_kept
    assert client.deliver().comments == 1
    assert len({call.headers["idempotency-key"] for call in stub.calls}) == 1 and len(stub.calls) == 3


def test_nothing_is_sent_without_a_spool(stub: Stub) -> None:
    """A client without one has nothing to deliver."""
    assert stub.client().deliver() == Delivery()


def test_a_program_that_fails_on_an_answer_gets_it_again(stub: Stub, tmp_path: Path) -> None:
    """The comment stays in the spool, and has the same decision the next time."""
    keep(tmp_path, "one")
    answers: list[Answer] = []

    def fail(_: object, answer: Answer) -> None:
        answers.append(answer)
        if len(answers) == 1:
            raise RuntimeError

    client = stub.client(spool=tmp_path)
    with pytest.raises(RuntimeError):
        client.deliver(fail)
    assert client.deliver(fail).comments == 1
    assert answers[0] == answers[1] and len(stub.decisions) == 1


def test_one_entry_that_always_fails_does_not_hold_up_the_rest(stub: Stub, tmp_path: Path) -> None:
    """A delivery goes on after it, and ends after three failures in a row."""
    keep(tmp_path, *"abcdef")
    stub.faults = ["is a page", ""]
    client = stub.client(spool=tmp_path)
    assert client.deliver() == Delivery(comments=5, waiting=1)
    keep(tmp_path, *"abcdef")
    calls = len(stub.calls)
    stub.faults = ["is a page"]
    assert client.deliver() == Delivery(waiting=7)
    assert len(stub.calls) == calls + MAX_FAILURES


def test_a_degraded_answer_that_is_not_stored_is_no_delivery(stub: Stub, tmp_path: Path) -> None:
    """The service still cannot judge: the comment waits on."""
    keep(tmp_path, "one")
    stub.is_degraded = True
    client = stub.client(spool=tmp_path)
    assert client.deliver() == Delivery(waiting=1)
    stub.is_degraded = False
    assert client.deliver() == Delivery(comments=1)


def test_refused_and_damaged_entries_are_set_aside(
    stub: Stub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They stay for a person to look at, count for the bound, and are not sent again."""
    keep(tmp_path, "one", "two", "three")
    first, second, _ = sorted(files(tmp_path))
    first.write_bytes(b'{"method": "POST"')
    second.write_text(json.dumps({"method": "POST", "other": 1}), "ascii")
    stub.faults = ["422"]
    client = stub.client(spool=tmp_path)
    assert client.deliver() == Delivery(set_aside=3)
    assert client.deliver() == Delivery()
    assert len(stub.calls) == 1 and all(path.suffix == ".aside" for path in files(tmp_path))
    assert "No such thing." in caplog.text and "damaged" in caplog.text


def test_a_comment_is_not_sent_after_its_key_was_forgotten(stub: Stub, tmp_path: Path) -> None:
    """If the service may have it, it would be judged twice. One that was never sent has time."""
    clock = Time()
    keep(tmp_path, "never sent", clock=clock)
    stub.faults = ["hangs"]
    client = stub.client(spool=tmp_path, timeout_seconds=0.05, clock=clock)
    assert client.score("maybe sent").is_kept
    clock.now += KEY_SECONDS + 1
    assert client.label(DECISION, "ham") is False
    stub.faults = [""]
    stub.calls.clear()
    assert client.deliver() == Delivery(comments=1, labels=1, set_aside=1)
    assert [call.body.get("text") for call in stub.calls] == ["never sent", None]


def test_a_delivery_counts_as_the_first_sending(stub: Stub, tmp_path: Path) -> None:
    """Noted before it is sent, as a process may be killed before it has the answer."""
    clock = Time()
    keep(tmp_path, "one", clock=clock)
    clock.now += 3 * KEY_SECONDS
    stub.faults = ["hangs"]
    client = stub.client(spool=tmp_path, timeout_seconds=0.05, clock=clock)
    assert client.deliver() == Delivery(waiting=1)
    clock.now += KEY_SECONDS - 1
    assert client.deliver() == Delivery(waiting=1)
    clock.now += 2
    assert client.deliver() == Delivery(set_aside=1)


def test_the_last_label_of_a_comment_is_in_force(stub: Stub, tmp_path: Path) -> None:
    """A label joins an older one that waits: sent at once, it could arrive before that one."""
    assert unreachable(tmp_path).label(DECISION, "spam") is False
    client = stub.client(spool=tmp_path)
    assert client.label(DECISION, "ham", on_error="raise") is False
    assert stub.calls == [] and len(files(tmp_path)) == 1
    assert client.deliver() == Delivery(labels=1)
    assert stub.labels == {DECISION: ["ham"]}
    assert client.label(DECISION, "spam") is True


def test_a_label_that_is_replaced_during_a_delivery_is_not_sent(stub: Stub, tmp_path: Path) -> None:
    """The newer one waits for the next delivery."""
    keep(tmp_path, "one")
    assert unreachable(tmp_path).label(DECISION, "spam") is False
    client = stub.client(spool=tmp_path)
    assert client.deliver(lambda *_: client.label(DECISION, "ham")) == Delivery(comments=1, waiting=1)
    assert client.deliver() == Delivery(labels=1)
    assert stub.labels == {DECISION: ["ham"]}


def test_a_wrong_key_ends_a_delivery(stub: Stub, tmp_path: Path) -> None:
    """Nothing is lost, and nothing else is sent."""
    keep(tmp_path, "one", "two")
    stub.faults = ["401", ""]
    client = stub.client(spool=tmp_path)
    with pytest.raises(ConfigurationError):
        client.deliver()
    assert len(stub.calls) == 1
    assert client.deliver() == Delivery(comments=2)


def test_a_delivery_has_a_time(stub: Stub, tmp_path: Path) -> None:
    """It begins no entry after it, and the next one goes on."""
    keep(tmp_path, "one", "two")
    client = stub.client(spool=tmp_path)
    stub.faults = ["slow", ""]
    assert client.deliver(max_seconds=0.1) == Delivery(comments=1, waiting=1)
    assert client.deliver(max_seconds=0) == Delivery(waiting=1)


def test_a_delivery_closes_the_circuit(stub: Stub, tmp_path: Path) -> None:
    """The service is back, so comments need not wait for a trial."""
    stub.faults = ["500"] * 10 + [""]
    client = stub.client(spool=tmp_path, timeout_seconds=0.2)
    for _ in range(5):
        client.score("text")
    assert client.score("text").error is not None and client.deliver().comments == 6
    assert client.score("text").error is None


def test_a_busy_spool_is_left_to_its_process(stub: Stub, tmp_path: Path) -> None:
    """The second delivery sends nothing, and says why."""
    keep(tmp_path, "one")
    client, busy = stub.client(spool=tmp_path), []
    client.deliver(lambda *_: busy.append(Client(stub.address, KEY, spool=tmp_path).deliver()))
    assert busy == [Delivery(waiting=1, is_busy=True)] and len(stub.calls) == 1
