"""Servers to put the same load on as on ours: Flask applications on granian, and rspamd with the rules of Debian."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.daemons import HOST, find_program, free_port, running_server
from benchmarks.peers.endpoints import DATABASE_VARIABLE
from benchmarks.rows import ROOT

RSPAMD_CONFIG = Path("/etc/rspamd/rspamd.conf")

# They ask other hosts, by DNS or HTTP.
_NETWORK_MODULES = (
    *("arc", "asn", "bimi", "dkim", "dkim_signing", "dmarc", "fuzzy_check", "mx_check", "phishing", "rbl"),
    *("rspamd_update", "spf", "url_redirector"),
)
_RSPAMD_OVERRIDES = {
    "options.inc": 'filters = "chartable,regexp"; tempdir = "{folder}"; dns {{ nameserver = ["{host}:{closed}"]; }}',
    "worker-normal.inc": 'bind_socket = "{host}:{port}"; count = 1;',
    "worker-controller.inc": 'enabled = false; bind_socket = "{host}:{controller}";',
    "worker-proxy.inc": "enabled = false;",
    "logging.inc": 'level = "error";',
    **{f"{module}.conf": "enabled = false;" for module in _NETWORK_MODULES},
}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port and the id of its main process."""

    port: int
    process_id: int


@contextmanager
def running_flask(factory: str, folder: Path, workers: int) -> Iterator[Server]:
    """Run an application of `benchmarks.peers.endpoints` on granian, with its own settings but for the workers."""
    folder.mkdir()
    port = free_port()
    options = ["--interface", "wsgi", "--factory", "--no-ws", "--log-level", "error", "--working-dir", str(ROOT)]
    address = ["--host", HOST, "--port", str(port), "--workers", str(workers)]
    command = [sys.executable, "-m", "granian", *options, *address, f"benchmarks.peers.endpoints:{factory}"]
    variables = {DATABASE_VARIABLE: str(folder / "peer.db")}
    with running_server(command, folder, port, variables=variables, own_code=True) as process_id:
        yield Server(port, process_id)


@contextmanager
def running_rspamd(folder: Path) -> Iterator[Server]:
    """Run rspamd with Debian's rules and one worker, without DNS, Redis and the modules that ask other hosts."""
    overrides = folder / "override.d"
    overrides.mkdir(parents=True)
    for created in (folder, overrides):
        created.chmod(0o777)
    port, controller, closed = (free_port() for _ in range(3))
    values = {"folder": folder, "host": HOST, "port": port, "controller": controller, "closed": closed}
    for name, content in _RSPAMD_OVERRIDES.items():
        (overrides / name).write_text(content.format(**values), "utf-8")
    folders = [f"--var={name}={folder}" for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")]
    with running_server(["rspamd", "-f", "-c", str(RSPAMD_CONFIG), *folders], folder, port) as process_id:
        yield Server(port, process_id)


def missing_rspamd() -> str | None:
    """Return the reason why rspamd cannot be measured here, or `None`."""
    return None if find_program("rspamd") and RSPAMD_CONFIG.exists() else "no rspamd (apt-get install rspamd)"
