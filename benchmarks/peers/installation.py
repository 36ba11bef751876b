"""Install the mail filters from Debian where they are missing, without starting their services."""

import os
import shutil
import subprocess

from benchmarks.peers.daemons import find_program

PACKAGES = ("bogofilter", "spamassassin", "spamd", "rspamd", "redis-server")
SERVICES = ("spamd", "rspamd", "redis-server")

_PROGRAMS = {
    "bogofilter": ("bogofilter",),
    "SpamAssassin": ("sa-learn", "spamd"),
    "rspamd": ("rspamd", "redis-server"),
}


def missing_reason(peer: str) -> str | None:
    """Return the reason why a peer cannot be measured on this machine, or `None` if it can."""
    absent = [name for name in _PROGRAMS.get(peer, ()) if find_program(name) is None]
    if not absent:
        return None
    return f"no {' and no '.join(absent)} (apt-get install {' '.join(PACKAGES)})"


def install() -> None:
    """Install the missing packages as root of a Debian; elsewhere print that they are missing."""
    if not any(missing_reason(peer) for peer in _PROGRAMS):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"Not installed, as only root of a Debian can: {' '.join(PACKAGES)}")
        return
    disabled = [name for name in SERVICES if not _is_enabled(name)]
    # At a run level of 1 no init script starts a service.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        subprocess.run(["apt-get", *step], env=environment, stdout=subprocess.DEVNULL, check=False)
    if shutil.which("systemctl"):
        # Installing enables a service, which would then start with the machine.
        subprocess.run(["systemctl", "disable", "--now", "--quiet", *disabled], stderr=subprocess.DEVNULL, check=False)


def _is_enabled(service: str) -> bool:
    if shutil.which("systemctl") is None:
        return False
    command = ["systemctl", "is-enabled", "--quiet", service]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
