"""Response times of comment-check while `moderation retrain` runs on the same machine."""

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
_IDLE_REQUESTS = 300
_MAX_TRAINING_SECONDS = 300.0


def measure() -> list[Row]:
    """Measure comment-check over HTTP, in milliseconds, on an idle machine and during training."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        service.prepare()
        service.moderation("site", "add", BLOG, "--key", KEY)
        service.moderation("labels", "import", str(data.STARTER), "--site", BLOG)
        with served(service) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
            idle = [_time_request(client, number) for number in range(_IDLE_REQUESTS)]
            with _training(service) as process:
                busy = _times_while_training(client, process)
    return [
        figure("comment-check, machine idle: median", _percentile_ms(idle, 50), "ms"),
        figure("comment-check during training: median", _percentile_ms(busy, 50), "ms"),
        at_most_ratio(
            "comment-check during training: 99th percentile",
            _percentile_ms(busy, 99),
            "ms",
            baseline="machine idle",
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
                os.killpg(process.pid, signal.SIGTERM)


def _times_while_training(client: httpx.Client, process: subprocess.Popen[bytes]) -> list[float]:
    start, times = perf_counter(), list[float]()
    while process.poll() is None and perf_counter() - start < _MAX_TRAINING_SECONDS:
        times.append(_time_request(client, len(times)))
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
