"""Other people's clients and their own live suites, unmodified, against the real service over TLS."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import (
    DRIVERS,
    HOST,
    PYTHON_CLIENTS,
    Road,
    hosts_file,
    need_a_namespace,
    node_clients,
    python_client,
    source_of_the_suite,
)
from tests.e2e.proxy import Place, proxied
from tests.e2e.service import Service, served
from tests.e2e.wanted import missing, need

BLOG = "https://bakery.example"
WRONG_KEY = "ffffffffffff"
OWN_NAME = "rest.example.org"
NAMES = (HOST, OWN_NAME)
"""Where the clients find the service: by the name that they know, and by one that an option tells them."""

UNDERSTOOD = {
    "verified": True,
    "wrong_verified": False,
    "ham": "ham",
    "spam": "spam",
    "wrong": "error",
    "submitted": True,
    "labels": ["ham", "spam"],
}
"""What a driver tells of a client that read every reply as it was meant, and taught what it submitted."""

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Outside:
    """A blog's machine, with the blog's key: the roads to the service, by the name it has there."""

    roads: dict[str, Road]
    key: str
    service: Service

    def drive(self, *command: str | Path, folder: Path, name: str, **more: str | Path) -> dict[str, Any]:
        """What a driver printed, and the labels that its two comments now have."""
        sent = texts(f"{Path(command[-1]).stem} by {name}")
        given = {"KEY": self.key, "WRONG_KEY": WRONG_KEY, "BLOG": BLOG, **sent, **more}
        if name != HOST:
            given["SERVICE"] = name
        done = self.roads[name].run(*command, folder=folder, **given)
        assert done.returncode == 0, done.stderr
        answers: dict[str, Any] = json.loads(done.stdout)
        labels = self.service.labels()
        return answers | {"labels": [labels.get(text) for text in sent.values()]}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    need_a_namespace()
    need(nginx="nginx-light", openssl="openssl")
    service = Service(tmp_path_factory.mktemp("service"))
    service.prepare()
    key = json.loads(service.moderation("site", "add", BLOG, "--json"))["key"]
    with ExitStack() as running:
        port = running.enter_context(served(service)).port
        roads = {}
        for name in (HOST, OWN_NAME):
            folder = tmp_path_factory.mktemp("road")
            place = Place(own_address(), 80, 443, akismet=name)
            authority = running.enter_context(proxied(port, place, folder))
            hosts = hosts_file(place.address, [name, f"{key}.{name}", f"{WRONG_KEY}.{name}"], folder)
            roads[name] = Road(hosts, authority)
        yield Outside(roads, key, service)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("python")
    yield {client: python_client(client, folder) for client in PYTHON_CLIENTS}
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    need(node="nodejs", npm="npm")
    folder = tmp_path_factory.mktemp("node")
    yield node_clients(folder)
    shutil.rmtree(folder)


def own_address() -> str:
    """A loopback address whose ports 80 and 443 are free, whatever serves the machine itself."""
    free = (address for address in (f"127.83.7.{last}" for last in range(1, 255)) if both_ports_are_free(address))
    return next(free, None) or missing("a loopback address whose ports 80 and 443 are free")


def both_ports_are_free(address: str) -> bool:
    try:
        with closing(socket.create_server((address, 80))), closing(socket.create_server((address, 443))):
            return True
    except OSError:
        return False


def texts(sender: str) -> dict[str, str]:
    """An ordinary comment and another, told apart by who sends them."""
    return {
        "HAM": f"Thanks, the second loaf came out better. It's the longer rest in the café's oven! Says {sender}.",
        "SPAM": f"Cheap watches, 100% original, says {sender} & friends",
    }


def told(client: str, done: subprocess.CompletedProcess[str], capsys: pytest.CaptureFixture[str]) -> str:
    """All that a suite printed; its closing lines are shown to whoever runs this."""
    printed = done.stdout + done.stderr
    with capsys.disabled():
        closing_lines = [line for line in printed.splitlines() if re.search(r"\d+ (passed|passing|failing)", line)]
        sys.stdout.write(f"\n{client}'s own suite: {' '.join(' '.join(closing_lines).split())}\n")
    return printed


def test_pypi_akismet_s_own_suite(outside: Outside, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All 26 of its end-to-end tests, run as its maintainers run them before a release."""
    source = source_of_the_suite(tmp_path)
    given: dict[str, str | Path] = {
        "PYTHON_AKISMET_API_KEY": outside.key,
        "PYTHON_AKISMET_BLOG_URL": BLOG,
        "PYTHONPATH": source / "src",
    }
    done = outside.roads[HOST].run(sys.executable, "-m", "pytest", "-m", "end_to_end", "-vv", folder=source, **given)
    printed = told("PyPI akismet", done, capsys)
    assert done.returncode == 0, printed
    assert re.search(r"\b26 passed, \d+ deselected in", printed), printed


def test_npm_akismet_api_s_own_suite(outside: Outside, node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All 5 of its integration tests."""
    suite = "node_modules/akismet-api/test/integration.spec.js"
    done = outside.roads[HOST].run("node_modules/.bin/mocha", suite, folder=node, AKISMET_KEY=outside.key)
    printed = told("npm akismet-api", done, capsys)
    assert done.returncode == 0, printed
    assert re.search(r"\b5 passing\b", printed) and "pending" not in printed, printed


@pytest.mark.parametrize("name", NAMES)
def test_pypi_akismet(outside: Outside, tmp_path: Path, name: str) -> None:
    """By its default host, and by an HTTP client that leads it elsewhere; it gives up after a second."""
    script = DRIVERS / "pypi_akismet.py"
    assert outside.drive(sys.executable, script, folder=tmp_path, name=name) == UNDERSTOOD


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("client", PYTHON_CLIENTS)
def test_python_clients(outside: Outside, python: dict[str, Path], client: str, name: str) -> None:
    """They send the key in the host name alone, and read the replies as JSON; one of them cannot verify."""
    script = DRIVERS / f"{client}.py"
    answers = outside.drive(sys.executable, script, folder=python[client], name=name, PYTHONPATH=python[client])
    mute = {"verified": None, "wrong_verified": None} if client == "python_akismet" else {}
    assert answers == UNDERSTOOD | mute


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("script", ["akismet_api.cjs", "akismet_js.cjs", "cedx.mjs"])
def test_node_clients(outside: Outside, node: Path, script: str, name: str) -> None:
    """The one called akismet makes ham of every reply but `true`: a wrong key shows only when it is verified."""
    answers = outside.drive("node", DRIVERS / script, folder=node, name=name)
    assert answers == UNDERSTOOD | ({"wrong": "ham"} if script == "akismet_js.cjs" else {})


def test_the_ruby_gem(outside: Outside, tmp_path: Path) -> None:
    """Over TLS; its host is fixed."""
    need_library("ruby", "require 'akismet'", "ruby-akismet")
    assert outside.drive("ruby", DRIVERS / "akismet_ruby.rb", folder=tmp_path, name=HOST) == UNDERSTOOD


@pytest.mark.parametrize("name", NAMES)
def test_net_akismet(outside: Outside, tmp_path: Path, name: str) -> None:
    """Over plain http, which is all that the Perl library speaks."""
    need_library("perl", "use Net::Akismet", "libnet-akismet-perl")
    assert outside.drive("perl", DRIVERS / "net_akismet.pl", folder=tmp_path, name=name) == UNDERSTOOD


def need_library(tool: str, found: str, package: str) -> None:
    """Ends the test where `tool` cannot load the library that comes with `package`."""
    need(**{tool: package})
    if subprocess.run([tool, "-e", found], capture_output=True, check=False).returncode:
        missing(f"the {tool} library that comes with the package {package}")
