"""How long a blog waits for an answer while the model is trained again on the same machine."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

import httpx
import numpy as np

from tests.benchmarks import data
from tests.benchmarks.rows import ROOT, Row, at_most
from tests.e2e.service import Service, served

KEY, BLOG = "0123456789ab", "https://busy.example"
_PAUSE = 0.05
"""Seconds between one request and the next: a busy blog, not a load test."""
_IDLE_REQUESTS = 300
_LONGEST = 300.0
"""Seconds of training that are watched."""


def measure() -> list[Row]:
    """Milliseconds of comment-check over HTTP, on an idle machine and under training."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        service.prepare()
        service.moderation("site", "add", BLOG, "--key", KEY)
        with served(service) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
            idle = [_ask(client, number) for number in range(_IDLE_REQUESTS)]
            with _training(Path(folder)) as process:
                busy = _while_it_trains(client, process)
    return [
        Row("comment-check, machine idle: median", _milliseconds(idle, 50), "ms"),
        Row("comment-check while a training runs: median", _milliseconds(busy, 50), "ms"),
        Row("comment-check while a training runs: 99th percentile", _milliseconds(busy, 99), "ms"),
        at_most("comment-check while a training runs: slowest", _milliseconds(busy, 100), 1000, "ms"),
        Row("requests answered while the training ran", float(len(busy)), "requests"),
    ]


@contextmanager
def _training(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`moderation train` on everything there is, until the block ends."""
    corpora = sorted((data.folder() or data.STARTER.parent).glob("*.csv*"))
    command = [sys.executable, "-m", "moderation", "train", *map(str, corpora), "--id", "candidate"]
    environment = os.environ | {"MODERATION_MODELS": str(folder / "models")}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 15)


def _while_it_trains(client: httpx.Client, process: subprocess.Popen[bytes]) -> list[float]:
    started, times = perf_counter(), list[float]()
    while process.poll() is None and perf_counter() - started < _LONGEST:
        times.append(_ask(client, len(times)))
        sleep(_PAUSE)
    assert process.returncode in (None, 0), "the training failed"
    return times


def _ask(client: httpx.Client, number: int) -> float:
    """Seconds until the answer."""
    fields = {"api_key": KEY, "blog": BLOG, "user_ip": "192.0.2.7", "comment_author": f"Reader {number}"}
    fields["comment_content"] = f"The {number}th loaf was better than the one before, thank you for the recipe. " * 5
    started = perf_counter()
    reply = client.post("/1.1/comment-check", data=fields, timeout=60)
    assert reply.status_code == 200 and reply.text in ("true", "false")
    return perf_counter() - started


def _milliseconds(times: list[float], percent: float) -> float:
    return round(float(np.percentile(times, percent)) * 1000, 2)
