"""Deaths of the service's processes: it is back within seconds, on the same port."""

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.service import ROOT, Service, free_port, served

BACK_WITHIN_SECONDS = 5

pytestmark = pytest.mark.e2e


def children(process_id: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process_id}/task/{process_id}/children").read_text("utf-8").split()]


def wait_until_ready(port: int) -> float:
    """Return the seconds until the service answers again."""
    started = time.monotonic()
    while time.monotonic() - started < BACK_WITHIN_SECONDS:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=1).status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.05)
    return time.monotonic() - started


def test_worker_deaths_in_a_row_do_not_end_the_service(tmp_path: Path) -> None:
    """Killed as soon as it answers, three times: a new worker answers each time."""
    service = Service(tmp_path)
    service.prepare()
    with served(service) as running:
        for _ in range(3):
            (worker,) = children(running.process.pid)
            os.kill(worker, signal.SIGKILL)
            while Path(f"/proc/{worker}/exe").exists():
                time.sleep(0.01)
            assert wait_until_ready(running.port) < BACK_WITHIN_SECONDS
        assert running.process.poll() is None


def test_a_service_whose_main_process_was_killed_starts_again(tmp_path: Path) -> None:
    """As the unit does it, two seconds later on the same port, with no worker of the first left behind."""
    service = Service(tmp_path, {"PORT": str(free_port()), "MODERATION_WORKERS": "2"})
    service.prepare()
    with served(service) as first:
        orphans = children(first.process.pid)
        first.process.kill()
        with served(service) as second:
            assert second.port == first.port
            assert len(orphans) == 2 and not any(Path(f"/proc/{orphan}/exe").exists() for orphan in orphans)
            assert wait_until_ready(second.port) < BACK_WITHIN_SECONDS


def test_the_unit_and_the_container_start_the_main_process_again() -> None:
    """Both on any failure; the unit without a limit of attempts."""
    unit = (ROOT / "deploy" / "moderation.service").read_text("utf-8")
    assert "\nRestart=on-failure\n" in unit and "\nStartLimitIntervalSec=0\n" in unit
    assert "\n    restart: unless-stopped\n" in (ROOT / "compose.yaml").read_text("utf-8")
