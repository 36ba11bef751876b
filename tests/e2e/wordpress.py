"""Debian's WordPress with its Akismet plugin, and a MariaDB for it, as real processes on loopback."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.service import ROOT, free_port, start

SHIPPED = Path("/usr/share/wordpress")
THEME = SHIPPED / "wp-content" / "themes" / "twentytwentythree"
PLUGIN = SHIPPED / "wp-content" / "plugins" / "akismet"
PACKAGES = "wordpress wordpress-theme-twentytwentythree mariadb-server php-cli php-mysql php-curl php-xml"

_PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb", "php")
_EXTENSIONS = frozenset({"mysqli", "curl", "xml"})
_WORKERS = 3
"""More than one, as a pingback makes the blog fetch one of its own pages."""

_CONFIG = """<?php
define( 'DB_NAME', 'blog' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:{socket}' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '{log}' );
define( 'AKISMET_DEBUG', true );
define( 'DISABLE_WP_CRON', true );
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
{lines}
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) {{
	define( 'ABSPATH', __DIR__ . '/' );
}}
require_once ABSPATH . 'wp-settings.php';
"""


def code_blocks(language: str) -> list[str]:
    """Return the blocks of a language in docs/wordpress.md."""
    page = (ROOT / "docs" / "wordpress.md").read_text("utf-8")
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)


def missing_requirements() -> str | None:
    """Return the programs and packages that a blog needs and this machine lacks, as text, or None."""
    missing = [name for name in _PROGRAMS if _program(name) is None]
    if not missing:
        loaded = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout.split()
        missing = [f"PHP's {name}" for name in sorted(_EXTENSIONS - set(loaded))]
    missing += [str(path) for path in (PLUGIN, THEME) if not path.is_dir()]
    return f"{', '.join(missing)} (apt-get install --no-install-recommends {PACKAGES})" if missing else None


def _program(name: str) -> str | None:
    # The folder of the servers is not in the path of every account.
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True)
class Installed:
    """The files of a blog whose database and web server run. The path of `folder` must be short: it holds a socket.

    `entering` comes before each command of PHP.
    """

    folder: Path
    port: int
    entering: tuple[str | Path, ...] = ()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def socket(self) -> Path:
        return self.folder / "db.sock"

    @property
    def log(self) -> Path:
        """The errors and warnings of PHP, WordPress and the plugin."""
        return self.folder / "debug.log"

    @property
    def environment(self) -> dict[str, str]:
        # Without the machine's web proxy, through which the blog would call the service.
        return {"PATH": os.environ["PATH"], "TMPDIR": str(self.folder), "PHP_CLI_SERVER_WORKERS": str(_WORKERS)}

    def configure(self, *lines: str) -> None:
        """Write wp-config.php with these lines of PHP in it."""
        text = _CONFIG.format(socket=self.socket, log=self.log, lines="\n".join(lines))
        (self.site / "wp-config.php").write_text(text, "utf-8")

    def query(self, sql: str) -> list[list[str]]:
        """Run an SQL statement and return its rows, each column as text."""
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch", "-N", "-e", sql]
        result = subprocess.run([*command, "blog"], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return [line.split("\t") for line in result.stdout.splitlines()]

    def php(self, code: str) -> str:
        """Run PHP code inside the blog and return its output."""
        command = [*self.entering, "php", "-r", f"require '{self.site}/wp-load.php'; {code}"]
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@contextmanager
def installed(folder: Path, entering: Sequence[str | Path] = ()) -> Iterator[Installed]:
    """Install and run a blog until the block ends. Its administrator is `admin`, with the password `admin`."""
    blog = Installed(folder, free_port(), tuple(entering))
    shutil.copytree(SHIPPED, blog.site, ignore=shutil.ignore_patterns("wp-config.php"), ignore_dangling_symlinks=True)
    (blog.site / "wp-content" / "mu-plugins").mkdir()
    with _database(blog), _web_server(blog):
        blog.configure()
        _install(blog)
        yield blog


def _install(blog: Installed) -> None:
    form = {
        "weblog_title": "The bakery",
        "user_name": "admin",
        "admin_password": "admin",
        "admin_password2": "admin",
        "pw_weak": "on",
        "admin_email": "admin@bakery.example",
        "blog_public": "0",
        "language": "",
    }
    reply = httpx.post(f"{blog.address}/wp-admin/install.php?step=2", data=form, timeout=60, trust_env=False)
    assert "Success!" in reply.text, reply.text
    # Else the blog itself would hold the first comment of each author.
    blog.query("UPDATE wp_options SET option_value = '0' WHERE option_name = 'comment_previously_approved'")


@contextmanager
def _database(blog: Installed) -> Iterator[None]:
    data = blog.folder / "data"
    as_user = ["--user=root"] if os.geteuid() == 0 else []
    created = subprocess.run(
        [
            _program("mariadb-install-db") or "",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *as_user,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert created.returncode == 0, created.stdout + created.stderr
    command = [
        _program("mariadbd") or "",
        "--no-defaults",
        f"--datadir={data}",
        f"--socket={blog.socket}",
        f"--pid-file={blog.folder / 'db.pid'}",
        "--skip-networking",
        "--innodb-buffer-pool-size=32M",
        "--innodb-flush-log-at-trx-commit=0",
        *as_user,
    ]
    with _running(command, blog, "ready for connections"):
        create = ["mariadb", "--no-defaults", f"--socket={blog.socket}", "--user=root", "-e", "CREATE DATABASE blog"]
        subprocess.run(create, check=True)
        yield


@contextmanager
def _web_server(blog: Installed) -> Iterator[None]:
    settings = {
        "error_log": blog.log,
        "opcache.revalidate_freq": "0",  # wp-config.php is rewritten between requests
        "sendmail_path": "/bin/true",
    }
    options = [part for name, value in settings.items() for part in ("-d", f"{name}={value}")]
    command = [*blog.entering, "php", *options, "-S", f"127.0.0.1:{blog.port}", "-t", str(blog.site)]
    with _running(command, blog, "started"):
        yield


@contextmanager
def _running(command: Sequence[str | Path], blog: Installed, sign: str) -> Iterator[None]:
    """Run a server until the block ends, which begins once it has printed `sign`."""
    with start(command, blog.environment) as process:
        try:
            _await(process, sign)
            yield
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=30)


def _await(process: subprocess.Popen[str], sign: str) -> None:
    printed: list[str] = []
    assert process.stdout
    for line in process.stdout:
        printed.append(line)
        if sign in line:
            # The rest of the output is unused, but a full pipe would stop the server.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return
    raise AssertionError("".join(printed))
