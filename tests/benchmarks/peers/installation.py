"""Gets the peers from Debian where they are missing and that is possible; no service of theirs is left to start."""

import os
import shutil
import subprocess

from tests.benchmarks.peers.daemons import program

PACKAGES = ("bogofilter", "spamassassin", "spamd", "rspamd", "redis-server")
SERVICES = ("spamd", "rspamd", "redis-server")

_PROGRAMS = {
    "bogofilter": ("bogofilter",),
    "SpamAssassin": ("sa-learn", "spamd"),
    "rspamd": ("rspamd", "redis-server"),
}


def lacking(peer: str) -> str | None:
    """Why a peer cannot be measured here, in a few words; `None` where it can."""
    absent = [name for name in _PROGRAMS.get(peer, ()) if program(name) is None]
    if not absent:
        return None
    return f"not measured here: no {' and no '.join(absent)} (apt-get install {' '.join(PACKAGES)})"


def install() -> None:
    """Installs what is missing, as root of a Debian; elsewhere it says so and does nothing."""
    if not any(lacking(peer) for peer in _PROGRAMS):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"Not installed, as only root of a Debian can: {' '.join(PACKAGES)}")
        return
    idle = [name for name in SERVICES if not _enabled(name)]
    # No init script starts a service at a run level of 1; what was not enabled before is not enabled afterwards.
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        subprocess.run(["apt-get", *step], env=quiet, stdout=subprocess.DEVNULL, check=False)
    if shutil.which("systemctl"):
        subprocess.run(["systemctl", "disable", "--now", "--quiet", *idle], stderr=subprocess.DEVNULL, check=False)


def _enabled(service: str) -> bool:
    if shutil.which("systemctl") is None:
        return False
    asked = subprocess.run(["systemctl", "is-enabled", "--quiet", service], stderr=subprocess.DEVNULL, check=False)
    return asked.returncode == 0
