"""Unmodified Akismet clients, and their live test suites, against the real service over TLS."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.clients import (
    CLIENTS,
    DRIVERS,
    HOST,
    PYTHON_CLIENTS,
    Client,
    ClientSandbox,
    download_suite,
    free_loopback_address,
    go_client,
    hosts_file,
    node_clients,
    python_client,
    require_mount_namespace,
)
from tests.e2e.prerequisites import require_tools, skip_or_fail
from tests.e2e.proxy import ProxyConfig, running_proxy
from tests.e2e.service import Service, served

BLOG = "https://bakery.example"
WRONG_KEY = "ffffffffffff"
OWN_NAME = "rest.example.org"
STATUSES = (429, 503)
"""Answers to a check that are no verdict: too many requests, and a service that is down."""
NAMES = (HOST, OWN_NAME)
"""The names of the service: the clients' default host, and one that is set by an option."""

EXPECTED_ANSWERS = {
    "verified": True,
    "wrong_verified": False,
    "ham": "ham",
    "spam": "spam",
    "wrong": "error",
    "submitted": True,
    "labels": ["ham", "spam"],
}
"""The output of a driver whose client understood every reply, and the labels of what it submitted."""

BY_NAME = [(client, name) for client in CLIENTS for name in (NAMES if client.has_option else (HOST,))]

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class ClientMachine:
    """A blog's machine with the blog's key: a sandbox for each name of the service, and each status of a check."""

    sandboxes: dict[str | int, ClientSandbox]
    key: str
    service: Service

    def run(self, command: Sequence[str | Path], folder: Path, where: str | int) -> subprocess.CompletedProcess[str]:
        """Run a driver in a sandbox. A service name that no client has built in is passed to it."""
        variables = {"KEY": self.key, "WRONG_KEY": WRONG_KEY, "BLOG": BLOG, **texts(command, where)}
        named = {"SERVICE": OWN_NAME} if where == OWN_NAME else {}
        return self.sandboxes[where].run(*command, folder=folder, PYTHONPATH=folder, **variables, **named)


@pytest.fixture(scope="module")
def client_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientMachine]:
    require_mount_namespace()
    require_tools(nginx="nginx-light", openssl="openssl")
    service = Service(tmp_path_factory.mktemp("service"))
    service.prepare()
    key = json.loads(service.moderation("site", "add", BLOG, "--json"))["key"]
    with ExitStack() as running:
        port = running.enter_context(served(service)).port
        sandboxes: dict[str | int, ClientSandbox] = {}
        for where in (HOST, OWN_NAME, *STATUSES):
            name, status = (HOST, where) if isinstance(where, int) else (where, 0)
            folder = tmp_path_factory.mktemp("sandbox")
            config = ProxyConfig(free_loopback_address(), 80, 443, akismet=name, checks=status)
            authority = running.enter_context(running_proxy(port, config, folder))
            hosts = hosts_file(config.address, [name, f"{key}.{name}", f"{WRONG_KEY}.{name}"], folder)
            sandboxes[where] = ClientSandbox(hosts, authority)
        yield ClientMachine(sandboxes, key, service)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("python")
    yield {client: python_client(client, folder) for client in PYTHON_CLIENTS}
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    require_tools(node="nodejs", npm="npm")
    folder = tmp_path_factory.mktemp("node")
    yield node_clients(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def adtac(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tools(go="golang-go")
    return go_client(DRIVERS / "adtac.go", tmp_path_factory.mktemp("go"))


@pytest.fixture
def started(request: pytest.FixtureRequest, client: Client, tmp_path: Path) -> tuple[list[str | Path], Path]:
    """Return the command of a client's driver, and the folder with the packages that it needs."""
    script = DRIVERS / client.script
    match script.suffix:
        case ".py":
            installed = request.getfixturevalue("python") if script.stem in PYTHON_CLIENTS else {}
            return [sys.executable, script], installed.get(script.stem, tmp_path)
        case ".cjs" | ".mjs":
            folder: Path = request.getfixturevalue("node")
            return ["node", script], folder / "twikoo" if script.stem == "twikoo" else folder
        case ".go":
            return [request.getfixturevalue("adtac")], tmp_path
        case ".php":
            require_library("php", "curl_version();", "php-curl", option="-r")
            return ["php", script], tmp_path
        case ".rb":
            require_library("ruby", "require 'akismet'", "ruby-akismet")
            return ["ruby", script], tmp_path
    require_library("perl", "use Net::Akismet", "libnet-akismet-perl")
    return ["perl", script], tmp_path


def texts(command: Sequence[str | Path], where: str | int) -> dict[str, str]:
    """Return a ham and a spam comment that name their sender, so that each is stored by itself."""
    sender = f"{Path(command[-1]).stem} by {where}"
    return {
        "HAM": f"Thanks, the second loaf came out better. It's the longer rest in the café's oven! Says {sender}.",
        "SPAM": f"Cheap watches, 100% original, says {sender} & friends",
    }


def print_summary(client: str, result: subprocess.CompletedProcess[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Print the closing lines of a suite, and return all of its output."""
    printed = result.stdout + result.stderr
    with capsys.disabled():
        closing_lines = [line for line in printed.splitlines() if re.search(r"\d+ (passed|passing|failing)", line)]
        sys.stdout.write(f"\n{client}'s own suite: {' '.join(' '.join(closing_lines).split())}\n")
    return printed


def test_pypi_akismet_s_own_suite(
    client_machine: ClientMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 26 of its end-to-end tests pass."""
    source = download_suite(tmp_path)
    variables: dict[str, str | Path] = {
        "PYTHON_AKISMET_API_KEY": client_machine.key,
        "PYTHON_AKISMET_BLOG_URL": BLOG,
        "PYTHONPATH": source / "src",
    }
    result = client_machine.sandboxes[HOST].run(
        sys.executable, "-m", "pytest", "-m", "end_to_end", "-vv", folder=source, **variables
    )
    printed = print_summary("PyPI akismet", result, capsys)
    assert result.returncode == 0, printed
    assert re.search(r"\b26 passed, \d+ deselected in", printed), printed


def test_npm_akismet_api_s_own_suite(
    client_machine: ClientMachine, node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 5 of its integration tests pass."""
    suite = "node_modules/akismet-api/test/integration.spec.js"
    result = client_machine.sandboxes[HOST].run(
        "node_modules/.bin/mocha", suite, folder=node, AKISMET_KEY=client_machine.key
    )
    printed = print_summary("npm akismet-api", result, capsys)
    assert result.returncode == 0, printed
    assert re.search(r"\b5 passing\b", printed) and "pending" not in printed, printed


@pytest.mark.parametrize(("client", "name"), BY_NAME, ids=lambda value: getattr(value, "script", value))
def test_a_client_understands_each_answer(
    client_machine: ClientMachine, client: Client, name: str, started: tuple[list[str | Path], Path]
) -> None:
    """By its default host, and by the option for it. What it submits becomes labels."""
    result = client_machine.run(*started, name)
    assert result.returncode == 0, result.stderr
    labels = client_machine.service.labels()
    sent = texts(started[0], name).values()
    answers = json.loads(result.stdout) | {"labels": [labels.get(text) for text in sent]}
    assert answers == EXPECTED_ANSWERS | client.differences


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.script)
def test_a_client_without_a_verdict(
    client_machine: ClientMachine, client: Client, status: int, started: tuple[list[str | Path], Path]
) -> None:
    """A driver that stops is that of a client which raised an error that no key causes."""
    result = client_machine.run(*started, status)
    answers = {"ham": "error", "spam": "error"} if result.returncode else json.loads(result.stdout)
    assert [answers["ham"], answers["spam"]] == [client.without_verdict] * 2, result.stderr


def require_library(tool: str, code: str, package: str, option: str = "-e") -> None:
    """End the test if a tool cannot load the library of a package. `option` makes the tool run `code`."""
    require_tools(**{tool: package})
    if subprocess.run([tool, option, code], capture_output=True, check=False).returncode:
        skip_or_fail(f"the {tool} library of the package {package}")
