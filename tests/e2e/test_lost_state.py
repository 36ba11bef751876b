"""Lost state is reported by real processes: the secret, the database file, the disk."""

import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import sleep

import httpx
import pytest

from moderation.registry.model_registry import ModelRegistry
from moderation.web.health import MAX_READINESS_AGE_SECONDS

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite("it removes and replaces the database files")]

STORAGE_EXIT_CODE = 6
FILE_SIZE_LIMIT_BYTES = 40_000
DISK_SIZE = "8m"


@dataclass
class Installation:
    """A folder with state, the commands that run on it, and its served process."""

    var: Path
    models: Path
    key: str = ""
    address: str = ""
    process_id: int = 0
    scored: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def database(self) -> Path:
        return self.var / "moderation.db"

    @property
    def secret(self) -> Path:
        return self.var / "secret"

    @property
    def environment(self) -> dict[str, str]:
        variables = {"MODERATION_VAR": str(self.var), "MODERATION_MODELS": str(self.models), "PORT": "0"}
        return {**os.environ, **variables, "MODERATION_DATABASE_URL": "", "HOST": "127.0.0.1"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "moderation", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)

    def init(self) -> "Installation":
        self.key = shown_key(self.run("init").stdout)
        return self

    @contextmanager
    def serve(self) -> Iterator[None]:
        command = [sys.executable, "-m", "moderation", "serve"]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, env=self.environment, text=True, **output) as process:  # type: ignore[call-overload]
            try:
                lines = iter(process.stdout)
                self.address = re.findall(r"http://[\d.]+:\d+", next(lines))[0]
                assert any("Started worker" in line for line in lines)
                self.process_id = process.pid
                yield
            finally:
                process.terminate()
                process.communicate(timeout=30)

    def score(self, text: str = "") -> httpx.Response:
        """Send a text, or one that was not sent before: the same one again would have the same decision."""
        text = text or f"Thank you for article {next(self.numbers)}."
        response = httpx.post(f"{self.address}/v1/score", json={"text": text}, headers=self.authorization, timeout=30)
        if response.status_code == 200:
            self.scored.append(response.json()["id"])
        return response

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def problems(self) -> dict[str, str]:
        """Return the detail of each check of `/readyz` that is not ready."""
        sleep(MAX_READINESS_AGE_SECONDS)
        response = httpx.get(f"{self.address}/readyz", timeout=30)
        checks = response.json()["checks"]
        details = {name: check["detail"] for name, check in checks.items() if not check["ready"]}
        assert response.status_code == (503 if details else 200)
        return details

    def stored(self, table: str = "decisions", column: str = "id") -> list[str]:
        with closing(sqlite3.connect(self.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return [value for (value,) in connection.execute(f"SELECT {column} FROM {table}")]

    def backup(self) -> Path:
        """Return a copy of the database, made while the service runs."""
        copy = self.var / "backup"
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return copy

    def side_files(self) -> list[Path]:
        return [self.database.with_name(f"moderation.db-{suffix}") for suffix in ("wal", "shm")]


@pytest.fixture
def installation(tmp_path: Path, registry: ModelRegistry) -> Installation:
    """An initialised installation with one site, which is not served yet."""
    return Installation(tmp_path / "var", registry.folder).init()


def shown_key(output: str) -> str:
    (key,) = re.findall(r"^ *Key +([0-9a-f]{12})", output, re.MULTILINE)
    return str(key)


def assert_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.headers.get("Retry-After")) == (503, "5"), response.text
    assert response.headers["Content-Type"] == "application/problem+json"


def remove(path: Path) -> None:
    path.unlink()


def replace_by_foreign(path: Path) -> None:
    path.write_bytes(b"another installation's secret..."[:32])


@pytest.mark.parametrize("lose", [remove, replace_by_foreign])
def test_a_lost_secret_is_an_error_of_init_serve_and_readyz(
    installation: Installation, lose: Callable[[Path], None]
) -> None:
    """The number of lost keys and the remedy are named. No command makes a new secret silently."""
    installation.run("site", "add", "https://second.example")
    right_secret = installation.secret.read_bytes()
    with installation.serve():
        lose(installation.secret)
        files = {path.name: path.read_bytes() for path in installation.var.glob("secret*")}
        sentence = installation.problems()["secret"]
        assert "the keys of 2 sites no longer work" in sentence and "moderation site rotate-key" in sentence
        for command in (["init"], ["serve"], ["site", "rotate-key", "https://blog.example"]):
            ran = installation.run(*command)
            assert (ran.returncode, ran.stderr) == (STORAGE_EXIT_CODE, f"Error: {sentence}\n")
        assert {path.name: path.read_bytes() for path in installation.var.glob("secret*")} == files
        installation.secret.write_bytes(right_secret)
        assert installation.problems() == {} and installation.score().status_code == 200


def test_a_new_secret_is_made_on_purpose(installation: Installation) -> None:
    """`init --new-secret` names the losses. A running service asks for its restart, and then a rotated key works."""
    with installation.serve():
        remove(installation.secret)
        ran = installation.run("init", "--new-secret")
        assert ran.returncode == 0 and "of 1 sites" in ran.stdout and "Sessions" in ran.stdout
        assert "restart the service" in installation.problems()["secret"]
    former_key = installation.key
    installation.key = shown_key(installation.run("site", "rotate-key", "https://blog.example").stdout)
    with installation.serve():
        assert installation.problems() == {} and installation.score().status_code == 200
        installation.key = former_key
        assert installation.score().status_code == 401
    assert [path.name for path in installation.var.glob("secret*")] == ["secret"]


def test_a_removed_database_file_is_noticed_before_the_next_answer(installation: Installation) -> None:
    """No answer is stored into a file without a name. With the file back, the service continues."""
    away = installation.var / "away"
    with installation.serve():
        installation.score()
        installation.database.rename(away)
        assert_refused(installation.score())
        assert "gone" in installation.problems()["database"] and not installation.database.exists()
        away.rename(installation.database)
        assert installation.problems() == {} and installation.score().status_code == 200
    assert sorted(installation.stored()) == sorted(installation.scored)


def test_a_replaced_database_file_is_noticed_before_the_next_answer(installation: Installation) -> None:
    """A restored copy is opened once the -wal file of the former database cannot damage it."""
    with installation.serve():
        installation.score("before the backup")
        copy = installation.backup()
        restored = installation.stored()
        installation.score("after the backup")
        copy.rename(installation.database)
        assert_refused(installation.score())
        assert "-wal" in installation.problems()["database"]
        for path in installation.side_files():
            path.unlink()
        assert_refused(installation.score())
        assert installation.problems() == {}
        response = installation.score("after the restore")
    assert sorted(installation.stored()) == sorted([*restored, response.json()["id"]])


def test_a_different_database_in_its_place_is_not_used(
    installation: Installation, tmp_path: Path, registry: ModelRegistry
) -> None:
    """The identity in the database tells it apart, until the right file is back."""
    other = Installation(tmp_path / "other", registry.folder).init()
    with installation.serve():
        installation.score()
        copy = installation.backup()
        for path in (installation.database, *installation.side_files()):
            path.unlink()
        other.database.rename(installation.database)
        assert_refused(installation.score())
        for _ in range(2):
            assert_refused(installation.score())
            assert "different database" in installation.problems()["database"]
        assert installation.stored() == []
        copy.rename(installation.database)
        assert installation.problems() == {} and installation.score().status_code == 200


def test_a_copy_over_the_database_file_is_noticed_before_the_next_answer(installation: Installation) -> None:
    """`cp` keeps the inode. No answer is stored until the file was put in place without the former -wal file."""
    with installation.serve():
        installation.score("before the backup")
        copy = installation.backup()
        restored = installation.stored()
        installation.score("after the backup")
        shutil.copyfile(copy, installation.database)
        assert_refused(installation.score())
        assert "Another program has written" in installation.problems()["database"]
        assert_refused(installation.score())
    for path in installation.side_files():
        path.unlink(missing_ok=True)
    shutil.copyfile(copy, installation.database)
    with installation.serve():
        response = installation.score("after the restore")
    assert sorted(installation.stored()) == sorted([*restored, response.json()["id"]])


def test_a_removed_wal_file_costs_no_acknowledged_decision(installation: Installation) -> None:
    """The service writes the decisions back and asks for its restart."""
    with installation.serve():
        installation.score()
        installation.side_files()[0].unlink()
        assert_refused(installation.score())
        assert "restart the service" in installation.problems()["database"]
    with installation.serve():
        assert installation.problems() == {} and installation.score().status_code == 200
    assert sorted(installation.stored()) == sorted(installation.scored)


def assert_full_disk_is_reported(
    installation: Installation, fill: Callable[[], None], free: Callable[[], None]
) -> None:
    with installation.serve():
        installation.score()
        fill()
        refused = (response for _ in range(100) if (response := installation.score()).status_code != 200)
        assert_refused(next(refused))
        assert "disk" in installation.problems()["disk"]
        batch = {"comments": [{"text": "one of two"}, {"text": "two of two"}]}
        assert_refused(
            httpx.post(f"{installation.address}/v1/score/batch", json=batch, headers=installation.authorization)
        )
        assert sorted(installation.stored()) == sorted(installation.scored)
        assert len(installation.stored("comments")) == len(installation.scored)
        free()
        assert installation.problems() == {} and installation.score().status_code == 200
    assert sorted(installation.stored()) == sorted(installation.scored)


def test_a_file_size_limit_is_reported_as_a_full_disk(installation: Installation) -> None:
    """Readiness turns red, scoring answers 503, no decision is half stored, and free space ends it."""

    def limit(size: int) -> None:
        children = Path(f"/proc/{installation.process_id}/task/{installation.process_id}/children").read_text()
        for process_id in map(int, children.split()):
            resource.prlimit(process_id, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    assert_full_disk_is_reported(
        installation, lambda: limit(FILE_SIZE_LIMIT_BYTES), lambda: limit(resource.RLIM_INFINITY)
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a file system needs more rights than this user has")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_turns_readyz_red(small_disk: Path, registry: ModelRegistry) -> None:
    """Readiness turns red, scoring answers 503, no decision is half stored, and free space ends it."""
    ballast = small_disk / "ballast"

    def fill() -> None:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    installation = Installation(small_disk / "var", registry.folder).init()
    assert_full_disk_is_reported(installation, fill, ballast.unlink)


def test_a_file_lost_under_several_workers_is_noticed_by_each(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker answers from the removed file, and each continues with the restored copy."""
    monkeypatch.setenv("MODERATION_WORKERS", "2")
    with installation.serve():
        assert {installation.score().status_code for _ in range(8)} == {200}
        copy = installation.backup()
        for path in (installation.database, *installation.side_files()):
            path.unlink()
        assert {installation.score().status_code for _ in range(8)} == {503}
        copy.rename(installation.database)
        statuses = [installation.score().status_code for _ in range(20)]
        # The first transaction of a worker finds the former file and opens the copy for the next one.
        assert set(statuses) <= {200, 503} and statuses.count(503) <= 2 and statuses[-1] == 200
