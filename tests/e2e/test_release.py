"""A release: the same commit gives the same bytes, and what is beside the archives is true."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from moderation import __version__
from tests.e2e.prerequisites import require_tools
from tests.e2e.repository import AUTHOR, commit_work_tree
from tests.e2e.service import free_port

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 900
SBOM, NOTES = f"moderation-{__version__}.cdx.json", f"moderation-{__version__}.md"

pytestmark = pytest.mark.e2e


def run(
    clone: Path, script: str, variables: Mapping[str, str] | None = None, *, umask: int = -1
) -> subprocess.CompletedProcess[str]:
    """Run a script of a clone with the tools of this environment, without a Docker daemon."""
    fixed = {"BIN": str(Path(sys.executable).parent), "DOCKER_HOST": "unix:///nonexistent"}
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SOURCE_DATE_EPOCH")}
    return subprocess.run(
        [clone / ".ci" / script],
        cwd=clone.parent,
        env={**kept, **fixed, **(variables or {})},
        umask=umask,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def clone_of(repository: Path, folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(repository), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of the work tree."""
    require_tools(git="git")
    return commit_work_tree(tmp_path_factory.mktemp("release") / "origin")


@pytest.fixture(scope="module")
def built(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone whose sdist and wheel are built."""
    clone = clone_of(repository, tmp_path_factory.mktemp("built") / "clone")
    result = run(clone, "dist")
    assert result.returncode == 0, result.stderr
    return clone


def digests(clone: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in `dist`."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (clone / "dist").iterdir()}


def test_the_same_commit_gives_the_same_bytes(repository: Path, built: Path, tmp_path: Path) -> None:
    """Elsewhere, later, in another time zone, by a user whose files only they may read, beside files of no commit."""
    other = clone_of(repository, tmp_path / "another" / "checkout")
    (other / "moderation" / "forgotten.py").write_text("", "utf-8")
    (other / "README.md").touch()
    result = run(other, "dist", {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7"}, umask=0o077)
    assert result.returncode == 0 and "changes that are not committed" in result.stderr, result.stderr
    assert digests(other) == digests(built) and len(digests(built)) == 2


def test_another_commit_gives_other_bytes(repository: Path, built: Path, tmp_path: Path) -> None:
    """Else the test above would compare nothing."""
    other = clone_of(repository, tmp_path / "clone")
    (other / "moderation" / "added.py").write_text("", "utf-8")
    for arguments in (["add", "."], ["commit", "--quiet", "--message", "Add"]):
        subprocess.run(["git", *AUTHOR, *arguments], cwd=other, check=True)
    assert run(other, "dist").returncode == 0
    assert digests(other).keys() == digests(built).keys()
    assert not set(digests(other).values()) & set(digests(built).values())


def test_no_distribution_without_a_commit(tmp_path: Path) -> None:
    """An unpacked sdist says how to build one."""
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci" / "dist"
    script.write_bytes((ROOT / ".ci" / "dist").read_bytes())
    script.chmod(0o755)
    result = run(tmp_path, "dist")
    assert result.returncode == 2 and "Clone the repository." in result.stderr


@contextmanager
def vulnerabilities(*names: str) -> Iterator[dict[str, str]]:
    """Serve a list of vulnerabilities on this machine, and yield the variables that make the audit ask it."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            entry = {"id": f"TEST-{asked}", "summary": "Bad.", "affected": [{"package": {"name": "", "ecosystem": ""}}]}
            body = json.dumps({"vulns": [entry]} if asked in names else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield audited_by(server.server_port)
        server.shutdown()


def audited_by(port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}/v1/query"
    return {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url, "NO_PROXY": "127.0.0.1"}


def test_a_vulnerable_version_is_not_released(built: Path) -> None:
    """The message names the vulnerability and what to do about it."""
    with vulnerabilities("numpy") as variables:
        result = run(built, "release", variables)
    assert result.returncode == 1 and "make lock UPGRADE=1" in result.stderr
    assert re.search(r"^numpy \S+: TEST-numpy, fixed in no version$", result.stderr, re.MULTILINE)
    assert "flask" not in result.stderr
    assert not (built / "dist" / SBOM).exists()


def test_a_version_without_a_section_is_not_released(repository: Path, built: Path, tmp_path: Path) -> None:
    """The notes of a release are never empty."""
    clone = clone_of(repository, tmp_path / "clone")
    (clone / "dist").mkdir()
    (clone / "dist" / "moderation-9.9.9-py3-none-any.whl").touch()
    result = run(clone, "release")
    assert result.returncode == 1 and "CHANGELOG.md has no section [9.9.9]" in result.stderr


def test_an_offline_release_says_what_it_leaves_out(built: Path) -> None:
    """Notes, bill of materials and checksums are there; the audit and the image are named with the cause."""
    result = run(built, "release", audited_by(free_port()))
    assert result.returncode == 0, result.stderr
    assert "- Audit of the pinned versions: the list of vulnerabilities cannot be reached." in result.stdout
    assert "- Image: no Docker daemon answers here." in result.stdout
    check_bill_of_materials(built / "dist" / SBOM)
    notes = (built / "dist" / NOTES).read_text("utf-8")
    assert notes.startswith(f"## [{__version__}]") and notes.count("\n## ") == 0
    assert notes in (ROOT / "CHANGELOG.md").read_text("utf-8")
    sums = dict(line.split("  ")[::-1] for line in (built / "dist" / "SHA256SUMS").read_text("utf-8").splitlines())
    assert sums == {name: digest for name, digest in digests(built).items() if name != "SHA256SUMS"} and len(sums) == 4


def check_bill_of_materials(path: Path) -> None:
    """Assert that it names each pinned version that is installed, the release itself, and nothing of this machine."""
    text = path.read_text("utf-8")
    bill = json.loads(text)
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("moderation", __version__)
    lock = (ROOT / "requirements-container.lock").read_text("utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)", lock, re.MULTILINE))
    listed = {normalized(part["name"]): part["version"] for part in bill["components"]}
    assert {"flask", "numpy", "onnxruntime", "psycopg", "authlib"} <= listed.keys()
    assert {name: version for name, version in listed.items() if pinned.get(name) != version} == {}
    assert str(path.parents[1]) not in text and "file:" not in text


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
