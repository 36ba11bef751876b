"""Unmodified Akismet clients that call their default hosts over TLS and reach the service.

They run in a private mount namespace. Its /etc/hosts gives rest.akismet.com and KEY.rest.akismet.com a loopback
address. The clients trust a throw-away authority. Nothing changes on the machine itself.
"""

import os
import shutil
import socket
import subprocess
import sys
import tarfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.prerequisites import require_tools, skip_or_fail

HOST = "rest.akismet.com"
DRIVERS = Path(__file__).parent / "drivers"
SUITE = "akismet==25.10.1"
PYTHON_CLIENTS = {
    "python_akismet": "python-akismet==0.4.3",
    "akismet_async": "akismet-async==0.0.1",
    "pykismet": "pykismet3==0.1.1",
    "django_antispam": "django-antispam==1.0.3",
}
SPAM_BE_GONE = "nodebb-plugin-spam-be-gone@2.3.2"
# mocha and chai in the versions that akismet-api's suite needs.
NODE_CLIENTS = ("akismet-api@6.0.0", "akismet@2.0.7", "@cedx/akismet@16.2.1", "form-data@4.0.6", "mocha@10", "chai@4")
# Of these two only the module that calls Akismet is run, so only its dependencies are installed.
WALINE = "@waline/vercel@1.39.3"
TWIKOO = "twikoo-func@1.7.9"
TWIKOO_DEPENDENCIES = ("akismet-api@5.1.0", "axios@1", "blueimp-md5@2", "bowser@2", "crypto-js@4", "form-data@4")
GO_SOURCES = "/usr/share/gocode"
_INSTALL_TIMEOUT_SECONDS = 300


CANNOT_VERIFY = {"verified": None, "wrong_verified": None}
ONLY_CHECKS = {**CANNOT_VERIFY, "submitted": None, "labels": [None, None]}


@dataclass(frozen=True)
class Client:
    """A client as docs/clients.md names it, its driver, the answers that differ, and whether its host can be set.

    `without_verdict` is "error" for a client that raises or returns one, "ham" for one that lets the comment pass.
    """

    name: str
    script: str
    differences: dict[str, Any] = field(default_factory=dict)
    has_option: bool = True
    without_verdict: str = "error"


CLIENTS = (
    Client("PyPI `akismet` 25.10.1", "pypi_akismet.py"),
    Client("PyPI `python-akismet` 0.4.3", "python_akismet.py", CANNOT_VERIFY),
    Client("PyPI `akismet-async` 0.0.1", "akismet_async.py"),
    Client("PyPI `pykismet3` 0.1.1", "pykismet.py", CANNOT_VERIFY),
    Client("PyPI `django-antispam` 1.0.3", "django_antispam.py", CANNOT_VERIFY),
    Client("npm `akismet-api` 6.0.0", "akismet_api.cjs"),
    Client("npm `akismet` 2.0.7", "akismet_js.cjs", {"wrong": "ham"}, without_verdict="ham"),
    Client("npm `@cedx/akismet` 16.2.1", "cedx.mjs"),
    Client("NodeBB `spam-be-gone` 2.3.2", "nodebb.cjs", {"wrong": "ham"}, has_option=False, without_verdict="ham"),
    Client("Waline `@waline/vercel` 1.39.3", "waline.cjs", ONLY_CHECKS, has_option=False, without_verdict="ham"),
    Client("Twikoo `twikoo-func` 1.7.9", "twikoo.cjs", ONLY_CHECKS, has_option=False),
    Client("npm `form-data` 4.0.6", "form_data.cjs"),
    Client("PHP's curl with an array of fields", "curl_array.php"),
    Client("Ruby `akismet` 3.0.0", "akismet_ruby.rb", has_option=False),
    Client("Perl `Net::Akismet` 0.05", "net_akismet.pl"),
    Client("Go `adtac/go-akismet` of Debian 12", "adtac.go", CANNOT_VERIFY, has_option=False),
)


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
    """Install all Node clients in a folder; Twikoo in its folder `twikoo`, as it needs another version of one."""
    _npm_install(folder, *NODE_CLIENTS, SPAM_BE_GONE)
    _unpack(WALINE, folder / "node_modules" / "@waline" / "vercel")
    _npm_install(folder / "twikoo", *TWIKOO_DEPENDENCIES)
    _unpack(TWIKOO, folder / "twikoo" / "node_modules" / "twikoo-func")
    return folder


def go_client(driver: Path, folder: Path) -> Path:
    """Compile a driver with the Go libraries of the system's packages."""
    # The environment of a build that asks no server for modules.
    settings = {"GO111MODULE": "off", "GOPATH": GO_SOURCES, "GOCACHE": str(folder / "cache")}
    words = ["env", *(f"{name}={value}" for name, value in settings.items()), "go", "build"]
    _install(words, "-o", folder / driver.stem, driver)
    return folder / driver.stem


def _npm_install(folder: Path, *packages: str) -> None:
    quiet = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    folder.mkdir(exist_ok=True)
    _install(["npm", "install"], "--prefix", folder, *quiet, *packages)


def _unpack(package: str, folder: Path) -> None:
    """Download an npm package without its dependencies, and unpack it as the folder of a module."""
    folder.mkdir(parents=True)
    _install(["npm", "pack"], "--loglevel=error", "--pack-destination", folder, package)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder.parent / f"{folder.name}.unpacked", filter="data")
    shutil.copytree(folder.parent / f"{folder.name}.unpacked" / "package", folder, dirs_exist_ok=True)


def _pip(verb: str) -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", verb]


def _install(command: list[str], *arguments: str | Path) -> None:
    result = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_SECONDS, check=False
    )
    if result.returncode:
        skip_or_fail(f"the packages of `{' '.join(map(str, [*command[-2:], *arguments]))}`:\n{result.stderr}")
