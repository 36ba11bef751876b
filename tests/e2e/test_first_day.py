"""The first day with a fresh clone: `make serve`, every step of the README, `make test`."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.pages import unmarked
from tests.e2e.service import free_port, start, wait_until_serving
from tests.shipped import ALONE_MODEL_ID

ROOT = Path(__file__).parents[2]
BLOG = "https://blog.example"
INSTALL_TIMEOUT_SECONDS = 900

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Clone:
    """A copy of the project with nothing installed."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        # The environment of the test must not reach the clone.
        dropped = (
            "VIRTUAL_ENV",
            "PYTHONPATH",
            "MAKEFLAGS",
            "MAKELEVEL",
            "MFLAGS",
            "MODERATION_VAR",
            "MODERATION_DATABASE_URL",
        )
        kept = {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith("COV")}
        return {**kept, "HOST": "127.0.0.1", "PORT": str(self.port)}

    def run(self, *arguments: str, **more: str) -> str:
        """Run a command that must succeed, and return its output."""
        result = subprocess.run(
            arguments,
            cwd=self.folder,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def moderation(self, *arguments: str) -> str:
        return self.run(".venv/bin/moderation", *arguments)

    @contextmanager
    def served(self) -> Iterator[str]:
        """Run `make serve` until the block ends; yield its output up to the first answer."""
        with start(["make", "serve"], self.environment, self.folder) as process:
            try:
                yield wait_until_serving(process)
                assert process.poll() is None
            finally:
                # As Ctrl-C does: to make and to every process it started.
                os.killpg(process.pid, signal.SIGINT)
                process.communicate(timeout=60)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Copy the files that a commit of the work tree would have."""
    folder = tmp_path_factory.mktemp("clone")
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return Clone(folder, free_port())


def parse_facts(printed: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+(?: in)?) +(.+)$", printed, re.MULTILINE))


def readme_request(clone: Clone, key: str) -> dict[str, Any]:
    """Run the README's request in a shell, and return the answer."""
    (request,) = re.findall(r"^curl .*?(?=^```)", (clone.folder / "README.md").read_text("utf-8"), re.M | re.DOTALL)
    answer: dict[str, Any] = json.loads(
        clone.run("sh", "-c", request.replace("http://127.0.0.1:8000", clone.address), KEY=key)
    )
    return answer


def readme_answer(clone: Clone) -> dict[str, Any]:
    (shown,) = re.findall(r"^```json\n(.*?)^```", (clone.folder / "README.md").read_text("utf-8"), re.M | re.DOTALL)
    answer: dict[str, Any] = json.loads(shown)
    return answer


def hold_comment(clone: Clone, blog: httpx.Client) -> str:
    """Score a comment that is held for review, and return the id of its decision."""
    clone.moderation("site", "thresholds", BLOG, "--review", "1e-9", "--spam", "1", "--discard", "1")
    decision = blog.post("/v1/score", json={"text": "Is that the bakery by the old bridge?"}).json()
    assert decision["verdict"] == "review"
    return str(decision["id"])


def label_as_ham(clone: Clone, name: str, password: str) -> None:
    """Sign in as a moderator, open the queue and press Ham."""
    with httpx.Client(base_url=clone.address, follow_redirects=True) as browser:
        form = {"csrf_token": token(browser.get("/queue")), "name": name, "password": password}
        queue = browser.post("/queue/sign-in", data=form)
        card = next(card for card in unmarked(queue.text).split("<article")[1:] if "Is that the bakery" in card)
        (comment,) = re.findall(r'type="hidden" name="id" value="([^"]+)"', card)
        after = browser.post("/queue/act", data={"csrf_token": token(queue), "id": comment, "verb": "ham"})
        assert after.status_code == 200 and "Is that the bakery" not in unmarked(after.text)


def token(reply: httpx.Response) -> str:
    assert reply.status_code == 200
    match = re.search(r'name="csrf_token" value="([^"]+)"', reply.text)
    assert match, reply.text
    return match[1]


def test_the_first_day(clone: Clone) -> None:
    """Start, score, hold, label, train, promote under the running server, stop; all of it survives a restart."""
    with clone.served() as printed:
        first = parse_facts(printed)
        blog = httpx.Client(base_url=clone.address, headers={"Authorization": f"Bearer {first['Key']}"})
        answer = readme_request(clone, first["Key"])
        assert answer.keys() == readme_answer(clone).keys()
        assert answer["verdict"] == "discard" and answer["model"] == first["Model"] == ALONE_MODEL_ID
        assert "To add it: `make reader` in a checkout" in printed
        assert answer["calibration"]["stage"] == "block"

        held = hold_comment(clone, blog)
        label_as_ham(clone, first["Moderator"], first["Password"])
        assert blog.get(f"/v1/decisions/{held}").json()["label"]["value"] == "ham"

        clone.moderation("train", "data/starter.csv", "--id", "mine")
        assert blog.post("/v1/score", json={"text": "hello"}).json()["model"] == first["Model"]
        clone.moderation("promote", "mine", "--force")
        assert blog.post("/v1/score", json={"text": "hello"}).json()["model"] == "mine"

    with clone.served() as printed:
        assert "Installing" not in printed and first["Key"] not in printed
        assert parse_facts(printed)["Model"] == "mine"
        assert blog.get(f"/v1/decisions/{held}").json()["label"]["value"] == "ham"
        blog.close()


def test_the_suite_runs_in_the_same_clone(clone: Clone) -> None:
    """`make test` installs its tools, needs no service started by hand, and passes."""
    assert re.search(r"\d+ passed", clone.run("make", "test"))
