"""docs/tutorial.md, followed word for word in an empty environment: every command runs and has the output shown."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.e2e.pages import unmarked
from tests.e2e.prerequisites import require_tools
from tests.e2e.repository import commit_work_tree
from tests.e2e.service import Process, free_port, start, wait_until_serving
from tests.e2e.test_first_day import parse_facts, token

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
COMMAND_TIMEOUT_SECONDS = 900
SERVICE, BLOG = "http://127.0.0.1:8000", "http://127.0.0.1:5000"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.e2e


@dataclass
class Reader:
    """A person with an empty home, who copies each command into a terminal.

    The ports of the page may be in use, so that two free ones take their place. `folder` and `variables` are the state
    of the terminal, which the next command finds again.
    """

    home: Path
    ports: dict[str, str]
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in os.environ if name == "PATH" or name.startswith(("PIP_", "SSL_"))}
        cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        return {**kept, "HOME": str(self.home), "LANG": "C.UTF-8", "XDG_CACHE_HOME": cache, **self.variables}

    def adapted(self, text: str) -> str:
        for written, free in self.ports.items():
            text = re.sub(rf"(127\.0\.0\.1:|--port ){written}\b", rf"\g<1>{free}", text)
        return text

    def run(self, block: str) -> str:
        """Run a block in a shell that stops at the first failure, and return its output."""
        report = self.home / "terminal"
        script = f"set -eu\n{self.adapted(block)}\nprintf '%s\\n' \"$PWD\" \"${{KEY-}}\" > '{report}'\n"
        result = subprocess.run(
            ["sh", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        assert result.returncode == 0, block + result.stdout + result.stderr
        folder, key = report.read_text("utf-8").splitlines()
        self.folder = Path(folder)
        if key:
            self.variables["KEY"] = key
        return result.stdout

    def leave_running(self, command: str) -> Process:
        """Start a server that ends with the test, as by Ctrl-C."""
        server = start(["sh", "-c", f"exec {self.adapted(command)}"], self.environment, self.folder)
        self.stack.callback(end, server)
        return server


def end(server: Process) -> None:
    """Send SIGINT to the server's process group and wait; kill it by its id after a minute."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGINT)
    try:
        server.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        raise


@contextmanager
def reading(home: Path, repository: Path) -> Iterator[Reader]:
    """Yield a reader, and end the servers that the reader left running."""
    home.mkdir()
    ports = {"8000": str(free_port()), "5000": str(free_port())}
    reader = Reader(home, ports, home, {"REPOSITORY": str(repository), "HOST": "127.0.0.1", "PORT": ports["8000"]})
    with reader.stack:
        yield reader


def blocks() -> Iterator[tuple[str, str]]:
    """Yield each block of commands with the output that the page shows after it, or nothing."""
    fences = [(match[1], match[2]) for match in FENCE.finditer(PAGE.read_text("utf-8"))]
    for (language, content), (next_language, shown) in zip(fences, [*fences[1:], ("", "")], strict=True):
        if language == "sh":
            yield content, shown if next_language == "text" else ""


def press_spam(reader: Reader, facts: dict[str, str]) -> None:
    """Sign in to the queue as the moderator that `make serve` created, and press Spam on the one held comment."""
    with httpx.Client(base_url=reader.adapted(SERVICE), follow_redirects=True) as browser:
        form = {"csrf_token": token(browser.get("/queue")), "name": facts["Moderator"], "password": facts["Password"]}
        queue = browser.post("/queue/sign-in", data=form)
        (card,) = unmarked(queue.text).split("<article")[1:]
        assert "We sell garden tools too" in card
        (comment,) = re.findall(r'type="hidden" name="id" value="([^"]+)"', card)
        browser.post("/queue/act", data={"csrf_token": token(queue), "id": comment, "verb": "spam"}).raise_for_status()


def wait_for_blog(server: Process, reader: Reader) -> None:
    """Wait until the blog answers."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=9)) as visitor:
        assert visitor.get(f"{reader.adapted(BLOG)}/posts/bread").status_code == 200
    assert server.poll() is None


def test_a_stranger_gets_from_nothing_to_a_decided_comment(tmp_path: Path) -> None:
    """Every command of the page runs, in its order, and each output is the one that the page shows."""
    require_tools(git="git", curl="curl", make="make")
    facts: dict[str, str] = {}
    with reading(tmp_path / "home", commit_work_tree(tmp_path / "origin")) as reader:
        for block, shown in blocks():
            if "make serve" in block:
                reader.run(block.replace("make serve\n", ""))
                facts = parse_facts(wait_until_serving(reader.leave_running("make serve")))
            elif "flask --app" in block:
                wait_for_blog(reader.leave_running(block), reader)
            else:
                if "labels export" in block:
                    press_spam(reader, facts)
                printed = reader.run(block)
                assert shown in ("", printed), block
                if "labels export" in block:
                    assert "labels that people gave on this site" in printed
        labels = (reader.folder / "labels.csv").read_text("utf-8")
        assert "We sell garden tools too" in labels and "spam" in labels
        assert (reader.folder / "var" / "moderation.db").is_file()


def test_no_command_of_the_page_escapes() -> None:
    """All that is fenced are commands and output: a block in another form would never run."""
    page = PAGE.read_text("utf-8")
    fences = FENCE.findall(page)
    assert {language for language, _ in fences} == {"sh", "text"}
    assert page.count("```") == 2 * len(fences)
