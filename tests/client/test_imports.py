"""The client runs where nothing but Python is installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST_MODULES = "import sys\nbefore = set(sys.modules)\nimport {name}\nprint(*sorted(set(sys.modules) - before))"


def modules_loaded_by(name: str) -> set[str]:
    """Return the modules that an import adds, in an interpreter that finds no installed package (`-S`)."""
    command = [sys.executable, "-S", "-c", LIST_MODULES.format(name=name)]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return set(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split())


def test_the_client_loads_the_standard_library_only() -> None:
    """And of this package itself alone."""
    loaded = modules_loaded_by("moderation.client")
    foreign = {name for name in loaded if name.split(".")[0] not in {*sys.stdlib_module_names, "moderation"}}
    own = {name for name in loaded if name.startswith("moderation.")}
    assert not foreign and own and all(name.startswith("moderation.client") for name in own)


def test_the_package_itself_loads_nothing() -> None:
    """So the client's import stays as light."""
    assert modules_loaded_by("moderation") == {"moderation"}
