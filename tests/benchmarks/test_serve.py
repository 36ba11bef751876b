"""The load benchmark: what is sent, how figures are read, and which bars they keep."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

import pytest

from benchmarks import load, serve
from benchmarks.load import MARK, Figures, make_comments, write_requests
from benchmarks.peers import servers
from benchmarks.peers.daemons import PeerFailed
from benchmarks.peers.mail import to_mail
from benchmarks.peers.servers import Server, running_flask
from benchmarks.rows import Row
from benchmarks.serve import AKISMET, CLIENTS, INSERT, NO_OP, PIPELINE, RSPAMD, SCORE, Target, Targets, compare
from tests.e2e.prerequisites import require_tools


def test_comments_are_seeded_and_differ() -> None:
    """A run can be repeated, and no server is asked for one text twice."""
    comments = make_comments(300)
    assert comments == make_comments(300) != make_comments(300, seed=20)
    assert len({comment.text for comment in comments}) == 300
    assert all(comment.text.count(MARK) == 1 for comment in comments)
    assert {bool(comment.url) for comment in comments} == {bool(comment.email) for comment in comments} == {True, False}


@pytest.mark.parametrize("body", [serve.to_json, lambda comment: serve._form({"api_key": "k"}, comment), to_mail])
def test_each_request_is_complete_and_keeps_its_mark(tmp_path: Path, body: load.Body) -> None:
    """A mark that an encoding changes would leave the requests equal."""
    write_requests(tmp_path / "requests", "/path", {"X-Header": "value"}, make_comments(50), body)
    *requests, rest = (tmp_path / "requests").read_bytes().split(b"\0")
    assert (len(requests), rest) == (50, b"")
    for request in requests:
        head, _, content = request.partition(b"\r\n\r\n")
        first, headers = head.split(b"\r\n", 1)
        assert first == b"POST /path HTTP/1.1"
        assert int(message_from_bytes(headers)["Content-Length"]) == len(content)
        assert request.count(MARK.encode()) == 1


def test_figures_are_read_from_the_last_line() -> None:
    """Times are in milliseconds. A refused request would be a quick one, so it ends the run."""
    line = {"requests": 300, "microseconds": 1_500_000, "median": 1500, "p99": 9000, "errors": 0}
    assert Figures.parse(f"Running 2s test\n{json.dumps(line)}\n") == Figures(300, 200.0, 1.5, 9.0)
    for wrong in ({"errors": 1}, {"requests": 0}):
        with pytest.raises(PeerFailed):
            Figures.parse(json.dumps(line | wrong))


def test_without_wrk_the_reason_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says how to install it."""
    monkeypatch.setattr(load, "find_program", lambda _: None)
    (row,) = serve.measure()
    assert row.value is None and "apt-get install wrk" in row.unit


def test_rspamd_needs_the_rules_of_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its program alone would check nothing."""
    monkeypatch.setattr(servers, "find_program", lambda _: "/usr/bin/rspamd")
    monkeypatch.setattr(servers, "RSPAMD_CONFIG", tmp_path / "rspamd.conf")
    assert "apt-get install rspamd" in (servers.missing_rspamd() or "")
    (tmp_path / "rspamd.conf").touch()
    assert servers.missing_rspamd() is None


def _targets(rates: dict[tuple[str, int], float], p99: float = 30.0) -> Targets:
    """Return servers with the same rate for each number of clients."""
    targets = {key: Target(*key, Server(0, 0), Path("requests")) for key in rates}
    for key, target in targets.items():
        target.figures |= {clients: [Figures(1, rates[key], 10.0, p99)] for clients in CLIENTS}
    return targets


RATES = {
    (SCORE, 1): 1000.0,
    (AKISMET, 1): 1000.0,
    (SCORE, 2): 1000.0,
    (NO_OP, 1): 3300.0,
    (INSERT, 1): 2000.0,
    (INSERT, 2): 2500.0,
    (PIPELINE, 1): 330.0,
    (RSPAMD, 1): 660.0,
}


def _missed(rows: Iterable[Row]) -> set[tuple[str, str]]:
    return {(row.against.partition(":")[0] or row.unit, row.bar) for row in rows if not row.holds}


def test_all_bars_can_be_kept() -> None:
    """At the limits themselves each bar holds: a gain of 1 is .8 of one of 1.25."""
    rows = compare(_targets(RATES))
    assert len(rows) == 2 * (1 + 2 * 6 + 1) + 2
    assert _missed(rows) == set()


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({(NO_OP, 1): 3400.0}, (NO_OP, "ratio at least 0.3")),
        ({(INSERT, 1): 2001.0}, (INSERT, "ratio at least 0.5")),
        ({(PIPELINE, 1): 334.0}, (PIPELINE, "ratio at least 3")),
        ({(RSPAMD, 1): 667.0}, (RSPAMD, "ratio at least 1.5")),
        ({(SCORE, 2): 999.0}, (INSERT, "ratio at least 0.8")),
    ],
)
def test_each_bar_can_be_missed(changed: dict[tuple[str, int], float], missed: tuple[str, str]) -> None:
    """Each compares with its own server."""
    assert _missed(compare(_targets(RATES | changed))) == {missed}


def test_slow_answers_miss_two_bars() -> None:
    """The 99th percentile is compared with the median, and with a time at 8 clients."""
    assert _missed(compare(_targets(RATES, p99=51.0))) == {("its median", "ratio at most 5"), ("ms", "at most 40")}


def test_a_server_that_is_missing_has_no_bars() -> None:
    """The others are compared all the same."""
    without = {key: rate for key, rate in RATES.items() if key[0] != RSPAMD}
    assert not any(RSPAMD in row.against for row in compare(_targets(without)))


@pytest.mark.e2e
def test_no_text_is_sent_twice(tmp_path: Path) -> None:
    """Real requests to the endpoint that stores them: an equal one could be answered without work."""
    require_tools(wrk="wrk")
    write_requests(tmp_path / "requests", "/", serve.JSON, make_comments(20), serve.to_json)
    with running_flask("insert", tmp_path / "insert", workers=1) as server:
        target = Target(INSERT, 1, server, tmp_path / "requests")
        for _ in range(2):
            target.run(2, 1)
        _, p99 = target.milliseconds(2)
    with closing(sqlite3.connect(tmp_path / "insert" / "peer.db")) as connection:
        stored, different = connection.execute("SELECT count(*), count(DISTINCT text) FROM comments").fetchone()
    answered = sum(figures.requests for figures in target.figures[2])
    assert answered <= stored == different
    assert target.per_second(2) > 0 and p99 > 0 and target.cpu_microseconds[2][0] > 0
