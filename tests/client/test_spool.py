"""The spool: whole files or none, for one site, within its bound."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from moderation.client import Client, Unavailable
from moderation.client.connection import Request
from moderation.client.spool import Spool
from tests.client.stub import KEY, Stub, silent_port

OTHER_KEY = "ba9876543210"
DECISION = "6f1c0d7be2f94f0a8f6f5b1f4f0f7c21"
REQUEST = Request("POST", "/v1/score", '{"text": "Hi."}', "key")


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def unreachable(folder: Path, **options: Any) -> Client:
    """Return a client whose service does not run."""
    with silent_port() as port:
        pass
    return Client(f"http://127.0.0.1:{port}", KEY, spool=folder, timeout_seconds=0.05, **options)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def open_spool(folder: Path, max_bytes: int = 10**6, clock: Callable[[], float] = lambda: 1.0) -> Spool:
    return Spool(folder, KEY, max_bytes, clock)


def test_a_comment_without_a_verdict_is_kept(tmp_path: Path) -> None:
    """With the bytes and the key of its request, readable by its owner alone, and without the key of the site."""
    client = unreachable(tmp_path / "var" / "spool")
    answer = client.score("Ünicode", author="Ana", idempotency_key="comment-4711")
    assert answer.is_kept and answer.verdict == "review"
    (path,) = files(tmp_path)
    kept = json.loads(path.read_bytes())
    assert (kept["path"], kept["idempotency_key"]) == ("/v1/score", "comment-4711")
    assert json.loads(kept["body"]) == {"text": "Ünicode", "author": "Ana"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert KEY not in str(path) + path.read_text("ascii")


def test_with_raise_nothing_is_kept(tmp_path: Path) -> None:
    """The caller has the comment and decides: kept as well, it would be sent twice."""
    client = unreachable(tmp_path)
    with pytest.raises(Unavailable):
        client.score("text", on_error="raise")
    with pytest.raises(Unavailable):
        client.label(DECISION, "ham", on_error="raise")
    assert files(tmp_path) == []


def test_a_refused_comment_is_not_kept(stub: Stub, tmp_path: Path) -> None:
    """It would be refused again."""
    stub.faults = ["413"]
    assert not stub.client(spool=tmp_path).score("text").is_kept
    assert files(tmp_path) == []


def test_a_comment_that_the_service_did_not_store_is_kept(stub: Stub, tmp_path: Path) -> None:
    """Its verdict is that of the service, which answered for a site that is not to see errors."""
    stub.is_degraded, stub.verdict = True, "publish"
    answer = stub.client(spool=tmp_path).score("text")
    assert (answer.verdict, answer.degraded, answer.is_kept) == ("publish", True, True)
    assert answer.error is None and len(files(tmp_path)) == 1
    assert not stub.client(spool=tmp_path).score("text", on_error="raise").is_kept


def test_a_full_spool_takes_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The comment has its verdict all the same, the log has an error, and a label is raised."""
    client = unreachable(tmp_path, max_spool_bytes=3 * 4096, on_error="publish")
    answers = [client.score("text") for _ in range(4)]
    assert [answer.is_kept for answer in answers] == [True, True, True, False]
    assert {answer.verdict for answer in answers} == {"publish"}
    assert "The spool is full: a comment is lost." in caplog.messages
    with pytest.raises(Unavailable):
        client.label(DECISION, "ham")
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 3 * 4096


def test_a_spool_that_cannot_be_written_loses_no_verdict(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The visitor gets an answer, and the log has an error without the comment."""
    (tmp_path / "file").touch()
    answer = unreachable(tmp_path / "file", on_error="publish").score("a secret text")
    assert answer.verdict == "publish" and not answer.is_kept
    assert "cannot be written" in caplog.text and "secret" not in caplog.text


def test_a_spool_that_cannot_be_used_stops_no_label(stub: Stub, tmp_path: Path) -> None:
    """While the service takes it. A delivery, which a person may watch, names the fault."""
    (tmp_path / "file").touch()
    client = stub.client(spool=tmp_path / "file")
    assert client.label(DECISION, "ham") is True
    with pytest.raises(OSError, match="file"):
        client.deliver()


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full leaves nothing behind, and a process that was killed a file that is removed after an hour."""
    clock = Time()
    spool = open_spool(tmp_path, clock=clock)

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        assert spool.keep("comment", DECISION, REQUEST) is False
    assert files(tmp_path) == [] and spool.waiting() == []
    assert spool.keep("comment", DECISION, REQUEST) is True
    (whole,) = files(tmp_path)
    left = whole.parent / "0.tmp"
    left.touch()
    os.utime(left, (clock.now, clock.now))
    for hours, remaining in ((0.9, 2), (0.2, 1)):
        clock.now += 3600 * hours
        with spool.claimed() as is_mine:
            assert is_mine
        assert len(files(tmp_path)) == remaining


def test_sites_that_share_a_folder_do_not_meet(tmp_path: Path) -> None:
    """A comment is never sent with the key of another site."""
    open_spool(tmp_path).keep("comment", DECISION, REQUEST)
    assert len(open_spool(tmp_path).waiting()) == 1
    assert Spool(tmp_path, OTHER_KEY, 10**6, lambda: 1.0).waiting() == []


def test_one_at_a_time_claims_the_spool(tmp_path: Path) -> None:
    """Of processes and of threads."""
    spool, claims = open_spool(tmp_path), []

    def claim() -> None:
        with open_spool(tmp_path).claimed() as is_mine:
            claims.append(is_mine)

    with spool.claimed() as is_mine:
        claims.append(is_mine)
        thread = Thread(target=claim)
        thread.start()
        thread.join()
    claim()
    assert claims == [True, False, True]


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    """It is no entry, and stays."""
    spool = open_spool(tmp_path)
    spool.keep("comment", DECISION, REQUEST)
    (path,) = files(tmp_path)
    (path.parent / "notes.txt").touch()
    assert len(spool.waiting()) == 1
