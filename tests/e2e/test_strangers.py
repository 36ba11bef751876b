"""The strangers of the benchmark for a few seconds, and one host with more connections than the service may hold."""

import json
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from benchmarks import strangers
from tests.e2e.service import Service, served

pytestmark = pytest.mark.e2e


def test_strangers_do_not_stop_the_service() -> None:
    """`/livez` is answered in time and comments are judged meanwhile. Times are left to `make bench-strangers`."""
    rows = {row.name: row for row in strangers.measure(4)}
    assert rows["the slowest answer of /livez"].holds
    assert (rows["comments among strangers"].value or 0) > 10
    assert (rows["half-open head"].value or 0) >= strangers.HALF_OPEN_HEADS
    assert (rows["slow reader"].value or 0) >= strangers.SLOW_READERS


def test_idle_connections_of_one_address_keep_no_one_out(tmp_path: Path) -> None:
    """`/livez` and a comment from another address are answered within a second, and the ended ones are counted."""
    service = Service(tmp_path)
    service.prepare()
    key = json.loads(service.moderation("site", "add", "https://bakery.example", "--json"))["key"]
    with served(service, max_files=384) as running, ExitStack() as stack:
        for _ in range(300):
            idle = socket.create_connection(("127.0.0.1", running.port), source_address=("127.0.0.3", 0))
            stack.enter_context(idle)
        transport = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", transport=transport, timeout=20) as client:
            assert client.get("/livez").elapsed.total_seconds() < 1
            headers = {"Authorization": f"Bearer {key}"}
            response = client.post("/v1/score", json={"text": "Hello"}, headers=headers)
            assert response.status_code == 200 and response.elapsed.total_seconds() < 1
            metrics = client.get("/metrics").text
    assert float(metrics.partition("\nmoderation_connections_closed_total ")[2].split()[0]) >= 100
