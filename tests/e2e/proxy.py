"""nginx with the configuration of docs/proxy, in front of a service, with certificates made for the occasion."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "docs" / "proxy" / "nginx.conf"
_ROOM = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MAIN = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    {room}
    include {folder}/moderation.conf;
}}
"""


@dataclass(frozen=True)
class Place:
    """Where the proxy listens, and what its two servers are called."""

    address: str
    http: int
    https: int
    akismet: str = "rest.example.org"
    queue: str = "moderation.example.org"


@contextmanager
def proxied(service: int, place: Place, folder: Path) -> Iterator[Path]:
    """The example in front of the service on port `service`, until the block ends; the certificate to trust."""
    authority = _certificates(place, folder)
    (folder / "moderation.conf").write_text(_substituted(service, place, folder), "utf-8")
    room = "\n    ".join(f"{name}_temp_path {folder}/{name};" for name in _ROOM)
    # The folders of a test are open to their owner only, and root's nginx would work as somebody else.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, room=room, user=user), "utf-8")
    command = ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            _until_it_listens(process)
            yield authority
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _until_it_listens(process: subprocess.Popen[str]) -> None:
    told = []
    assert process.stderr
    for line in process.stderr:
        told.append(line)
        if "start worker process " in line:
            return
    raise AssertionError("".join(told))


def _substituted(service: int, place: Place, folder: Path) -> str:
    """The example with this place's names, ports and paths. Each must stand in it, or it is not the example we test."""
    text = EXAMPLE.read_text("utf-8")
    changes = {
        "listen 80;": f"listen {place.address}:{place.http};",
        "listen 443 ssl;": f"listen {place.address}:{place.https} ssl;",
        "rest.example.org": place.akismet,
        "moderation.example.org": place.queue,
        "http://127.0.0.1:8000": f"http://127.0.0.1:{service}",
        "/etc/ssl/moderation/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _certificates(place: Place, folder: Path) -> Path:
    """A throw-away authority, and a certificate by it for each server."""
    authority = folder / "authority.pem"
    _openssl("req", "-x509", "-subj", "/CN=Test authority", *_new_key(folder / "authority.key"), "-out", authority)
    names = {"rest": (place.akismet, f"*.{place.akismet}"), "moderation": (place.queue,)}
    for name, hosts in names.items():
        wish, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        _openssl("req", "-subj", f"/CN={hosts[0]}", *_new_key(folder / f"{name}.key"), "-out", wish)
        alternatives = ",".join(f"DNS:{host}" for host in hosts)
        extensions.write_text(
            f"basicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\nsubjectAltName={alternatives}\n", "utf-8"
        )
        signer = ("-CA", authority, "-CAkey", folder / "authority.key", "-CAcreateserial", "-days", "2")
        _openssl("x509", "-req", "-in", wish, *signer, "-extfile", extensions, "-out", folder / f"{name}.pem")
    return authority


def _new_key(path: Path) -> tuple[str | Path, ...]:
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
