"""The service under load, beside other servers that get the same kind of comments: they take turns in one run.

Servers and load share the processors, alike for each server: only ratios can be compared with another machine. The
service has no second reader here, as after a plain installation: `reader_cost` measures the load with one.
"""

import json
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from benchmarks.installation import Installation
from benchmarks.load import MISSING, Body, Figures, cpu_seconds, is_installed, make_comments, put_load, write_requests
from benchmarks.peers.mail import to_mail
from benchmarks.peers.servers import Server, missing_rspamd, running_flask, running_rspamd
from benchmarks.rows import BUILD, Row, at_least, at_least_ratio, at_most, at_most_ratio, figure, unmeasured
from moderation.domain.comment import Comment
from tests.postgresql import find_binaries, running_server

CLIENTS = (1, 8, 32)
MIN_OF_NO_OP, STRETCH_OF_NO_OP = 0.2, 0.3
MIN_OF_INSERT = 0.5
MIN_OF_PIPELINE = 3.0
MIN_OF_RSPAMD = 1.5
MIN_GAIN_OF_INSERT = 0.8
MAX_P99_OF_MEDIAN = 5.0
MAX_P99_MILLISECONDS = 40.0
MAX_BYTES_PER_DECISION = 1500.0

SCORE, AKISMET, POSTGRES = "/v1/score", "comment-check", "/v1/score on PostgreSQL"
NO_OP, INSERT, PIPELINE, RSPAMD = "Flask no-op", "Flask durable insert", "Flask scikit-learn", "rspamd /checkv2"

_COMMENTS = 2_000
_BLOG = "https://blog.example"
JSON, _FORM = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Lengths of a run. wrk takes whole seconds."""

    rounds: int
    seconds: int
    warm_up_seconds: int


FULL, QUICK = Plan(3, 4, 2), Plan(1, 2, 1)


@dataclass
class Target:
    """A running server with the requests for it, and its figures by the number of clients."""

    name: str
    workers: int
    server: Server
    requests: Path
    answered: int = 0
    sent: int = 0
    figures: dict[int, list[Figures]] = field(default_factory=dict)
    cpu_microseconds: dict[int, list[float]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return the name with the number of workers."""
        return f"{self.name}, {self.workers} worker{'s'[self.workers == 1 :]}"

    def run(self, clients: int, seconds: int) -> None:
        """Put load on the server for some seconds, and add the figures."""
        before = cpu_seconds(self.server.process_id)
        measured = put_load(self.server.port, self.requests, clients=clients, seconds=seconds, first=self.sent)
        used = cpu_seconds(self.server.process_id) - before
        self.answered += measured.requests
        # Each client may have sent one more, whose answer came too late.
        self.sent += measured.requests + clients
        self.figures.setdefault(clients, []).append(measured)
        self.cpu_microseconds.setdefault(clients, []).append(1e6 * used / measured.requests)

    def per_second(self, clients: int) -> float:
        """Return the median of the requests a second."""
        return median(measured.per_second for measured in self.figures[clients])

    def milliseconds(self, clients: int) -> tuple[float, float]:
        """Return the median and the 99th percentile of a response's time, each the median of all measured ones."""
        figures = self.figures[clients]
        return median(each.median_milliseconds for each in figures), median(each.p99_milliseconds for each in figures)


Targets = dict[tuple[str, int], Target]
"""By name and number of workers."""


def measure(plan: Plan = FULL) -> list[Row]:
    """Start all servers, put load on one after the other, over and over, and compare them."""
    if not is_installed():
        return [unmeasured("load", MISSING)]
    BUILD.mkdir(parents=True, exist_ok=True)
    # Not in the folder for temporary files, which may be in memory: a flush would cost nothing there.
    with tempfile.TemporaryDirectory(dir=BUILD) as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        ours = Installation(folder / "ours", workers_number=1, has_reader=False)
        starter = _Starter(stack, folder)
        starter.start_ours(ours)
        starter.start_peers()
        take_turns(list(starter.targets.values()), plan)
        stack.close()
        return [
            *figures_of(starter.targets),
            *compare(starter.targets),
            *_disk(ours, starter.targets),
            *starter.missing,
        ]


class _Starter:
    """Starts the servers, which run until the stack ends."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.targets: Targets = {}
        self.missing: list[Row] = []
        self._stack = stack
        self._folder = folder

    def start_ours(self, ours: Installation) -> None:
        """Start the service as it ships: with one worker, with two, and with one on PostgreSQL."""
        self._start_installation(ours, SCORE)
        # Other comments than at the other route, as both have one database: a repeated comment may be cheaper.
        form = {"api_key": ours.key, "blog": _BLOG, "user_ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}
        self._add(AKISMET, 1, server_of(ours), "/1.1/comment-check", _FORM, lambda comment: _form(form, comment), 20)
        self._start_installation(Installation(self._folder / "two", workers_number=2, has_reader=False), SCORE)
        if find_binaries() is None:
            self.missing.append(unmeasured(POSTGRES, "no PostgreSQL (apt-get install postgresql)"))
        else:
            url = self._stack.enter_context(running_server()).url("postgres")
            self._start_installation(
                Installation(self._folder / "postgres", url, workers_number=1, has_reader=False), POSTGRES
            )

    def start_peers(self) -> None:
        """Start the other servers."""
        for name, factory, workers in (
            (NO_OP, "no_op", 1),
            (INSERT, "insert", 1),
            (PIPELINE, "pipeline", 1),
            (INSERT, "insert", 2),
        ):
            server = self._stack.enter_context(running_flask(factory, self._folder / f"{factory}{workers}", workers))
            self._add(name, workers, server, "/", JSON, to_json)
        reason = missing_rspamd()
        if reason:
            self.missing.append(unmeasured(RSPAMD, reason))
        else:
            server = self._stack.enter_context(running_rspamd(self._folder / "rspamd"))
            self._add(RSPAMD, 1, server, "/checkv2", {}, lambda comment: to_mail(comment, number=1))

    def _start_installation(self, installation: Installation, name: str) -> None:
        installation.folder.mkdir()
        installation.prepare()
        self._stack.callback(installation.stop)
        installation.start()
        installation.wait_until_ready()
        headers = {**JSON, "Authorization": f"Bearer {installation.key}"}
        self._add(name, installation.workers_number, server_of(installation), "/v1/score", headers, to_json)

    def _add(
        self,
        name: str,
        workers: int,
        server: Server,
        path: str,
        headers: dict[str, str],
        body: Body,
        seed: int = 19,
    ) -> None:
        requests = self._folder / f"requests-{len(self.targets)}"
        write_requests(requests, path, headers, make_comments(_COMMENTS, seed), body)
        self.targets[name, workers] = Target(name, workers, server, requests)


def server_of(installation: Installation) -> Server:
    """Return the address and the process of a running installation."""
    assert installation.process
    return Server(installation.port, installation.process.pid)


def to_json(comment: Comment) -> bytes:
    """Return the body of a request to `/v1/score`."""
    fields = {"text": comment.text, "author": comment.author, "email": comment.email, "url": comment.url}
    return json.dumps({name: value for name, value in fields.items() if value}).encode()


def _form(form: dict[str, str], comment: Comment) -> bytes:
    fields = {
        "content": comment.text,
        "author": comment.author,
        "author_email": comment.email,
        "author_url": comment.url,
    }
    return urlencode(form | {f"comment_{name}": value for name, value in fields.items() if value}).encode()


def take_turns(targets: Sequence[Target], plan: Plan) -> None:
    """Put load on each server, for each number of clients, in rounds."""
    for target in targets:
        target.run(max(CLIENTS), plan.warm_up_seconds)
        target.figures.clear()
        target.cpu_microseconds.clear()
    for _ in range(plan.rounds):
        for clients in CLIENTS:
            for target in targets:
                target.run(clients, plan.seconds)


def figures_of(targets: Targets) -> list[Row]:
    """Return the rate, the times and the processor time of each server."""
    rows = []
    for target in targets.values():
        for clients in target.figures:
            name, (middle, p99) = _name(target, clients), target.milliseconds(clients)
            rows += [
                figure(name, target.per_second(clients), "requests/s"),
                figure(f"{name}: median", middle, "ms"),
                figure(f"{name}: 99th percentile", p99, "ms"),
                figure(f"{name}: processor", median(target.cpu_microseconds[clients]), "microseconds a request"),
            ]
    return rows


def compare(targets: Targets) -> list[Row]:
    """Return the rows with bars, for the servers that were measured."""
    rows = []
    for ours in (targets[SCORE, 1], targets[AKISMET, 1]):
        rows.append(_at_least(ours, targets[INSERT, 1], 1, MIN_OF_INSERT))
        for clients in CLIENTS[1:]:
            for peer, bar in (
                (NO_OP, MIN_OF_NO_OP),
                # The stretch.
                (NO_OP, STRETCH_OF_NO_OP),
                (INSERT, MIN_OF_INSERT),
                (PIPELINE, MIN_OF_PIPELINE),
                (RSPAMD, MIN_OF_RSPAMD),
            ):
                if (peer, 1) in targets:
                    rows.append(_at_least(ours, targets[peer, 1], clients, bar))
            rows.append(_tail(ours, clients))
        _, p99 = ours.milliseconds(8)
        rows.append(at_most(f"{_name(ours, 8)}: 99th percentile", p99, MAX_P99_MILLISECONDS, "ms"))
    return [*rows, *(_gain(targets, clients) for clients in CLIENTS[1:])]


def _name(target: Target, clients: int) -> str:
    return f"{target.title}, {clients} client{'s'[clients == 1 :]}"


def _at_least(ours: Target, peer: Target, clients: int, bar: float) -> Row:
    return at_least_ratio(
        _name(ours, clients),
        ours.per_second(clients),
        "requests/s",
        baseline=peer.name,
        baseline_value=peer.per_second(clients),
        min_ratio=bar,
    )


def _tail(ours: Target, clients: int) -> Row:
    middle, p99 = ours.milliseconds(clients)
    return at_most_ratio(
        f"{_name(ours, clients)}: 99th percentile",
        p99,
        "ms",
        baseline="its median",
        baseline_value=middle,
        max_ratio=MAX_P99_OF_MEDIAN,
    )


def _gain(targets: Targets, clients: int) -> Row:
    """Compare the factors by which a second worker raises the rate."""
    ours, theirs = (
        targets[name, 2].per_second(clients) / targets[name, 1].per_second(clients) for name in (SCORE, INSERT)
    )
    return at_least_ratio(
        f"{SCORE}, two workers against one, {clients} clients",
        ours,
        "times the rate",
        baseline=INSERT,
        baseline_value=theirs,
        min_ratio=MIN_GAIN_OF_INSERT,
    )


def _disk(ours: Installation, targets: Targets) -> list[Row]:
    """Compare the database's size with its decisions, after the service has ended."""
    with closing(sqlite3.connect(ours.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (decisions,) = connection.execute("SELECT count(*) FROM decisions").fetchone()
        (text_bytes,) = connection.execute("SELECT sum(length(CAST(text AS BLOB))) FROM comments").fetchone()
    per_decision = (ours.database.stat().st_size - text_bytes) / decisions
    answered = sum(target.answered for target in (targets[SCORE, 1], targets[AKISMET, 1]))
    return [
        at_most("on disk beside the text", per_decision, MAX_BYTES_PER_DECISION, "bytes a decision"),
        # Fewer would mean that requests were refused, or answered like an earlier one.
        at_least("decisions stored", decisions, answered, "decisions"),
    ]
