"""The serving process: what it imports, and how it starts."""

import os
import subprocess
import sys
from pathlib import Path

from moderation.actions.desk import Desk
from moderation.settings import Settings

ROOT = Path(__file__).parents[2]
HEAVY = ("sklearn", "pandas", "scipy", "matplotlib", "alembic", "moderation.learning", "rich", "tldextract", "requests")


def start(settings: Settings, code: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MODERATION_VAR": str(settings.var), "MODERATION_MODELS": str(settings.models)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_worker_imports_only_what_serving_needs(desk: Desk, settings: Settings) -> None:
    """After `import service`, and after a first request, nothing heavy is loaded."""
    code = f"""
import sys, service
client = service.app.test_client()
assert client.get("/readyz").status_code == 200
assert client.get("/queue/sign-in").status_code == 200
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    ran = start(settings, code)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


def test_without_a_database_it_says_what_to_run(settings: Settings) -> None:
    """The last line of the failure names the command that makes one."""
    ran = start(settings, "import service")
    assert ran.returncode != 0 and "moderation init" in ran.stderr
