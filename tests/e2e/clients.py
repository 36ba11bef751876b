"""Other people's Akismet clients, unmodified, called by their own default hosts over TLS.

They run in a private mount namespace whose /etc/hosts names rest.akismet.com and KEY.rest.akismet.com as a loopback
address, and trust an authority made for the occasion. Nothing changes on the machine itself.
"""

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.wanted import missing, need

HOST = "rest.akismet.com"
DRIVERS = Path(__file__).parent / "drivers"
SUITE = "akismet==25.10.1"
PYTHON_CLIENTS = {"python_akismet": "python-akismet==0.4.3", "akismet_async": "akismet-async==0.0.1"}
# mocha and chai in the versions that akismet-api asks for to run its own suite.
NODE_CLIENTS = ("akismet-api@6.0.0", "akismet@2.0.7", "@cedx/akismet@16.2.1", "mocha@10", "chai@4")
_PATIENCE = 300
"""Seconds for a step that installs packages; it ends as soon as it is done."""


@dataclass(frozen=True)
class Road:
    """The way from a client to the service: names, and whom to trust."""

    hosts: Path
    authority: Path

    def run(self, *command: str | Path, folder: Path, **more: str | Path) -> subprocess.CompletedProcess[str]:
        """A finished command, run in `folder` where the default hosts lead to the service."""
        inside: list[str | Path] = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            'mount --bind "$0" /etc/hosts && exec "$@"',
            self.hosts,
        ]
        return subprocess.run(
            [*inside, *command],
            cwd=folder,
            env={**self._environment(folder), **{name: str(value) for name, value in more.items()}},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _environment(self, folder: Path) -> dict[str, str]:
        """Nothing of this test's own: no proxy, no other authority."""
        trust = dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"), str(self.authority))
        return {**trust, "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}


def need_a_namespace() -> None:
    """Ends the test, with the reason, where no private mount namespace can be had."""
    if os.geteuid() != 0:
        # Nothing to install would help, so CI skips as well.
        pytest.skip("Only root may give the clients an /etc/hosts of their own (unshare --mount).")
    need(unshare="util-linux")
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"This machine allows no private mount namespace: {tried.stderr.strip()}")


def hosts_file(address: str, names: list[str], folder: Path) -> Path:
    """An /etc/hosts in which `names` are at `address`."""
    file = folder / "hosts"
    file.write_text(f"127.0.0.1 localhost\n{address} {' '.join(names)}\n", "utf-8")
    # The clients' resolvers read it as whoever they are.
    file.chmod(0o644)
    return file


def source_of_the_suite(folder: Path) -> Path:
    """The source distribution of PyPI's akismet, unpacked: its tests are not in the wheel."""
    _install(_pip("download"), "--no-binary", "akismet", "--no-deps", "--dest", folder, SUITE)
    (archive,) = folder.glob("akismet-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def python_client(name: str, folder: Path) -> Path:
    """A folder with one Python client in it: all of them call their package `akismet`."""
    _install(_pip("install"), "--target", folder / name, PYTHON_CLIENTS[name])
    return folder / name


def node_clients(folder: Path) -> Path:
    """A folder with all Node clients in its `node_modules`."""
    quiet = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    _install(["npm", "install"], "--prefix", folder, *quiet, *NODE_CLIENTS)
    return folder


def _pip(verb: str) -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", verb]


def _install(command: list[str], *arguments: str | Path) -> None:
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if done.returncode:
        missing(f"what `{' '.join(map(str, [*command[-2:], *arguments]))}` installs:\n{done.stderr}")
