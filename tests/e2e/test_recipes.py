"""The hooks of docs/recipes.md in the programs that they are for, against the real service."""

import hashlib
import hmac
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import select

from moderation.actions.coral import set_coral_secret
from moderation.actions.labelling import export_labels
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_thresholds
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.storage.engine import read_transaction
from moderation.storage.tables import comments
from tests.cli.conftest import environment_of
from tests.e2e.prerequisites import require_tools
from tests.e2e.proxy import running_nginx
from tests.e2e.service import ROOT, Served, Service, free_port, served, start

pytestmark = pytest.mark.e2e

BLOG, KEY = "https://bakery.example", "0123456789ab"
EXAMPLES = ROOT / "examples"
ISSO = ROOT / "build" / "isso"
NODE_MODULES = ROOT / "build" / "npm" / "node_modules"
# The columns that Waline's page for SQLite lists.
WALINE_TABLES = """
CREATE TABLE wl_Comment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER, comment TEXT, insertedAt TIMESTAMP, ip TEXT, link TEXT,
    mail TEXT, nick TEXT, pid INTEGER, rid INTEGER, sticky INTEGER, status TEXT, "like" INTEGER, ua TEXT, url TEXT,
    createdAt TIMESTAMP, updatedAt TIMESTAMP
);
CREATE TABLE wl_Counter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER, url TEXT, createdAt TIMESTAMP, updatedAt TIMESTAMP
);
CREATE TABLE wl_Users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, display_name TEXT, email TEXT, password TEXT, type TEXT, label TEXT,
    url TEXT, avatar TEXT, github TEXT, twitter TEXT, facebook TEXT, google TEXT, weibo TEXT, qq TEXT, oidc TEXT,
    "2fa" TEXT, createdAt TIMESTAMP, updatedAt TIMESTAMP
);
"""
_LOW = 1e-12
PUBLISH, HOLD = Thresholds(1, 1, 1), Thresholds(_LOW, 1, 1)
SPAM, DISCARD = Thresholds(_LOW, _LOW, 1), Thresholds(_LOW, _LOW, _LOW)
START_SECONDS = 60


@dataclass(frozen=True)
class Judge:
    """The service with a blog, which runs within `served`, and the environment of a hook that asks it."""

    services: Services
    service: Service

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.service.settings['PORT']}"

    @property
    def environment(self) -> dict[str, str]:
        return {"MODERATION_ADDRESS": self.address, "MODERATION_KEY": KEY}

    def served(self) -> AbstractContextManager[Served]:
        return served(self.service)

    def set_thresholds(self, thresholds: Thresholds) -> None:
        set_thresholds(self.services, BLOG, thresholds)

    def labels(self) -> dict[str, str]:
        return {row["text"]: row["label"] for row in export_labels(self.services, None)}

    def stored(self) -> list[tuple[Any, ...]]:
        """Return the facts of each comment, without repetition."""
        columns = (getattr(comments.c, name) for name in ("text", "author", "email", "url", "permalink", "context"))
        with read_transaction(self.services.engine) as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(comments.c.id))]


class Program:
    """A program that runs, its address, and the lines that it has printed."""

    def __init__(self, address: str, process: "subprocess.Popen[str]") -> None:
        self.address = address
        self.lines: list[str] = []
        self._process = process
        # Read all the time, as a full pipe would stop the program.
        self._reader = Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line)


@pytest.fixture
def stopped_judge(services: Services, settings: Settings, tmp_path: Path) -> Judge:
    """Return a service that does not run yet."""
    add_site(services, BLOG, KEY)
    return Judge(services, Service(tmp_path, {**environment_of(settings), "PORT": str(free_port())}))


@pytest.fixture
def judge(stopped_judge: Judge) -> Iterator[Judge]:
    """Serve a service."""
    with stopped_judge.served():
        yield stopped_judge


@contextmanager
def running(command: list[str | Path], port: int, environment: Mapping[str, str], folder: Path) -> Iterator[Program]:
    """Run a program until the block ends. Waits until it answers on its port."""
    address = f"http://127.0.0.1:{port}"
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    process = start(command, {**kept, "HOME": str(folder), **environment}, folder)
    with process, ExitStack() as stack:
        program = Program(address, process)
        stack.callback(program.close)
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            try:
                client.get(address, timeout=START_SECONDS)
            except httpx.HTTPError:
                pytest.fail("It did not start:\n" + "".join(program.lines))
        yield program


@contextmanager
def running_isso(environment: Mapping[str, str], folder: Path) -> Iterator[Program]:
    """Run Isso with the hook and the settings of the page."""
    python, port = ISSO / "bin" / "python", free_port()
    if not python.exists():
        pytest.skip("Isso is not installed: python3 -m venv build/isso && build/isso/bin/pip install isso gunicorn")
    folder.mkdir()
    hook = (EXAMPLES / "isso" / "judged_isso.py").read_text("utf-8")
    assert "DELIVERY_SECONDS = 300" in hook
    (folder / "judged_isso.py").write_text(hook.replace("DELIVERY_SECONDS = 300", "DELIVERY_SECONDS = 1"), "utf-8")
    settings = (EXAMPLES / "isso" / "isso.cfg").read_text("utf-8").replace("/var/lib/isso", str(folder))
    # Isso's guard against floods takes two comments a minute of an address.
    (folder / "isso.cfg").write_text(f"{settings}\n[guard]\nratelimit = 100\ndirect-reply = 100\n", "utf-8")
    own = {
        "MODERATION_FOLDER": str(folder),
        "ISSO_SETTINGS": str(folder / "isso.cfg"),
        "PYTHONPATH": str(ROOT),
    }
    command: list[str | Path] = [python, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "judged_isso:application"]
    with running(command, port, {**environment, **own}, folder) as program:
        yield program


def post_to_isso(isso: Program, text: str) -> httpx.Response:
    comment = {"text": text, "author": "Ana & Ben", "email": "ana@example.org", "website": None, "title": "Bread"}
    return httpx.post(f"{isso.address}/new", params={"uri": "/bread/"}, json=comment, timeout=60)


def shown_by_isso(isso: Program) -> list[str]:
    answer = httpx.get(isso.address, params={"uri": "/bread/", "plain": "1"}, timeout=60)
    return [reply["text"] for reply in answer.json()["replies"]] if answer.status_code == 200 else []


def check_through(nginx: Path, port: int, host: str, author: str) -> str:
    """Send a comment-check to a host of Akismet, which leads to nginx, and return the answer."""
    form = f"api_key={KEY}&blog={BLOG}&user_ip=192.0.2.7&comment_content=Hello&comment_author={author}"
    command = ["curl", "--silent", "--show-error", "--cacert", str(nginx / "tls" / "bundle.pem"), "--data", form]
    command += ["--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/1.1/comment-check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return result.stdout or result.stderr


def test_the_names_of_akismet_lead_to_the_service(judge: Judge, tmp_path: Path) -> None:
    """The script makes certificates that a client accepts, and nginx passes a comment on by its key."""
    require_tools(nginx="nginx-light", openssl="openssl", curl="curl")
    judge.set_thresholds(PUBLISH)
    folder, port, plain_port = tmp_path / "nginx", free_port(), free_port()
    folder.mkdir()
    subprocess.run([EXAMPLES / "akismet" / "make-certificates.sh"], cwd=folder, check=True, capture_output=True)
    conf = (EXAMPLES / "akismet" / "nginx.conf").read_text("utf-8")
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/tls/": f"{folder}/tls/",
        "http://moderation:8000": judge.address,
    }
    for old, new in changes.items():
        assert old in conf, old
        conf = conf.replace(old, new)
    with running_nginx(conf, folder):
        for host in ("rest.akismet.com", f"{KEY}.rest.akismet.com"):
            assert check_through(folder, port, host, "Ana") == "false"
            assert check_through(folder, port, host, "viagra-test-123") == "true"
    assert sorted(path.name for path in (folder / "tls").iterdir() if path.suffix == ".key") == ["rest.key"]


@pytest.mark.parametrize("name", ["akismet", "waline"])
def test_a_compose_file_names_files_that_are_there(name: str) -> None:
    """Or that its recipe makes. No Docker is needed for this."""
    compose = yaml.safe_load((EXAMPLES / name / "compose.yaml").read_text("utf-8"))
    mounted = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    sources = {volume.split(":")[0] for volume in mounted}
    made = {"./data", "./tls", "./tls/bundle.pem"}
    assert [source for source in sources - made if not (EXAMPLES / name / source).exists()] == []
    assert compose["networks"]["moderation"] == {"name": "moderation_default", "external": True}


def test_isso_publishes_holds_and_refuses(judge: Judge, tmp_path: Path) -> None:
    """By the verdict. A comment that a moderator activates at Isso is a label here."""
    with running_isso(judge.environment, tmp_path / "isso") as isso:
        judge.set_thresholds(PUBLISH)
        assert post_to_isso(isso, "Mine took two hours longer.").status_code == 201
        judge.set_thresholds(HOLD)
        assert post_to_isso(isso, "With rye it is even better.").status_code == 202
        judge.set_thresholds(SPAM)
        assert post_to_isso(isso, "Cheap flour at flour.example").status_code == 202
        judge.set_thresholds(DISCARD)
        assert post_to_isso(isso, "Cheap sugar at sugar.example").status_code == 403
        assert shown_by_isso(isso) == ["Mine took two hours longer."]
        # The mail to the moderator has this link; without a mail server it is printed.
        (path,) = set(re.findall(r"/id/2/activate/\S+", "".join(isso.lines)))
        assert httpx.post(f"{isso.address}{path}", timeout=60).status_code == 200
        assert shown_by_isso(isso) == ["Mine took two hours longer.", "With rye it is even better."]
    assert judge.labels() == {"With rye it is even better.": "ham"}
    assert {facts[1:] for facts in judge.stored()} == {("Ana & Ben", "ana@example.org", None, "/bread/", "Bread")}


def test_isso_holds_a_comment_without_the_service(stopped_judge: Judge, tmp_path: Path) -> None:
    """It waits at Isso. The hook sends it as soon as the service is there."""
    with running_isso(stopped_judge.environment, tmp_path / "isso") as isso:
        assert post_to_isso(isso, "Is the service there?").status_code == 202
        assert shown_by_isso(isso) == []
        with stopped_judge.served():
            ends = time.monotonic() + START_SECONDS
            while not (stored := stopped_judge.stored()) and time.monotonic() < ends:
                time.sleep(0.2)
    assert [facts[0] for facts in stored] == ["Is the service there?"]


@contextmanager
def running_waline(environment: Mapping[str, str], folder: Path) -> Iterator[Program]:
    """Run Waline on SQLite with the hook."""
    installed, port = NODE_MODULES / "@waline" / "vercel", free_port()
    if not (NODE_MODULES / "sqlite3").exists():
        pytest.skip("Waline is not installed: npm install --no-save --prefix build/npm @waline/vercel@1.39.3")
    require_tools(node="nodejs")
    package = folder / "node_modules" / "@waline" / "vercel"
    shutil.copytree(installed, package)
    shutil.copy(EXAMPLES / "waline" / "config.js", package)
    with closing(sqlite3.connect(folder / "waline.sqlite")) as database:
        database.executescript(WALINE_TABLES)
    own = {
        "NODE_PATH": str(NODE_MODULES),
        "SQLITE_PATH": str(folder),
        "JWT_TOKEN": "a random text",
        "SITE_URL": BLOG,
        "AKISMET_KEY": "false",
        "OAUTH_URL": 'data:application/json,{"services":[]}',
        # Waline takes one comment a minute of an address.
        "IPQPS": "0",
        "MODERATION_FILE": str(folder / "decisions.txt"),
    }
    with running(["node", package / "vanilla.js", str(port)], port, {**environment, **own}, folder) as program:
        yield program


def post_to_waline(waline: Program, text: str, **more: Any) -> dict[str, Any]:
    comment = {"comment": text, "nick": "Ana", "mail": "ana@example.org", "link": "", "ua": "", "url": "/bread/"}
    answer = httpx.post(f"{waline.address}/api/comment", json=comment, timeout=60, **more)
    assert answer.status_code == 200, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


def shown_by_waline(waline: Program) -> list[str]:
    answer = httpx.get(f"{waline.address}/api/comment", params={"path": "/bread/"}, timeout=60).json()
    return sorted(re.sub("<[^>]+>", "", comment["comment"]).strip() for comment in answer["data"]["data"])


def administrator(waline: Program) -> dict[str, str]:
    """Register the first user, who is the administrator, and return the header of a session."""
    user = {"display_name": "Mara", "email": "mara@example.org", "password": "correct horse", "url": ""}
    assert httpx.post(f"{waline.address}/api/user", json=user, timeout=60).json()["errno"] == 0
    token = httpx.post(f"{waline.address}/api/token", json=user, timeout=60).json()["data"]["token"]
    return {"Authorization": f"Bearer {token}"}


def test_waline_publishes_holds_and_refuses(judge: Judge, tmp_path: Path) -> None:
    """By the verdict. What an administrator of Waline decides is a label here."""
    with running_waline(judge.environment, tmp_path / "waline") as waline:
        headers = administrator(waline)
        statuses = {}
        for name, thresholds in (("publish", PUBLISH), ("hold", HOLD), ("spam", SPAM)):
            judge.set_thresholds(thresholds)
            posted = post_to_waline(waline, f"The {name} one")
            statuses[posted["data"]["status"]] = posted["data"]["objectId"]
        assert list(statuses) == ["approved", "waiting", "spam"]
        judge.set_thresholds(DISCARD)
        assert "refused" in post_to_waline(waline, "The discard one")["errmsg"]
        assert post_to_waline(waline, "Of the house", headers=headers)["data"]["status"] == "approved"
        assert shown_by_waline(waline) == ["Of the house", "The publish one"]
        for old, new in (("waiting", "approved"), ("spam", "approved"), ("approved", "spam")):
            change = f"{waline.address}/api/comment/{statuses[old]}"
            assert httpx.put(change, json={"status": new}, headers=headers, timeout=60).json()["errno"] == 0
        assert shown_by_waline(waline) == ["Of the house", "The hold one", "The spam one"]
        change_by_a_visitor(judge, waline)
    assert judge.labels() == {"The hold one": "ham", "The spam one": "ham", "The publish one": "spam"}


def change_by_a_visitor(judge: Judge, waline: Program) -> None:
    """Change a comment by its author, with and without doubt about the new text; anybody may like it."""
    user = {"display_name": "Ben", "email": "ben@example.org", "password": "correct horse", "url": ""}
    httpx.post(f"{waline.address}/api/user", json=user, timeout=60)
    token = httpx.post(f"{waline.address}/api/token", json=user, timeout=60).json()["data"]["token"]
    headers = {"Authorization": f"Bearer {token}"}
    judge.set_thresholds(PUBLISH)
    change = f"{waline.address}/api/comment/{post_to_waline(waline, 'First', headers=headers)['data']['objectId']}"
    assert httpx.put(change, json={"like": True}, timeout=60).json()["errno"] == 0
    answers = []
    for thresholds, text in ((HOLD, "Doubtful"), (PUBLISH, "Second")):
        judge.set_thresholds(thresholds)
        answers.append(httpx.put(change, json={"comment": text}, headers=headers, timeout=60).json()["errmsg"])
    assert answers == ["This change was refused.", ""] and "Second" in shown_by_waline(waline)


def test_waline_holds_a_comment_without_the_service(stopped_judge: Judge, tmp_path: Path) -> None:
    """It waits for a moderator of Waline."""
    with running_waline(stopped_judge.environment, tmp_path / "waline") as waline:
        assert post_to_waline(waline, "Is the service there?")["data"]["status"] == "waiting"


def test_coral_asks_the_service_about_long_comments(judge: Judge) -> None:
    """One of 400 kB is read, though its caller is known by its body alone. Above the limit Coral gets an error."""
    secret = "empsec_" + "5f" * 33
    site = set_coral_secret(judge.services, BLOG, secret)
    judge.set_thresholds(SPAM)
    statuses = []
    for length in (10, 400_000, 600_000):
        body = json.dumps({"action": "NEW", "comment": {"body": "word " * (length // 5)}}, indent=2).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Coral-Signature": f"sha256={signature}"}
        answer = httpx.post(f"{judge.address}/coral/{site.id}", content=body, headers=headers, timeout=60)
        statuses.append(answer.status_code)
    assert statuses == [200, 200, 413]
