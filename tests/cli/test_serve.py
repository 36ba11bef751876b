"""`moderation serve`: refused with a sentence, or serving until it is told to stop."""

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from os import environ

import httpx
import pytest

from moderation.cli.addresses import claim, origin
from moderation.domain.errors import AddressInUse, InputRefused
from moderation.settings import Settings
from tests.cli.conftest import Operator


@contextmanager
def serving(operator: Operator) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A served process and its address, once it has told that it listens."""
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


def test_it_serves_until_it_is_told_to_stop(operator: Operator) -> None:
    """Port 0 takes a free port and says which; SIGTERM ends it in good order."""
    with serving(operator) as (process, address):
        assert httpx.get(f"{address}/readyz").json()["ready"] is True
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0 and "Traceback" not in rest


def test_a_taken_port_is_named(operator: Operator) -> None:
    """Exit code 7, and the setting to change; nothing is half started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = Operator(operator.environment | {"PORT": str(other.getsockname()[1])})
        done = taken.run("serve")
    assert done.exit_code == 7 and "PORT" in done.stderr and done.stdout == ""


def test_without_a_database_it_says_what_to_run(newcomer: Operator) -> None:
    """Exit code 6."""
    done = newcomer.run("serve")
    assert done.exit_code == 6 and "moderation init" in done.stderr


def test_an_older_database_is_not_served(operator: Operator, settings: Settings) -> None:
    """Exit code 6, and the command that brings it up to date."""
    with closing(sqlite3.connect(settings.var / "moderation.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
    done = operator.run("serve")
    assert done.exit_code == 6 and "older" in done.stderr and "moderation init" in done.stderr


def test_without_a_model_it_does_not_start(operator: Operator, settings: Settings) -> None:
    """Exit code 5: starting without a model is an oversight, losing it later is not a reason to stop."""
    done = Operator(operator.environment | {"MODERATION_MODELS": str(settings.var)}).run("serve")
    assert done.exit_code == 5 and "moderation promote" in done.stderr


def test_addresses_are_claimed_or_refused() -> None:
    """A free port is found for 0, a taken one told apart from an address that is not ours."""
    host, port = claim("localhost", 0)
    assert port > 0 and origin(host, port).endswith(f":{port}")
    with closing(socket.create_server(("127.0.0.1", 0))) as other, pytest.raises(AddressInUse):
        claim("127.0.0.1", other.getsockname()[1])
    with pytest.raises(InputRefused):
        claim("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("a.example", "http://a.example:80")],
)
def test_an_address_is_shown_as_a_browser_takes_it(host: str, shown: str) -> None:
    """The address of all interfaces is none that can be opened."""
    assert origin(host, 80) == shown
