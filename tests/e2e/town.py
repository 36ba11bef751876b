"""A blog and the service that it asks, both as real processes."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.blog import Blog
from tests.e2e.service import ROOT, Service, served
from tests.e2e.wordpress import free_port, installed

KEY = "0123456789ab"
OURS = ROOT / "docs" / "wordpress" / "moderation-akismet.php"


@dataclass(frozen=True)
class Steady(Service):
    """The service on one port, so that it comes back where the blog looks for it."""

    port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"PORT": str(self.port)}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Town:
    """A blog, and the service that it asks."""

    blog: Blog
    service: Steady
    running: ExitStack
    key: str = KEY

    @property
    def url(self) -> str:
        return self.blog.installed.address

    def start(self) -> None:
        self.running.enter_context(served(self.service))

    def stop(self) -> None:
        self.running.close()

    def point(self, *lines: str) -> None:
        """The blog's wp-config.php, with our line in it unless other lines are given."""
        self.blog.installed.configure(*(lines or (f"define( 'MODERATION_URL', '{self.service.address}' );",)))

    @contextmanager
    def drawn(self, *lines: str) -> Iterator[None]:
        """Other lines between the verdicts, until the block ends."""
        self.service.moderation("site", "policy", self.url, *lines)
        try:
            yield
        finally:
            self.service.moderation("site", "policy", self.url, "--reset")

    @contextmanager
    def review_means(self, means: str) -> Iterator[None]:
        self.service.moderation("site", "akismet", self.url, "--review", means)
        try:
            yield
        finally:
            self.service.moderation("site", "akismet", self.url, "--review", "hold")

    def rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Rows of the service's own database, which is opened for reading only."""
        with closing(sqlite3.connect(f"file:{self.service.folder / 'var' / 'moderation.db'}?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def decisions(self, author: str) -> list[str]:
        """The ids of what was decided on an author's comments, the oldest first."""
        sql = "SELECT d.id FROM decisions d JOIN comments c ON c.id = d.comment_id WHERE author = ? ORDER BY made_at"
        return [row[0] for row in self.rows(sql, author)]

    def comments(self, author: str) -> int:
        return len(self.rows("SELECT id FROM comments WHERE author = ?", author))

    def label(self, decision: str) -> str | None:
        """What people say of a decision's comment now, as the JSON interface has it."""
        bearer = {"Authorization": f"Bearer {self.key}"}
        answer = httpx.get(f"{self.service.address}/v1/decisions/{decision}", headers=bearer, trust_env=False)
        label: dict[str, str] | None = answer.json()["label"]
        return label["value"] if label else None


@contextmanager
def built() -> Iterator[Town]:
    """A blog whose plugin is active and has our key, pointed at the running service, until the block ends."""
    with ExitStack() as stack:
        # A socket's path may have a hundred letters at most, and pytest's own folders have more.
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wp"))) for _ in range(2)]
        service = Steady(folders[0])
        service.prepare()
        files = stack.enter_context(installed(folders[1]))
        town = Town(Blog(files), service, stack.enter_context(ExitStack()))
        stack.callback(town.blog.close)
        service.moderation("site", "add", town.url, "--key", KEY)
        town.start()
        shutil.copy(OURS, files.site / "wp-content" / "mu-plugins")
        town.point()
        town.blog.activate()
        assert "Status Active" in town.blog.enter_key(KEY)
        yield town
