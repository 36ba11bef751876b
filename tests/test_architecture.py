"""The shape of the code: layers, names, docstrings, sizes, and what an import may do."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.shipped import SHIPPED_MODEL_ID

ROOT = Path(__file__).parent.parent
PACKAGE = sorted((ROOT / "moderation").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MODULES = [*PACKAGE, ROOT / "service.py", *TESTS]
VAGUE_WORDS = {
    "util",
    "utils",
    "helper",
    "helpers",
    "manager",
    "handler",
    "processor",
    "base",
    "misc",
    "common",
    "info",
}
MAX_MODULES = 389
MAX_MODULE_LINES = 320
MAX_FUNCTION_LINES = 45


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def in_folder(folder: str) -> list[Path]:
    return [path for path in PACKAGE if path.is_relative_to(ROOT / "moderation" / folder)]


def imports_of(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each imported module, and the names taken from it."""
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
    """Split a name: `HeldItems` and `held_items` are both held, items."""
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))


def test_the_layers_hold() -> None:
    """Every contract of import-linter in pyproject.toml is kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_domain_is_plain_python() -> None:
    """It imports the standard library and itself."""
    foreign = [
        f"{name_of(path)}: {module}"
        for path in in_folder("domain")
        for module, _ in imports_of(path)
        if module.split(".")[0] not in sys.stdlib_module_names and not module.startswith("moderation.domain")
    ]
    assert foreign == []


def test_actions_write_no_sql() -> None:
    """They take from SQLAlchemy nothing but the types for their annotations."""
    taken = [
        f"{name_of(path)}: {', '.join(names) or module}"
        for path in in_folder("actions")
        for module, names in imports_of(path)
        if module.startswith("sqlalchemy") and not (names and set(names) <= {"Connection", "Engine"})
    ]
    assert taken == []


def test_only_settings_reads_the_environment() -> None:
    """Every other module is given its settings. The settings themselves read them through pydantic."""
    readers = [
        name_of(path)
        for path in PACKAGE
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    ]
    assert readers == []


def test_no_name_is_vague() -> None:
    """No module, class or function has a name that would fit any other."""
    vague = [
        f"{name_of(path)}: {name}"
        for path in MODULES
        for name in (*path.relative_to(ROOT).with_suffix("").parts, *(node.name for node in definitions(path)))
        if words_of(name) & VAGUE_WORDS
    ]
    assert vague == []


def test_every_module_and_every_test_has_a_docstring() -> None:
    """Ruff asks for the other docstrings; the small parts of a test need none."""
    silent = [name_of(path) for path in MODULES if path.stat().st_size and not ast.get_docstring(tree_of(path))]
    silent += [
        f"{name_of(path)}: {node.name}"
        for path in TESTS
        for node in definitions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_modules_and_functions_stay_short() -> None:
    """Limits on the lines of a module and of a function."""
    long = [
        f"{name_of(path)}: {lines} lines"
        for path in PACKAGE
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_MODULE_LINES
    ]
    long += [
        f"{name_of(path)}: {node.name}: {lines} lines"
        for path in PACKAGE
        for node in definitions(path)
        if not isinstance(node, ast.ClassDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_the_package_has_few_modules() -> None:
    """A limit on the modules that hold code; migrations only ever grow in number."""
    counted = [path for path in PACKAGE if path.name != "__init__.py" and "migrations" not in path.parts]
    assert len(counted) <= MAX_MODULES


def test_importing_does_nothing(tmp_path: Path) -> None:
    """Every module is imported in an empty folder with a useless environment, and leaves both as they were.

    `moderation.wsgi` is exempt: a WSGI server imports it to open the service. Alembic alone loads the migrations.
    """
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in PACKAGE
        if "migrations" not in path.parts and path != ROOT / "moderation" / "wsgi.py"
    ]
    code = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {"PYTHONPATH": str(ROOT), "PORT": "not a number", "MODERATION_VAR": str(empty / "var")}
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=empty, env=environment, check=True)
    assert list(empty.iterdir()) == []


def test_service_py_only_re_exports_the_application() -> None:
    """So the layers' contracts on `moderation.wsgi` hold for a server that is pointed at `service:app`."""
    docstring, *statements = tree_of(ROOT / "service.py").body
    assert isinstance(docstring, ast.Expr)
    assert [ast.unparse(line) for line in statements] == ["from moderation.wsgi import app", "__all__ = ['app']"]


def test_the_wheel_carries_the_shipped_model() -> None:
    """pyproject.toml names this checkout's default model and no other file outside the package but written comments."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    written = ["data/starter.csv", "data/composed"]
    assert wheel["only-include"] == ["moderation", f"models/{SHIPPED_MODEL_ID}", *written]


def test_only_the_edges_read_the_wall_clock() -> None:
    """All others are given a clock or wait by the monotonic one, so that a clock set back prolongs no wait."""
    wall_clock = re.compile(r"\btime\.time\(|\bfrom time import [^\n]*\btime\b|\.(?:now|utcnow|today)\(")
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "moderation").rglob("*.py"))
        if wall_clock.search(path.read_text("utf-8")) and "cli" not in path.parts
    ]
    assert found == ["moderation/wiring.py"]
