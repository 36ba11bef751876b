"""The serving process: its imports, and its start."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from moderation.actions.services import Services
from moderation.settings import Settings

ROOT = Path(__file__).parents[2]
HEAVY = ("sklearn", "pandas", "scipy", "matplotlib", "alembic", "moderation.training", "tldextract", "requests")


def start(settings: Settings, code: str) -> subprocess.CompletedProcess[str]:
    variables = {"VAR": str(settings.var), "MODELS": str(settings.models), "DATABASE_URL": settings.database_url}
    environment = os.environ | {f"MODERATION_{name}": value for name, value in variables.items()}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_worker_imports_only_what_serving_needs(services: Services, settings: Settings) -> None:
    """After the first requests, no heavy library is loaded."""
    code = f"""
import sys, service
import moderation.wsgi
client = service.app.test_client()
assert client.get("/readyz").status_code == 200
assert client.get("/queue/sign-in").status_code == 200
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    ran = start(settings, code)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


def test_without_a_database_the_error_names_the_command(settings: Settings, new_database: Callable[[], str]) -> None:
    """The error names the command that makes a database."""
    settings = settings.model_copy(update={"database_url": new_database()})
    ran = start(settings, "import service")
    assert ran.returncode != 0 and "moderation init" in ran.stderr
