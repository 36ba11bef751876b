"""nginx with the configuration of deploy/, in front of a service, with throw-away certificates."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
REPLICAS = EXAMPLE.with_name("nginx-replicas.conf")
_TEMP_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MAIN = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    {temp_paths}
    include {folder}/moderation.conf;
}}
"""


@dataclass(frozen=True)
class ProxyConfig:
    """The address and ports of the proxy, and the names of its two servers.

    `checks` is a status with which nginx itself answers each comment-check; 0 lets them pass. `replicas` are the ports
    of several services, to which it passes requests in turn.
    """

    address: str
    http: int
    https: int
    akismet: str = "rest.example.org"
    queue: str = "moderation.example.org"
    checks: int = 0
    replicas: tuple[int, ...] = ()


@contextmanager
def running_proxy(service: int, config: ProxyConfig, folder: Path, locations: str = "") -> Iterator[Path]:
    """Run the example in front of the service on a port until the block ends; yield the authority to trust.

    `locations` are added to the server of the queue.
    """
    authority = _certificates(config, folder)
    with running_nginx(_adapted_example(service, config, folder, locations), folder):
        yield authority


@contextmanager
def running_nginx(configuration: str, folder: Path) -> Iterator[None]:
    """Run nginx with some servers until the block ends."""
    (folder / "moderation.conf").write_text(configuration, "utf-8")
    temp_paths = "\n    ".join(f"{name}_temp_path {folder}/{name};" for name in _TEMP_FOLDERS)
    # The folders of a test are readable by their owner only, and the workers of root's nginx would be another user.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, temp_paths=temp_paths, user=user), "utf-8")
    command = ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_until_listening(process)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _wait_until_listening(process: subprocess.Popen[str]) -> None:
    printed = []
    assert process.stderr
    for line in process.stderr:
        printed.append(line)
        if "start worker process " in line:
            return
    raise AssertionError("".join(printed))


def _adapted_example(service: int, config: ProxyConfig, folder: Path, locations: str) -> str:
    """Return the example with the names, ports and paths of the test. Fails if the example has other ones."""
    text = EXAMPLE.read_text("utf-8")
    queue = "    server_name moderation.example.org;\n    ssl_certificate"
    changes = {
        queue: locations + queue,
        "listen 80;": f"listen {config.address}:{config.http};",
        "listen 443 ssl;": f"listen {config.address}:{config.https} ssl;",
        "rest.example.org": config.akismet,
        "moderation.example.org": config.queue,
        "http://127.0.0.1:8000": f"http://127.0.0.1:{service}",
        "/etc/ssl/moderation/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    passing = "location ~ ^/1"
    assert passing in text
    refusal = f'location = /1.1/comment-check {{ return {config.checks} "Not now"; }}\n    ' if config.checks else ""
    text = text.replace(passing, refusal + passing)
    return _with_replicas(text, service, config.replicas) if config.replicas else text


def _with_replicas(text: str, service: int, ports: tuple[int, ...]) -> str:
    """Return the example with the upstream of the other one, changed as its comment says."""
    upstream = REPLICAS.read_text("utf-8")
    for number, port in enumerate(ports, 11):
        assert f"10.0.0.{number}:8000" in upstream
        upstream = upstream.replace(f"10.0.0.{number}:8000", f"127.0.0.1:{port}")
    (changes,) = re.findall(r"sed -i '(.+)' moderation\.conf", upstream)
    for change in changes.replace("127.0.0.1:8000", f"127.0.0.1:{service}").split("; "):
        _, old, new, _ = change.split("#")
        assert old in text, old
        text = text.replace(old, new)
    return upstream + text


def _certificates(config: ProxyConfig, folder: Path) -> Path:
    """Create an authority and a certificate for each server; return the authority's own certificate."""
    authority = folder / "authority.pem"
    _openssl("req", "-x509", "-subj", "/CN=Test authority", *_new_key(folder / "authority.key"), "-out", authority)
    names = {"rest": (config.akismet, f"*.{config.akismet}"), "moderation": (config.queue,)}
    for name, hosts in names.items():
        request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        _openssl("req", "-subj", f"/CN={hosts[0]}", *_new_key(folder / f"{name}.key"), "-out", request)
        alternatives = ",".join(f"DNS:{host}" for host in hosts)
        extensions.write_text(
            f"basicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\nsubjectAltName={alternatives}\n", "utf-8"
        )
        signer = ("-CA", authority, "-CAkey", folder / "authority.key", "-CAcreateserial", "-days", "2")
        _openssl("x509", "-req", "-in", request, *signer, "-extfile", extensions, "-out", folder / f"{name}.pem")
    return authority


def _new_key(path: Path) -> tuple[str | Path, ...]:
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path


def _openssl(*arguments: str | Path) -> None:
    result = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
