"""A PostgreSQL server for one run of the tests: in a temporary folder, on a Unix socket, as an unprivileged user.

`MODERATION_TEST_DATABASE=postgresql` chooses it. Each test gets a copy of a database that was migrated once.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from moderation.storage.migrate import upgrade

CHOSEN = os.environ.get("MODERATION_TEST_DATABASE", "sqlite") == "postgresql"
TEMPLATE = "migrated"
ROLE = "moderation"
# The role `stranger` needs a password, all others none.
ACCESS_RULES = "local all stranger scram-sha-256\nlocal all all trust\n"
# The shell stops the server as soon as its own input ends: even a killed run of the tests leaves nothing behind.
WATCH = """
"$1/pg_ctl" start --silent --wait -D "$2/data" -l "$2/log" -o "-k $2 -c listen_addresses= $3" && echo started
read -r _; "$1/pg_ctl" stop --silent -m immediate -D "$2/data"; rm -rf "$2"
"""
IN_MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2**31
NOT_DURABLE = "-c fsync=off -c full_page_writes=off -c max_connections=200"


@dataclass(frozen=True)
class PostgresServer:
    """A running server, known by the folder of its socket."""

    folder: Path

    def url(self, database: str, role: str = ROLE) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(host=str(self.folder), user=ROLE, dbname=database, autocommit=True) as connection:
            connection.execute(statement.encode())

    def path_of(self, relation: str, database: str) -> str:
        """Return the path of the file of a table in the folder of the data."""
        with psycopg.connect(host=str(self.folder), user=ROLE, dbname=database) as connection:
            row = connection.execute("SELECT pg_relation_filepath(%s::regclass)", [relation]).fetchone()
        assert row
        return str(row[0])

    def restart(self, mode: str) -> None:
        """Stop the server, `fast` or `immediate` as in a crash, and start it again."""
        options = ["--silent", "--wait", "-m", mode, "-D", f"{self.folder}/data", "-l", f"{self.folder}/log"]
        subprocess.run([f"{_binaries()}/pg_ctl", "restart", *options], check=True, cwd=self.folder, **_unprivileged())

    def create_template(self) -> None:
        """Create and migrate the database that `database` copies."""
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(self.url(TEMPLATE))

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """Yield the URL of a new copy of the template; drop the copy at the end."""
        name = f"test_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def find_binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs, or `None` where they are not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


@contextmanager
def running_server(options: str = "", *, in_memory: bool = True) -> Iterator[PostgresServer]:
    """Start a server and stop it when the block ends, or when this process does.

    Its files are in memory if there is room, unless `in_memory` is false.
    """
    identity = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_roomy_memory() if in_memory else None))
    os.chown(folder, identity.get("user", -1), identity.get("group", -1))
    try:
        initdb = [f"{_binaries()}/initdb", "-D", f"{folder}/data", "-U", ROLE, "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **identity)
        (folder / "data" / "pg_hba.conf").write_text(ACCESS_RULES)
        watch = ["sh", "-c", WATCH, "watch", str(_binaries()), str(folder), options]
        with subprocess.Popen(
            watch, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, start_new_session=True, **identity
        ) as watcher:
            assert watcher.stdout is not None
            assert watcher.stdout.readline(), (folder / "log").read_text()
            yield PostgresServer(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _roomy_memory() -> Path | None:
    """Return the folder in memory, where the files of a database are created twenty times as fast as on a disk."""
    return IN_MEMORY if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= MEMORY_BYTES else None


def _binaries() -> Path:
    folder = find_binaries()
    assert folder is not None
    return folder


def _unprivileged() -> dict[str, Any]:
    """Return the identity to run PostgreSQL with, as arguments of `subprocess`: it refuses to run as root."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
