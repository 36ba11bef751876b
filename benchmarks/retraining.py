"""Response times of comment-check while `moderation retrain` runs on the same machine.

The training is stopped and continued in turn, so that other work of the machine changes both figures alike.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

import httpx
import numpy as np

from benchmarks import data
from benchmarks.rows import ROOT, Row, at_most, at_most_ratio, figure
from tests.e2e.service import Service, served

KEY, BLOG = "0123456789ab", "https://busy.example"
MAX_RESPONSE_MS = 1000
MAX_P99_RATIO = 2.0
# A busy blog, not a load test.
_PAUSE_SECONDS = 0.05
_REQUESTS_PER_TURN = 100
_MAX_TRAINING_SECONDS = 300.0


def measure() -> list[Row]:
    """Measure comment-check over HTTP, in milliseconds, with the training stopped and running in turn."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        service.prepare()
        service.moderation("site", "add", BLOG, "--key", KEY)
        service.moderation("labels", "import", str(data.STARTER), "--site", BLOG)
        with served(service) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
            for number in range(_REQUESTS_PER_TURN):
                _time_request(client, number)
            with _training(service) as process:
                idle, busy = _times_in_turn(client, process)
    return [
        figure("comment-check, training stopped: median", _percentile_ms(idle, 50), "ms"),
        figure("comment-check during training: median", _percentile_ms(busy, 50), "ms"),
        at_most_ratio(
            "comment-check during training: 99th percentile",
            _percentile_ms(busy, 99),
            "ms",
            baseline="training stopped",
            baseline_value=_percentile_ms(idle, 99),
            max_ratio=MAX_P99_RATIO,
        ),
        at_most("comment-check during training: slowest", _percentile_ms(busy, 100), MAX_RESPONSE_MS, "ms"),
        figure("requests answered during training", len(busy), "requests"),
    ]


@contextmanager
def _training(service: Service) -> Iterator[subprocess.Popen[bytes]]:
    """Run `moderation retrain` on the labels and every corpus until the block ends."""
    source = data.folder()
    corpora = data.corpora(source) if source else [data.STARTER]
    recipe = ["--recipe", str(data.RECIPE)] if source else []
    command = [sys.executable, "-m", "moderation", "retrain", *map(str, corpora), *recipe, "--no-promote"]
    environment = service.environment
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                for last in (signal.SIGTERM, signal.SIGCONT):
                    os.killpg(process.pid, last)


def _times_in_turn(client: httpx.Client, process: subprocess.Popen[bytes]) -> tuple[list[float], list[float]]:
    """Return the seconds of requests while the training is stopped, and of as many while it runs."""
    start, times = perf_counter(), (list[float](), list[float]())
    while process.poll() is None and perf_counter() - start < _MAX_TRAINING_SECONDS:
        for state, change in enumerate((signal.SIGSTOP, signal.SIGCONT)):
            os.killpg(process.pid, change)
            for number in range(_REQUESTS_PER_TURN):
                times[state].append(_time_request(client, number))
                sleep(_PAUSE_SECONDS)
    assert process.returncode in (None, 0, 3), "the training failed"
    return times


def _time_request(client: httpx.Client, number: int) -> float:
    """Return the seconds until the response."""
    fields = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", "comment_author": f"Reader {number}"}
    fields["comment_content"] = f"The {number}th loaf was better than the one before, thank you for the recipe. " * 5
    start = perf_counter()
    response = client.post("/1.1/comment-check", data=fields, timeout=60)
    assert response.status_code == 200 and response.text in ("true", "false")
    return perf_counter() - start


def _percentile_ms(times: list[float], percent: float) -> float:
    return round(float(np.percentile(times, percent)) * 1000, 2)
