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
from time import monotonic, sleep
from uuid import uuid4

import psycopg

from moderation.storage.migrate import upgrade

CHOSEN = os.environ.get("MODERATION_TEST_DATABASE", "sqlite") == "postgresql"
TEMPLATE = "migrated"
ROLE = "moderation"
START_SECONDS = 60
# The role `stranger` needs a password, all others none.
ACCESS_RULES = "local all stranger scram-sha-256\nlocal all all trust\n"
# The shell ends the server as soon as its own input ends: even a killed run of the tests leaves nothing behind.
WATCH = """
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= $3 >>"$2/log" 2>&1 &
read -r _; kill -INT $!; wait $!; rm -rf "$2"
"""
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

    def create_template(self) -> None:
        """Create and migrate the database that `database` copies."""
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(self.url(TEMPLATE))

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """Yield the URL of a new copy of the template; drop the copy at the end."""
        name = f"test_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
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
def running_server(options: str = "") -> Iterator[PostgresServer]:
    """Start a server and stop it when the block ends, or when this process does."""
    binaries = find_binaries()
    assert binaries is not None
    # PostgreSQL refuses to run as root.
    user = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    os.chown(folder, user.pw_uid, user.pw_gid)
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    try:
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", ROLE, "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **identity)  # type: ignore[call-overload]
        (folder / "data" / "pg_hba.conf").write_text(ACCESS_RULES)
        watch = ["sh", "-c", WATCH, "watch", binaries, folder, options]
        with subprocess.Popen(watch, stdin=subprocess.PIPE, cwd=folder, start_new_session=True, **identity) as watcher:  # type: ignore[call-overload]
            _wait_until_up(folder, watcher)
            yield PostgresServer(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(folder: Path, watcher: "subprocess.Popen[bytes]") -> None:
    end = monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user=ROLE, dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if monotonic() > end or watcher.poll() is not None:
                raise AssertionError((folder / "log").read_text()) from None
        sleep(0.05)
