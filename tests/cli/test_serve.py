"""`moderation serve`: it serves until it is stopped, or says why it cannot start."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from os import close, environ
from pathlib import Path

import httpx
import pytest

from moderation.cli.serve import open_run_folder, public_url, resolve_bind_address
from moderation.domain.errors import AddressInUse, InvalidInput
from moderation.settings import Settings
from moderation.storage.engine import open_engine, write_transaction
from tests.cli.conftest import Operator
from tests.model_server import answering


@contextmanager
def serving(operator: Operator) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield a serving process and its address as soon as it listens."""
    with subprocess.Popen(
        [sys.executable, "-m", "moderation", "serve"],
        env={**environ, **operator.environment, "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout
            lines = iter(process.stdout)
            address = re.search(r"http://[\d.]+:\d+", next(lines))
            assert address
            assert any("Started worker" in line for line in lines)
            yield process, address[0]
        finally:
            process.terminate()
            process.communicate()


def test_it_serves_until_it_is_stopped(operator: Operator) -> None:
    """Port 0 takes a free port, which is printed; SIGTERM stops the service with exit code 0."""
    with serving(operator) as (process, address):
        assert httpx.get(f"{address}/readyz").json()["ready"] is True
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0 and "Traceback" not in rest


@pytest.mark.e2e
def test_a_worker_returns_the_memory_that_it_frees(operator: Operator) -> None:
    """With glibc's defaults a dozen threads would each keep what they freed, and large arrays would be kept too."""
    with serving(operator) as (process, _):
        environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        assert {b"MALLOC_ARENA_MAX=1", b"MALLOC_MMAP_THRESHOLD_=131072"} <= set(environment)


@pytest.mark.e2e
def test_a_second_server_keeps_the_counters_of_the_first(operator: Operator, settings: Settings) -> None:
    """Each run with several workers has its own folder, also with one state folder, until the server ends."""
    several = Operator(operator.environment | {"MODERATION_WORKERS": "2"})
    metrics = settings.var / "metrics"
    with serving(several):
        (first,) = metrics.iterdir()
        (first / "counter_1.db").touch()
        with serving(several):
            assert (first / "counter_1.db").exists() and len(list(metrics.iterdir())) == 2
    folder, lock = open_run_folder(metrics)
    close(lock)
    assert list(metrics.iterdir()) == [folder]


def test_only_folders_of_ended_runs_are_removed(tmp_path: Path) -> None:
    """A running server's folder stays, and so does everything else in a folder that the operator chose."""
    (tmp_path / "counter_1.db").touch()
    (tmp_path / "moderation-run-notes").touch()
    (tmp_path / "other").mkdir()
    running, lock = open_run_folder(tmp_path)
    ended, ended_lock = open_run_folder(tmp_path)
    (ended / "counter_1.db").touch()
    close(ended_lock)
    latest, latest_lock = open_run_folder(tmp_path)
    close(lock)
    close(latest_lock)
    assert {path.name for path in tmp_path.iterdir()} == {
        "counter_1.db", "moderation-run-notes", "other", running.name, latest.name,
    }  # fmt: skip


def test_a_taken_port_is_named(operator: Operator) -> None:
    """Exit code 7, and the setting to change."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = Operator(operator.environment | {"PORT": str(other.getsockname()[1])})
        result = taken.run("serve")
    assert result.exit_code == 7 and "PORT" in result.stderr and result.stdout == ""


def test_without_a_database_it_says_what_to_run(newcomer: Operator) -> None:
    """Exit code 6."""
    result = newcomer.run("serve")
    assert result.exit_code == 6 and "moderation init" in result.stderr


def test_an_older_database_is_not_served(operator: Operator, settings: Settings) -> None:
    """Exit code 6, and the command that migrates it."""
    engine = open_engine(settings.database, 1.0)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    engine.dispose()
    result = operator.run("serve")
    assert result.exit_code == 6 and "older" in result.stderr and "moderation init" in result.stderr


def test_without_a_model_it_does_not_start(operator: Operator, settings: Settings) -> None:
    """Exit code 5, and the command that promotes one."""
    result = Operator(operator.environment | {"MODERATION_MODELS": str(settings.var)}).run("serve")
    assert result.exit_code == 5 and "moderation promote" in result.stderr


def test_the_bind_address_is_checked() -> None:
    """Port 0 becomes a free port; a port in use and an address of another machine are different errors."""
    host, port = resolve_bind_address("localhost", 0)
    assert port > 0 and public_url(host, port).endswith(f":{port}")
    with closing(socket.create_server(("127.0.0.1", 0))) as other, pytest.raises(AddressInUse):
        resolve_bind_address("127.0.0.1", other.getsockname()[1])
    with pytest.raises(InvalidInput):
        resolve_bind_address("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("a.example", "http://a.example:80")],
)
def test_the_public_url_can_be_opened_in_a_browser(host: str, shown: str) -> None:
    """The address of all interfaces cannot."""
    assert public_url(host, 80) == shown


def test_it_answers_while_the_adviser_hangs(operator: Operator) -> None:
    """Each comment gets its verdict at once, while the first question has no answer yet; the log has no key."""
    key = operator.get_json("site", "add", "https://hanging.example")["key"]
    operator.get("site", "thresholds", "https://hanging.example", "--review", "1e-9", "--spam", "1", "--discard", "1")
    with answering() as model:
        model.may_answer.clear()
        asking = {
            "ADVISER_URL": model.url,
            "ADVISER_MODEL": "m",
            "ADVISER_KEY": "sk-secret",
            "ADVISER_MAX_PER_MINUTE": "600",
        }
        variables = {f"MODERATION_{name}": value for name, value in asking.items()}
        with serving(Operator(operator.environment | variables)) as (process, address):
            headers, decided = {"Authorization": f"Bearer {key}"}, []
            for number in range(3):
                sent = httpx.post(f"{address}/v1/score", json={"text": f"number {number}"}, headers=headers, timeout=5)
                decided.append(sent.json()["id"])
                assert model.arrived.wait(30)
            assert len(model.questions) == 1
            model.may_answer.set()
            opinion = None
            while opinion is None:
                opinion = httpx.get(f"{address}/v1/decisions/{decided[-1]}", headers=headers).json()["opinion"]
            assert opinion == {"model": "m", "is_spam": True, "confidence": 0.92}
            metrics = httpx.get(f"{address}/metrics").text
            assert re.search(r'moderation_adviser_seconds_count\{outcome="answered"\} [1-3]\.0', metrics)
            assert model.questions[0].headers["authorization"] == "Bearer sk-secret"
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=30)
            assert process.returncode == 0 and "sk-secret" not in rest and "number" not in rest
