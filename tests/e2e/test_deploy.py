"""Dockerfile, compose.yaml and the systemd unit do what docs/install.md promises."""

import re
import shutil
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from tests.e2e.dockerfile import Stage, build, require_overlay
from tests.e2e.prerequisites import require_tools, skip_or_fail
from tests.e2e.service import free_port, start, wait_until_serving
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, providing
from tests.postgresql import ROLE, find_binaries, running_server
from tests.shipped import SHIPPED_MODEL_ID

ROOT = Path(__file__).parents[2]
STATE = "/var/lib/moderation"

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Build the last stage of the Dockerfile. Remove it afterwards, as it has a whole environment."""
    folder = tmp_path_factory.mktemp("image")
    require_overlay(folder / "try")
    yield build(ROOT, folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return parsed


def is_complete(decision: dict[str, Any]) -> bool:
    """Return whether the shipped model judged with its second reader, or had to skip it on a busy machine."""
    return bool(decision["model"] == SHIPPED_MODEL_ID or decision["reader"] == "skipped")


def test_the_container_serves(image: Stage) -> None:
    """With read-only files, as in compose.yaml: it scores, is healthy, stops on SIGTERM and keeps its state."""
    port = free_port()
    image.environment["PORT"] = str(port)
    assert image.run(*image.healthcheck).returncode != 0
    with start(image.arguments(*image.command, read_only=True), image.environment) as process:
        try:
            printed = wait_until_serving(process)
            key = dict(re.findall(r"^  (\w+) +(\S+)$", printed, re.MULTILINE))["Key"]
            with httpx.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as blog:
                decision = blog.post(f"http://127.0.0.1:{port}/v1/score", json={"text": "Cheap watches here"}).json()
            assert is_complete(decision)
            healthy = image.run(*image.healthcheck)
            assert healthy.returncode == 0, healthy.stderr
        finally:
            process.terminate()
            process.communicate(timeout=30)
    # A process that a signal ends returns the signal's number: this one handled SIGTERM.
    assert process.returncode == 0
    assert {"moderation.db", "models", "secret"} <= {path.name for path in image.path(STATE).iterdir()}


@pytest.fixture
def database() -> Iterator[str]:
    """Yield the URL of a database on a server that the container reaches over TCP, as it does not share its folder."""
    if find_binaries() is None:
        skip_or_fail("the programs of a PostgreSQL server (of the package postgresql)")
    port = free_port()
    with running_server(f"-c listen_addresses=127.0.0.1 -c port={port}") as server:
        with (server.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 127.0.0.1/32 trust\n")
        with psycopg.connect(host=str(server.folder), port=port, user=ROLE, dbname="postgres") as connection:
            connection.execute("SELECT pg_reload_conf()")
        yield f"postgresql://{ROLE}@127.0.0.1:{port}/postgres"


def test_the_container_serves_a_team(image: Stage, database: str) -> None:
    """On PostgreSQL, with sign-in through a provider: the packages of both are there, and the second reader's."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with providing() as provider:
        team = {
            "PORT": str(port),
            "MODERATION_DATABASE_URL": database,
            "MODERATION_PUBLIC_URL": address,
            "MODERATION_OIDC_ISSUER": provider.issuer,
            "MODERATION_OIDC_CLIENT_ID": CLIENT_ID,
            "MODERATION_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "MODERATION_OIDC_ROLES": '{"editors": "moderator"}',
        }
        with start(image.arguments(*image.command, read_only=True), image.environment | team) as process:
            try:
                key = dict(re.findall(r"^  (\w+) +(\S+)$", wait_until_serving(process), re.MULTILINE))["Key"]
                with httpx.Client(base_url=address, trust_env=False, follow_redirects=True) as person:
                    bearer = {"Authorization": f"Bearer {key}"}
                    decision = person.post("/v1/score", json={"text": "Cheap watches"}, headers=bearer).json()
                    page = person.get("/queue/sign-in/oidc")
                assert is_complete(decision)
                assert page.status_code == 200 and "alice" in page.text and page.url.path == "/queue"
            finally:
                process.terminate()
                process.communicate(timeout=30)


def test_the_container_is_not_root(image: Stage) -> None:
    """Its user owns the state folder, which is closed to others, and cannot change the service's files."""
    assert image.run("id", "-u").stdout.strip() == "10001"
    status = image.path(STATE).stat()
    assert (status.st_uid, status.st_mode & 0o777) == (10001, 0o700)
    assert image.run("touch", "/opt/moderation/bin/moderation").returncode != 0


def test_the_image_holds_no_other_file(image: Stage) -> None:
    """Nothing of the checkout but the installed package: no tests, no corpora, no state."""
    assert {path.name for path in image.files.iterdir()} <= {"opt", "etc", "var", "usr", "tmp", "root"}
    assert [path.name for path in image.path("/opt").iterdir()] == ["moderation"]


def test_compose_fits_the_image(image: Stage, compose: dict[str, Any]) -> None:
    """The volume is the image's, the port too, on this machine alone; the file system is read-only."""
    service = compose["services"]["moderation"]
    (volume,) = service["volumes"]
    assert volume.split(":") == ["state", image.volume] and "state" in compose["volumes"]
    assert service["ports"] == [f"127.0.0.1:{image.port}:{image.port}"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["env_file"] == [{"path": "moderation.env", "required": False}]


def test_the_worker_of_the_profile_shares_the_state(compose: dict[str, Any]) -> None:
    """Only with `--profile worker`, and once the service answers. It has no port that a health check could ask."""
    service, worker = compose["services"]["moderation"], compose["services"]["worker"]
    assert worker["profiles"] == ["worker"] and worker["command"] == ["moderation", "worker"]
    assert worker["image"] == service["image"] and worker["volumes"] == service["volumes"]
    assert worker["env_file"] == service["env_file"]
    assert worker["environment"]["MODERATION_JOBS"] == service["environment"]["MODERATION_JOBS"]
    assert worker["read_only"] and worker["cap_drop"] == ["ALL"] and worker["healthcheck"] == {"disable": True}
    assert worker["depends_on"] == {"moderation": {"condition": "service_healthy"}} and "ports" not in worker


def test_the_service_believes_the_proxy_of_the_profile_alone(compose: dict[str, Any]) -> None:
    """The proxy has a fixed address, which no other container gets."""
    service, nginx = compose["services"]["moderation"], compose["services"]["nginx"]
    (trusted,) = re.findall(r":-([^}]*)}", service["environment"]["MODERATION_TRUSTED_PROXIES"])
    assert nginx["networks"]["default"]["ipv4_address"] == trusted
    (config,) = compose["networks"]["default"]["ipam"]["config"]
    assert ip_address(trusted) in ip_network(config["subnet"])
    assert ip_address(trusted) not in ip_network(config["ip_range"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_profile_puts_nginx_in_front(image: Stage, compose: dict[str, Any]) -> None:
    """Only with `--profile tls`, after the health check; its command turns the example into a valid configuration."""
    require_tools(nginx="nginx-light", openssl="openssl")
    nginx = compose["services"]["nginx"]
    assert nginx["profiles"] == ["tls"]
    assert nginx["depends_on"] == {"moderation": {"condition": "service_healthy"}} and image.healthcheck
    example, certificates = (volume.split(":") for volume in nginx["volumes"])
    proxy = Stage(image.folder.parent / "proxy")
    for folder in ("files/etc/nginx/conf.d", "work", "root"):
        (proxy.folder / folder).mkdir(parents=True)
    for target in (proxy.path(example[1]), proxy.path(certificates[1]) / "x"):
        target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / example[0], proxy.path(example[1]))
    proxy.path("/etc/hosts").write_text("127.0.0.1 localhost moderation\n", "utf-8")
    self_signed = f"""
    cd {certificates[1]} && for name in rest moderation; do
    openssl req -x509 -nodes -newkey rsa:2048 -subj "/CN=$name.example.org" -keyout $name.key -out $name.pem; done
    """
    assert proxy.run("sh", "-c", self_signed).returncode == 0
    shell, option, command = nginx["command"]
    tested = proxy.run(shell, option, command.replace("exec nginx -g 'daemon off;'", "nginx -t"))
    assert tested.returncode == 0 and "is successful" in tested.stderr, tested.stderr
    written = proxy.path("/etc/nginx/conf.d/default.conf").read_text("utf-8")
    assert "http://moderation:8000" in written and "127.0.0.1" not in written


@pytest.mark.parametrize("name", ["moderation.service", "moderation-worker.service"])
def test_the_systemd_units_are_valid_and_hardened(image: Stage, name: str) -> None:
    """Its programs and its user exist, its state is in the writable folder, and systemd rates its exposure as low."""
    require_tools(**{"systemd-analyze": "systemd"})
    unit = image.path(f"/etc/systemd/system/{name}")
    unit.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / "deploy" / name, unit)
    as_root = Stage(image.folder)
    shown = f"/{unit.relative_to(image.files)}"
    verified = as_root.run("systemd-analyze", "verify", shown)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    rated = as_root.run("systemd-analyze", "security", "--offline=true", "--threshold=20", shown)
    assert rated.returncode == 0, rated.stdout
    text = unit.read_text("utf-8")
    assert f"MODERATION_VAR={STATE}\n" in text and f"StateDirectory={Path(STATE).name}\n" in text


def test_the_script_runs_commands_as_the_unit_does(image: Stage) -> None:
    """As its user, with the unit's state folder and settings. A value may have any character."""
    as_root = Stage(image.folder)
    script, settings = image.path("/usr/local/bin/moderation"), image.path("/etc/moderation.env")
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / "deploy" / "moderation.sh", script)
    settings.write_text(f"# of the service\nMODERATION_DATABASE_URL=sqlite:///{STATE}/a $b&c.db\n", "utf-8")
    initialized = as_root.run("/usr/local/bin/moderation", "init")
    settings.unlink()
    assert initialized.returncode == 0 and "The database is created." in initialized.stdout, initialized.stderr
    database = image.path(f"{STATE}/a $b&c.db")
    assert (database.stat().st_uid, database.stat().st_mode & 0o777) == (10001, 0o600)
