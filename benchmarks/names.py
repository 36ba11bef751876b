"""The inventory of the package: modules with their lines, public classes and public functions.

`python -m benchmarks.names --retired FILE` also looks for names that must not come back. Each line of the file is one
name; a `#` starts a comment. `name` matches a module, class, function, method, attribute, constant or stored code.
`Class.name` matches only a member of the class, and `folder/file.py` only a file.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.rows import ROOT, Row, at_most, figure, unmeasured, write_rows

MAX_MODULES = 110
MAX_MODULE_LINES = 320

PACKAGE = ROOT / "moderation"
_MIGRATIONS = "storage/migrations/"
# Reason codes, columns and JSON fields are strings. A plain word in quotes is more often a word of a list.
_CODE = re.compile(r"[A-Z][A-Z0-9_]{3,}|[a-z]+(?:_[a-z]+)+")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a module defines: `qualified` is `Class.member` or the name itself."""

    kind: str
    qualified: str
    line: int

    @property
    def last(self) -> str:
        """The name without its class."""
        return self.qualified.rpartition(".")[2]

    @property
    def is_public(self) -> bool:
        """Whether no part of the name begins with an underscore."""
        return not any(part.startswith("_") for part in self.qualified.split("."))


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the package; a file that is not Python defines no names."""

    path: str
    lines: int
    names: Sequence[Name] = ()

    @property
    def is_counted(self) -> bool:
        """Whether it is a Python module, but no `__init__` and no migration."""
        is_module = self.path.endswith(".py") and not self.path.endswith("__init__.py")
        return is_module and not self.path.startswith(_MIGRATIONS)

    def public(self, kind: str) -> list[str]:
        """Return the qualified public names of a kind."""
        return [name.qualified for name in self.names if name.kind == kind and name.is_public]


def read_package(package: Path = PACKAGE) -> list[Module]:
    """Return all files of a package, sorted by path."""
    paths = [path for path in sorted(package.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return [_read_module(path.relative_to(package).as_posix(), path) for path in paths]


def _read_module(name: str, path: Path) -> Module:
    content = path.read_bytes()
    names = _defined(ast.parse(content)) if path.suffix == ".py" else ()
    return Module(name, content.count(b"\n"), list(names))


def _defined(tree: ast.Module) -> Iterator[Name]:
    yield from _members(tree, "")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
            yield Name("code", node.value, node.lineno)


def _members(owner: ast.Module | ast.ClassDef, prefix: str) -> Iterator[Name]:
    """Yield the names that a module or class defines, those of its classes included."""
    function, variable = ("method", "attribute") if prefix else ("function", "constant")
    for node in owner.body:
        if isinstance(node, ast.ClassDef):
            yield Name("class", f"{prefix}{node.name}", node.lineno)
            yield from _members(node, f"{prefix}{node.name}.")
        elif isinstance(node, Function):
            yield Name(function, f"{prefix}{node.name}", node.lineno)
            if node.name == "__init__":
                yield from _instance_attributes(node, prefix)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (Name(variable, f"{prefix}{target}", node.lineno) for target in _target_names(targets))


def _target_names(targets: Sequence[ast.expr]) -> Iterator[str]:
    for target in targets:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def _instance_attributes(init: Function, prefix: str) -> Iterator[Name]:
    for node in ast.walk(init):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield Name("attribute", f"{prefix}{node.attr}", node.lineno)


def read_retired(path: Path) -> list[str]:
    """Return the names in a file, without comments and empty lines."""
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def find_retired(modules: Sequence[Module], retired: Sequence[str]) -> list[str]:
    """Return `file:line: kind name` for each retired name, and the path of each retired file."""
    exact = set(retired)
    files = [module.path for module in modules if any(f"/{module.path}".endswith(f"/{name}") for name in retired)]
    stems = [f"{module.path}: module" for module in modules if Path(module.path).stem in exact]
    names = [
        f"{module.path}:{name.line}: {name.kind} {name.qualified}"
        for module in modules
        for name in module.names
        if name.qualified in exact or name.last in exact
    ]
    return sorted([*files, *stems, *names])


def measure(retired: Path | None = None) -> list[Row]:
    """Print the inventory. Returns the number of modules, the longest, and the number of retired names found."""
    modules = read_package()
    counted = [module for module in modules if module.is_counted]
    for module in counted:
        print(f"{module.lines:4} {module.path}: {', '.join([*module.public('class'), *module.public('function')])}")
    longest = max(counted, key=lambda module: module.lines)
    return [
        at_most("modules, without __init__ and migrations", len(counted), MAX_MODULES, "modules"),
        at_most(f"longest module: {longest.path}", longest.lines, MAX_MODULE_LINES, "lines"),
        figure("lines of these modules", sum(module.lines for module in counted), "lines"),
        figure("public classes", sum(len(module.public("class")) for module in counted), "classes"),
        figure("public functions", sum(len(module.public("function")) for module in counted), "functions"),
        _retired_row(modules, retired),
    ]


def _retired_row(modules: Sequence[Module], retired: Path | None) -> Row:
    if retired is None:
        return unmeasured("retired names", "no list is given; see python -m benchmarks.names --help")
    matches = find_retired(modules, read_retired(retired))
    print("\n".join(["Retired names:", *matches]))
    return at_most("retired names", len(matches), 0, "places")


@click.command(help="List the modules and public names of the package, and write the rows of `make bench-names`.")
@click.option(
    "--retired",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of names that must not occur, one on each line.",
)
def main(retired: Path | None) -> None:
    """Measure and write the rows."""
    command = f"python -m benchmarks.names --retired {retired}" if retired else None
    write_rows("names", measure(retired), command)


if __name__ == "__main__":
    main()
