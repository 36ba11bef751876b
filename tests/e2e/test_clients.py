"""Unmodified Akismet clients, and their live test suites, against the real service over TLS."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import (
    DRIVERS,
    HOST,
    PYTHON_CLIENTS,
    ClientSandbox,
    download_suite,
    free_loopback_address,
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

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class ClientMachine:
    """A blog's machine with the blog's key: a sandbox for each name of the service."""

    sandboxes: dict[str, ClientSandbox]
    key: str
    service: Service

    def run_driver(self, *command: str | Path, folder: Path, name: str, **more: str | Path) -> dict[str, Any]:
        """Run a driver; return its output and the labels of its two comments."""
        sent = texts(f"{Path(command[-1]).stem} by {name}")
        variables = {"KEY": self.key, "WRONG_KEY": WRONG_KEY, "BLOG": BLOG, **sent, **more}
        if name != HOST:
            variables["SERVICE"] = name
        result = self.sandboxes[name].run(*command, folder=folder, **variables)
        assert result.returncode == 0, result.stderr
        answers: dict[str, Any] = json.loads(result.stdout)
        labels = self.service.labels()
        return answers | {"labels": [labels.get(text) for text in sent.values()]}


@pytest.fixture(scope="module")
def client_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientMachine]:
    require_mount_namespace()
    require_tools(nginx="nginx-light", openssl="openssl")
    service = Service(tmp_path_factory.mktemp("service"))
    service.prepare()
    key = json.loads(service.moderation("site", "add", BLOG, "--json"))["key"]
    with ExitStack() as running:
        port = running.enter_context(served(service)).port
        sandboxes = {}
        for name in (HOST, OWN_NAME):
            folder = tmp_path_factory.mktemp("sandbox")
            config = ProxyConfig(free_loopback_address(), 80, 443, akismet=name)
            authority = running.enter_context(running_proxy(port, config, folder))
            hosts = hosts_file(config.address, [name, f"{key}.{name}", f"{WRONG_KEY}.{name}"], folder)
            sandboxes[name] = ClientSandbox(hosts, authority)
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


def texts(sender: str) -> dict[str, str]:
    """Return a ham and a spam comment that name their sender, so that each is stored by itself."""
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


@pytest.mark.parametrize("name", NAMES)
def test_pypi_akismet(client_machine: ClientMachine, tmp_path: Path, name: str) -> None:
    """By its default host, and by a custom HTTP client; its timeout is one second."""
    script = DRIVERS / "pypi_akismet.py"
    assert client_machine.run_driver(sys.executable, script, folder=tmp_path, name=name) == EXPECTED_ANSWERS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("client", PYTHON_CLIENTS)
def test_python_clients(client_machine: ClientMachine, python: dict[str, Path], client: str, name: str) -> None:
    """They send the key in the host name only; two of them cannot verify it."""
    script = DRIVERS / f"{client}.py"
    answers = client_machine.run_driver(
        sys.executable, script, folder=python[client], name=name, PYTHONPATH=python[client]
    )
    no_verify = {"verified": None, "wrong_verified": None} if client in ("python_akismet", "pykismet") else {}
    assert answers == EXPECTED_ANSWERS | no_verify


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("script", ["akismet_api.cjs", "akismet_js.cjs", "cedx.mjs"])
def test_node_clients(client_machine: ClientMachine, node: Path, script: str, name: str) -> None:
    """The one named akismet takes every reply but `true` for ham, so a wrong key shows only in verify-key."""
    answers = client_machine.run_driver("node", DRIVERS / script, folder=node, name=name)
    assert answers == EXPECTED_ANSWERS | ({"wrong": "ham"} if script == "akismet_js.cjs" else {})


def test_nodebb_s_spam_be_gone(client_machine: ClientMachine, node: Path) -> None:
    """Over TLS; its host is fixed. It takes every reply but `true` for ham."""
    answers = client_machine.run_driver("node", DRIVERS / "nodebb.cjs", folder=node, name=HOST)
    assert answers == EXPECTED_ANSWERS | {"wrong": "ham"}


@pytest.mark.parametrize("name", NAMES)
def test_node_s_form_data(client_machine: ClientMachine, node: Path, name: str) -> None:
    """It sends every call as `multipart/form-data`."""
    answers = client_machine.run_driver("node", DRIVERS / "form_data.cjs", folder=node, name=name)
    assert answers == EXPECTED_ANSWERS


@pytest.mark.parametrize("name", NAMES)
def test_php_s_curl_with_an_array(client_machine: ClientMachine, tmp_path: Path, name: str) -> None:
    """It sends every call as `multipart/form-data`."""
    require_library("php", "curl_version();", "php-curl", option="-r")
    answers = client_machine.run_driver("php", DRIVERS / "curl_array.php", folder=tmp_path, name=name)
    assert answers == EXPECTED_ANSWERS


def test_the_ruby_gem(client_machine: ClientMachine, tmp_path: Path) -> None:
    """Over TLS; its host is fixed."""
    require_library("ruby", "require 'akismet'", "ruby-akismet")
    assert (
        client_machine.run_driver("ruby", DRIVERS / "akismet_ruby.rb", folder=tmp_path, name=HOST) == EXPECTED_ANSWERS
    )


@pytest.mark.parametrize("name", NAMES)
def test_net_akismet(client_machine: ClientMachine, tmp_path: Path, name: str) -> None:
    """Over plain http, as the Perl library has no TLS."""
    require_library("perl", "use Net::Akismet", "libnet-akismet-perl")
    assert client_machine.run_driver("perl", DRIVERS / "net_akismet.pl", folder=tmp_path, name=name) == EXPECTED_ANSWERS


def require_library(tool: str, code: str, package: str, option: str = "-e") -> None:
    """End the test if a tool cannot load the library of a package. `option` makes the tool run `code`."""
    require_tools(**{tool: package})
    if subprocess.run([tool, option, code], capture_output=True, check=False).returncode:
        skip_or_fail(f"the {tool} library of the package {package}")
