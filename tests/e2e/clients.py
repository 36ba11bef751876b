"""Unmodified Akismet clients that call their default hosts over TLS and reach the service.

They run in a private mount namespace. Its /etc/hosts gives rest.akismet.com and KEY.rest.akismet.com a loopback
address. The clients trust a throw-away authority. Nothing changes on the machine itself.
"""

import os
import socket
import subprocess
import sys
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.prerequisites import require_tools, skip_or_fail

HOST = "rest.akismet.com"
DRIVERS = Path(__file__).parent / "drivers"
SUITE = "akismet==25.10.1"
PYTHON_CLIENTS = {
    "python_akismet": "python-akismet==0.4.3",
    "akismet_async": "akismet-async==0.0.1",
    "pykismet": "pykismet3==0.1.1",
}
SPAM_BE_GONE = "nodebb-plugin-spam-be-gone@2.3.2"
# mocha and chai in the versions that akismet-api's suite needs.
NODE_CLIENTS = ("akismet-api@6.0.0", "akismet@2.0.7", "@cedx/akismet@16.2.1", "form-data@4.0.6", "mocha@10", "chai@4")
_INSTALL_TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class ClientSandbox:
    """A view of the network in which names lead to the service: a hosts file, and the authority to trust."""

    hosts: Path
    authority: Path

    def run(self, *command: str | Path, folder: Path, **more: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in `folder` and with the names of the sandbox."""
        return subprocess.run(
            [*entering({"/etc/hosts": self.hosts}), *command],
            cwd=folder,
            env={**self._environment(folder), **{name: str(value) for name, value in more.items()}},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _environment(self, folder: Path) -> dict[str, str]:
        """Return the environment of a client: none of the test's proxies or authorities."""
        trust = dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"), str(self.authority))
        return {**trust, "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}


def entering(files: dict[str, Path]) -> list[str | Path]:
    """Return the words before a command that let it alone see other files at these paths of the machine."""
    mount = 'until [ "$1" = -- ]; do mount --bind "$1" "$2" || exit; shift 2; done; shift; exec "$@"'
    pairs = [part for target, file in files.items() for part in (file, target)]
    return ["unshare", "--mount", "sh", "-c", mount, "sh", *pairs, "--"]


def require_mount_namespace() -> None:
    """Skip the test, with the reason, where no private mount namespace is possible."""
    if os.geteuid() != 0:
        # No package would help, so the test is skipped under CI as well.
        pytest.skip("Only root can give the clients their own /etc/hosts (unshare --mount).")
    require_tools(unshare="util-linux")
    check = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    if check.returncode:
        pytest.skip(f"This machine allows no private mount namespace: {check.stderr.strip()}")


def hosts_file(address: str, names: list[str], folder: Path) -> Path:
    """Write an /etc/hosts that gives all names one address."""
    file = folder / "hosts"
    file.write_text(f"127.0.0.1 localhost\n{address} {' '.join(names)}\n", "utf-8")
    # Some clients read it as another user.
    file.chmod(0o644)
    return file


def free_loopback_address() -> str:
    """Return a loopback address whose ports 80 and 443 are free."""
    free = (address for address in (f"127.83.7.{last}" for last in range(1, 255)) if _both_ports_are_free(address))
    return next(free, None) or skip_or_fail("a loopback address whose ports 80 and 443 are free")


def _both_ports_are_free(address: str) -> bool:
    try:
        with closing(socket.create_server((address, 80))), closing(socket.create_server((address, 443))):
            return True
    except OSError:
        return False


def download_suite(folder: Path) -> Path:
    """Download and unpack the source distribution of PyPI's akismet: its wheel has no tests."""
    _install(_pip("download"), "--no-binary", "akismet", "--no-deps", "--dest", folder, SUITE)
    (archive,) = folder.glob("akismet-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def python_client(name: str, folder: Path) -> Path:
    """Install one Python client in a folder. Each needs another folder, as all their packages are named `akismet`."""
    _install(_pip("install"), "--target", folder / name, PYTHON_CLIENTS[name])
    return folder / name


def node_clients(folder: Path) -> Path:
    """Install all Node clients in a folder."""
    quiet = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    _install(["npm", "install"], "--prefix", folder, *quiet, *NODE_CLIENTS, SPAM_BE_GONE)
    return folder


def _pip(verb: str) -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", verb]


def _install(command: list[str], *arguments: str | Path) -> None:
    result = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_SECONDS, check=False
    )
    if result.returncode:
        skip_or_fail(f"the packages of `{' '.join(map(str, [*command[-2:], *arguments]))}`:\n{result.stderr}")
