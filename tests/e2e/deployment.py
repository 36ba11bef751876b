"""A blog and its service, both as real processes."""

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
from tests.e2e.service import ROOT, Service, free_port, served
from tests.e2e.wordpress import installed

KEY = "0123456789ab"
MUST_USE_PLUGIN = ROOT / "docs" / "wordpress" / "moderation-akismet.php"


@dataclass(frozen=True)
class FixedPortService(Service):
    """A service that keeps its port over a restart, as the blog calls it by that."""

    port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"PORT": str(self.port)}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Deployment:
    """A blog and its service."""

    blog: Blog
    service: FixedPortService
    running: ExitStack
    key: str = KEY

    @property
    def url(self) -> str:
        return self.blog.installed.address

    def start(self) -> None:
        self.running.enter_context(served(self.service))

    def stop(self) -> None:
        self.running.close()

    def configure_blog(self, *options: str) -> None:
        """Write the blog's wp-config.php: with these lines, or with the address of the service."""
        self.blog.installed.configure(*(options or (f"define( 'MODERATION_URL', '{self.service.address}' );",)))

    @contextmanager
    def with_thresholds(self, *options: str) -> Iterator[None]:
        """Set the site's thresholds until the block ends."""
        self.service.moderation("site", "thresholds", self.url, *options)
        try:
            yield
        finally:
            self.service.moderation("site", "thresholds", self.url, "--reset")

    @contextmanager
    def review_action(self, action: str) -> Iterator[None]:
        self.service.moderation("site", "akismet", self.url, "--review", action)
        try:
            yield
        finally:
            self.service.moderation("site", "akismet", self.url, "--review", "hold")

    def rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Return rows of the service's database, opened read-only."""
        with closing(sqlite3.connect(f"file:{self.service.folder / 'var' / 'moderation.db'}?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def decisions(self, author: str) -> list[str]:
        """Return the ids of the decisions on an author's comments, oldest first."""
        sql = "SELECT d.id FROM decisions d JOIN comments c ON c.id = d.comment_id WHERE author = ? ORDER BY decided_at"
        return [row[0] for row in self.rows(sql, author)]

    def comments(self, author: str) -> int:
        return len(self.rows("SELECT id FROM comments WHERE author = ?", author))

    def label(self, decision: str) -> str | None:
        """Return the label in force of a decision's comment, from the JSON API."""
        bearer = {"Authorization": f"Bearer {self.key}"}
        response = httpx.get(f"{self.service.address}/v1/decisions/{decision}", headers=bearer, trust_env=False)
        label: dict[str, str] | None = response.json()["label"]
        return label["value"] if label else None


@contextmanager
def running_deployment() -> Iterator[Deployment]:
    """Run a service and a blog until the block ends. The blog's plugin is active and has the site's key."""
    with ExitStack() as stack:
        # A socket's path may have a hundred characters at most, and pytest's folders exceed them.
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wp"))) for _ in range(2)]
        service = FixedPortService(folders[0])
        service.prepare()
        files = stack.enter_context(installed(folders[1]))
        deployment = Deployment(Blog(files), service, stack.enter_context(ExitStack()))
        stack.callback(deployment.blog.close)
        service.moderation("site", "add", deployment.url, "--key", KEY)
        deployment.start()
        shutil.copy(MUST_USE_PLUGIN, files.site / "wp-content" / "mu-plugins")
        deployment.configure_blog()
        deployment.blog.activate()
        assert "Status Active" in deployment.blog.enter_key(KEY)
        yield deployment
