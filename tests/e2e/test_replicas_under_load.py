"""Replicas under load: one is killed, and all are upgraded from an earlier version. No other request fails."""

import os
import signal
import socket
import subprocess
import tarfile
import time
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.replicas import KEY, first_replica, further_replica, shared_database
from tests.e2e.round_robin import CLIENTS, RoundRobin
from tests.e2e.service import ROOT, served

pytestmark = pytest.mark.e2e

FORMER = "6b7ff5c"
"""The commit from which the test upgrades."""
PHASE_SECONDS = 4.0


def readiness(port: int) -> dict[str, Any]:
    body: dict[str, Any] = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).json()
    return body


def wait_until_refused(port: int) -> None:
    """Wait until the kernel has closed the socket of a killed server, which takes milliseconds."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return
        time.sleep(0.001)


def test_a_killed_replica_fails_no_request_but_those_it_had(tmp_path: Path) -> None:
    """The second one answers the others, every acknowledged decision is stored, and the first one comes back."""
    with ExitStack() as stack:
        first = first_replica(tmp_path, stack.enter_context(shared_database()))
        other = stack.enter_context(served(further_replica(first, "second")))
        with served(first) as killed:
            load = RoundRobin([killed.port, other.port])
            with load.running():
                time.sleep(PHASE_SECONDS)
                os.killpg(killed.process.pid, signal.SIGKILL)
                wait_until_refused(killed.port)
                killed_at = time.time()
                time.sleep(PHASE_SECONDS)
                back = stack.enter_context(served(first))
                load.ports = [back.port, other.port]
                time.sleep(PHASE_SECONDS)
        print(f"{len(load.sent)} requests, {len(load.failed)} of them in flight at the killed replica")  # noqa: T201
        assert len(load.failed) <= CLIENTS
        assert [each for each in load.failed if each.port != killed.port or each.sent_at > killed_at] == []
        assert load.answered(killed.port) and load.answered(other.port, killed_at) and load.answered(back.port)
        with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
            address = f"http://127.0.0.1:{other.port}/v1/decisions"
            found = {client.get(f"{address}/{each.decision}").status_code for each in load.answered(killed.port)}
        assert found == {200}


def former_code(folder: Path) -> Path:
    """Unpack the package as it was at the commit `FORMER`. Skips the test in a clone that has not the commit."""
    archive = subprocess.run(["git", "archive", FORMER, "moderation"], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"The commit {FORMER} is not in this clone: fetch the whole history.")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as package:
        package.extractall(folder, filter="data")
    return folder


def test_an_upgrade_fails_no_request(tmp_path: Path) -> None:
    """The new version migrates while the former one serves. Both serve, then the new one alone."""
    code = former_code(tmp_path / "code")
    with ExitStack() as stack:
        url = stack.enter_context(shared_database())
        first = first_replica(tmp_path, url, code)
        second = further_replica(first, "second")
        former = [stack.enter_context(served(each)) for each in (first, second)]
        assert "has" not in readiness(former[0].port)["checks"]["schema"]
        load = RoundRobin([each.port for each in former])
        with load.running():
            time.sleep(PHASE_SECONDS)
            replace(first, code=ROOT).moderation("init")
            migrated_at = time.time()
            time.sleep(PHASE_SECONDS)
            new = stack.enter_context(served(further_replica(replace(first, code=ROOT), "new-first")))
            load.ports = [new.port, former[1].port]
            time.sleep(PHASE_SECONDS)
            assert load.answered(former[1].port, time.time() - 1) and load.answered(new.port)
            last = stack.enter_context(served(further_replica(replace(second, code=ROOT), "new-second")))
            load.ports = [new.port, last.port]
            for each in former:
                each.process.terminate()
            time.sleep(PHASE_SECONDS)
        assert load.failed == []
        schema = readiness(last.port)["checks"]["schema"]
        assert schema["ready"] and schema["has"] == schema["should_have"]
        served_after = [len(load.answered(each.port, migrated_at)) for each in (*former, new, last)]
        print(f"{len(load.sent)} requests, after the migration by replica: {served_after}")  # noqa: T201
        assert min(served_after) > 20
