"""Replicas under load: one is killed, and all are upgraded from an earlier version. No other request fails."""

import os
import signal
import socket
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from moderation.actions.published_models import live_model, publish, roll_back
from moderation.actions.services import Services
from tests.e2e.prerequisites import require_tools
from tests.e2e.proxy import ProxyConfig, running_proxy
from tests.e2e.replicas import BLOG, KEY, first_replica, further_replica, services_of, shared_database
from tests.e2e.round_robin import CLIENTS, PAUSE_SECONDS, RoundRobin
from tests.e2e.service import ROOT, free_port, served
from tests.models import small_arrays, small_card

pytestmark = pytest.mark.e2e

FORMER = "6b7ff5c"
"""The commit from which the test upgrades."""
PHASE_SECONDS = 4.0
LIMIT_SECONDS = 20.0
"""Time in which a replica follows a promotion. It polls every second, but the machine of a test may be busy."""


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


def test_nginx_passes_by_a_killed_replica(tmp_path: Path) -> None:
    """With the examples of deploy/, for Akismet's protocol. Only comments that the killed replica had fail."""
    require_tools(nginx="nginx-light", openssl="openssl")
    with ExitStack() as stack:
        first = first_replica(tmp_path, stack.enter_context(shared_database()))
        other = stack.enter_context(served(further_replica(first, "second")))
        with served(first) as killed:
            config = ProxyConfig("127.0.0.1", free_port(), free_port(), replicas=(killed.port, other.port))
            (tmp_path / "proxy").mkdir()
            stack.enter_context(running_proxy(killed.port, config, tmp_path / "proxy"))
            statuses: list[int] = []
            stop = Event()
            with ThreadPoolExecutor(CLIENTS) as pool:
                for _ in range(CLIENTS):
                    pool.submit(check_comments, config, stop, statuses)
                time.sleep(PHASE_SECONDS)
                before = len(statuses)
                os.killpg(killed.process.pid, signal.SIGKILL)
                time.sleep(PHASE_SECONDS)
                stop.set()
    failed = [status for status in statuses if status != 200]
    print(f"{len(statuses)} comments through nginx, {len(failed)} of them in flight at the killed replica")  # noqa: T201
    assert 20 < before < len(statuses) - 20 and len(failed) <= CLIENTS and 200 not in failed


def check_comments(config: ProxyConfig, stop: Event, statuses: list[int]) -> None:
    """Check comments that all differ by Akismet's protocol, and note the status of each answer."""
    with httpx.Client(headers={"Host": f"{KEY}.{config.akismet}"}, timeout=30, trust_env=False) as client:
        for number in count():
            if stop.is_set():
                return
            comment = {"blog": BLOG, "user_ip": "192.0.2.7", "comment_content": f"Soup {id(client)} {number} was good."}
            address = f"http://{config.address}:{config.http}/1.1/comment-check"
            statuses.append(client.post(address, data=comment).status_code)
            time.sleep(PAUSE_SECONDS)


def promote(services: Services, model_id: str) -> None:
    """Promote a model as the command does, without a comparison."""
    services.registry.promote(model_id, publish=partial(publish, services, former=live_model(services)))


def test_a_promoted_model_reaches_both_replicas(tmp_path: Path) -> None:
    """The second one begins without any model. Each follows a promotion and a rollback at the other, within seconds."""
    with ExitStack() as stack:
        url = stack.enter_context(shared_database())
        first = first_replica(tmp_path, url, MODERATION_MODEL_SOURCE="database")
        second = further_replica(first, "second", has_models=False)
        one, two = (stack.enter_context(services_of(each)) for each in (first, second))
        promote(one, "small")
        ports = [stack.enter_context(served(each)).port for each in (first, second)]
        one.registry.add({**small_arrays(), "bias": -1.0}, small_card("next"))
        load = RoundRobin(ports)
        with load.running():
            for model, change in (("next", lambda: promote(one, "next")), ("small", lambda: roll_back(two))):
                time.sleep(PHASE_SECONDS)
                change()
                changed_at = time.time()
                while {readiness(port)["checks"]["model"]["has"]["id"] for port in ports} != {model}:
                    assert time.time() - changed_at < LIMIT_SECONDS
                    time.sleep(0.1)
                time.sleep(PHASE_SECONDS)
                states = [readiness(port)["checks"]["model"] for port in ports]
                assert [each["has"] for each in states] == [each["should_have"] for each in states]
                seconds = [
                    max((each.sent_at - changed_at for each in late if each.model not in ("", model)), default=0.0)
                    for late in (load.answered(port, changed_at) for port in ports)
                ]
                print(f"{model}: the last comments by the former model came {seconds} seconds later")  # noqa: T201
        assert load.failed == []


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
