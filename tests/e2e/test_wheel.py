"""The built wheel in an empty environment, far from a checkout: first start, first score, first model."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from moderation import __version__
from tests.e2e.service import start, wait_until_serving
from tests.shipped import ALONE_MODEL_ID, SHIPPED_MODEL_ID

ROOT = Path(__file__).parents[2]
INSTALL_TIMEOUT_SECONDS = 900
SPAM = {"text": "Best online casino, 200% bonus! Play now: http://lucky-spin.example", "author": "Casino Bonus"}

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel in it, and an account with nothing in its home."""

    venv: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        # Nothing of this checkout: no PYTHONPATH, no MODERATION_ variable.
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "PORT": "0"}

    @property
    def state(self) -> Path:
        return self.home / ".local" / "share" / "moderation"

    def run(self, tool: str, *arguments: str | Path) -> str:
        """Run a program of the environment that must succeed, and return its output."""
        result = subprocess.run(
            [self.venv / "bin" / tool, *arguments],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def moderation(self, *arguments: str | Path) -> str:
        return self.run("moderation", *arguments)

    def files(self) -> set[Path]:
        """Return every file of the environment but the compiled ones."""
        return {path for path in self.venv.rglob("*") if path.suffix != ".pyc" and path.name != "__pycache__"}

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve until the block ends; yield the address."""
        with start([self.venv / "bin" / "moderation", "serve"], self.environment, self.home) as process:
            try:
                address = re.search(r"http://127\.0\.0\.1:\d+", wait_until_serving(process))
                assert address
                yield address[0]
            finally:
                process.terminate()
                process.communicate(timeout=30)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the sdist and the wheel: the one that `make dist` names, or a new one of this checkout."""
    if "MODERATION_DIST" in os.environ:
        return ROOT / os.environ["MODERATION_DIST"]
    folder = tmp_path_factory.mktemp("dist")
    command: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_TIMEOUT_SECONDS)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """Return the wheel."""
    (built,) = dist.glob("moderation-*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Install the wheel and the pinned versions of its dependencies. `pip check` finds one that is not pinned."""
    installation = Installation(tmp_path_factory.mktemp("venv"), tmp_path_factory.mktemp("home"))
    subprocess.run([sys.executable, "-m", "venv", installation.venv], check=True)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    installation.run("python", *pip, "--require-hashes", "--requirement", ROOT / "requirements.lock")
    installation.run("python", *pip, "--no-deps", "--no-index", wheel)
    installation.run("python", "-m", "pip", "check")
    return installation


def contents(wheel: Path) -> dict[str, int]:
    """Return the files of a wheel with their checksums."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def parse_facts(printed: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+(?: in)?) +(.+)$", printed, re.MULTILINE))


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    """No module beside it, the type marker, the shipped model and the starter comments; no other model."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"moderation"}
    assert "moderation/py.typed" in names
    assert sorted(name.removeprefix("moderation/_bundled/") for name in names if "/_bundled/" in name) == [
        *(f"data/composed/{name}.tsv" for name in ("cities", "forms", "people", "topics", "trades")),
        "data/starter.csv",
        f"models/{SHIPPED_MODEL_ID}/card.json",
        f"models/{SHIPPED_MODEL_ID}/model.joblib",
        f"models/{SHIPPED_MODEL_ID}/reader.joblib",
    ]


def test_the_sdist_has_all_that_the_wheel_needs(
    installation: Installation, dist: Path, wheel: Path, tmp_path: Path
) -> None:
    """In the empty environment it gives a wheel with the same files, and it has the tests and the pages."""
    (sdist,) = dist.glob("moderation-*.tar.gz")
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet", "wheel")
    installation.run("python", *pip, "--no-deps", "--no-index", "--no-build-isolation", "-w", tmp_path, sdist)
    assert contents(tmp_path / wheel.name) == contents(wheel)
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "mkdocs.yml", "docs/site/hooks.py", "tests/test_docs.py", "requirements.lock"} <= names


def test_the_client_runs_without_the_dependencies(wheel: Path, tmp_path: Path) -> None:
    """A blog in Python installs the wheel alone, as docs/client.md says."""
    blog = Installation(tmp_path / "venv", tmp_path)
    subprocess.run([sys.executable, "-m", "venv", blog.venv], check=True)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    blog.run("python", *pip, "--no-deps", "--no-index", wheel)
    client = "from moderation.client import Client; client = Client('http://127.0.0.1:9', '0123456789ab')"
    assert blog.run("python", "-c", f"{client}; print(client.score('Hi.').verdict)") == "review\n"


def test_the_first_day_of_an_installed_package(installation: Installation) -> None:
    """Init, serve, score, train on the starter comments, promote: all state goes to the platform's data folder."""
    installed = installation.files()
    assert installation.moderation("--version") == f"moderation, version {__version__}\n"
    facts = parse_facts(installation.moderation("init"))
    assert facts["Model"] == ALONE_MODEL_ID
    # A folder with the package's name in the working directory must not be imported instead.
    (installation.home / "moderation").mkdir()
    (installation.home / "moderation" / "__init__.py").write_text("raise RuntimeError('imported')\n", "utf-8")
    with (
        installation.served() as address,
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {facts['Key']}"}, trust_env=False) as blog,
    ):
        assert blog.get("/readyz").status_code == 200
        decision = blog.post("/v1/score", json=SPAM).json()
        assert decision["model"] == ALONE_MODEL_ID
        assert decision["verdict"] in {"review", "spam", "discard"}
        assert decision["reasons"]

        script = "from moderation.settings import shipped_file; print(shipped_file('data/starter.csv'))"
        installation.moderation("train", installation.run("python", "-P", "-c", script).strip(), "--id", "mine")
        installation.moderation("promote", "mine", "--force")
        assert blog.post("/v1/score", json=SPAM).json()["model"] == "mine"
        assert blog.get("/readyz").status_code == 200

    assert installation.files() == installed
    assert {path.name for path in installation.state.iterdir()} >= {"models", "moderation.db", "secret"}
    assert (installation.state / "models" / "current").read_text("utf-8").split() == ["mine", SHIPPED_MODEL_ID]
    assert "Key" not in parse_facts(installation.moderation("init"))
