"""The house keeps its shape: layers, names, docstrings, and what importing may do."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = sorted((ROOT / "moderation").rglob("*.py"))
MODULES = [*PACKAGE, ROOT / "service.py", *sorted((ROOT / "tests").rglob("*.py"))]
BANNED = {"util", "utils", "helper", "helpers", "manager", "handler", "processor", "base", "misc", "common", "info"}
LONGEST_MODULE = 320
LONGEST_FUNCTION = 45


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each imported module, and the names taken from it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, tuple(alias.name for alias in node.names)


def definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def words_of(name: str) -> set[str]:
    """`HeldItems` and `held_items` alike: held, items."""
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))


def test_the_layers_hold() -> None:
    """Every contract in pyproject.toml is kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [path for path in PACKAGE if "domain" in path.parts], ids=name_of)
def test_the_domain_is_plain_python(path: Path) -> None:
    """It imports the standard library and itself."""
    for module, _ in imports_of(path):
        assert module.split(".")[0] in sys.stdlib_module_names or module.startswith("moderation.domain")


@pytest.mark.parametrize("path", [path for path in PACKAGE if "actions" in path.parts], ids=name_of)
def test_actions_pass_connections_on_and_write_no_sql(path: Path) -> None:
    """All they take from SQLAlchemy are the types that they annotate with."""
    for module, names in imports_of(path):
        if module.startswith("sqlalchemy"):
            assert set(names) <= {"Connection", "Engine"}


def test_only_settings_reads_the_environment() -> None:
    """One module knows the variables; whoever needs a knob is given it."""
    reading = [
        name_of(path)
        for path in PACKAGE
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    ]
    assert reading == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_say_what_things_are(path: Path) -> None:
    """No module, class or function is called after what could be anything."""
    parts = {word for part in path.relative_to(ROOT).with_suffix("").parts for word in words_of(part)}
    assert not parts & BANNED
    named = {node.name: words_of(node.name) & BANNED for node in definitions(path)}
    assert not {name: found for name, found in named.items() if found}


@pytest.mark.parametrize("path", [path for path in MODULES if path.stat().st_size], ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    """With a docstring."""
    assert ast.get_docstring(tree_of(path))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name.startswith("test_")], ids=name_of)
def test_every_test_names_its_rule(path: Path) -> None:
    """A test's docstring says what it guards."""
    silent = [node.name for node in definitions(path) if node.name.startswith("test_") and not ast.get_docstring(node)]
    assert silent == []


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_nothing_grows_too_long(path: Path) -> None:
    """A module fits into one's head, a function on a screen."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE
    for node in definitions(path):
        if not isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_importing_does_nothing(tmp_path: Path) -> None:
    """Every module is imported in an empty folder with a useless environment, and leaves both as they were."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in PACKAGE
        if "migrations" not in path.parts
    ]
    code = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {"PYTHONPATH": str(ROOT), "PORT": "not a number", "MODERATION_VAR": str(empty / "var")}
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=empty, env=environment, check=True)
    assert list(empty.iterdir()) == []


def test_the_service_imports_the_edge_and_the_wiring() -> None:
    """What the layers say of a serving process holds for service.py, as it imports nothing beside these."""
    ours = {module for module, _ in imports_of(ROOT / "service.py")}
    assert ours == {
        "moderation.actions.courier",
        "moderation.actions.upkeep",
        "moderation.assembly",
        "moderation.settings",
        "moderation.web.app",
    }
