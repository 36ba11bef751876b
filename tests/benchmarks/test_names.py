"""The inventory of names."""

from pathlib import Path

import pytest

from benchmarks.names import Module, find_retired, read_package, read_retired

SOURCE = '''"""A module."""

from dataclasses import dataclass

LIMIT, _HIDDEN = 1, 2


@dataclass
class Shelf:
    size: int

    def __init__(self) -> None:
        self.items = ["ON_TAG"]

    def lift(self) -> None: ...


def reach() -> str:
    local = "a word"
    return local
'''


@pytest.fixture
def modules(tmp_path: Path) -> list[Module]:
    """Return a package of one module in a folder, an `__init__`, a migration and a template."""
    files = {
        "__init__.py": "",
        "room/memory.py": SOURCE,
        "storage/migrations/0001_first.py": "def upgrade() -> None: ...\n",
        "told.html": "<p>\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    return read_package(tmp_path)


def test_all_files_are_read_and_some_are_counted(modules: list[Module]) -> None:
    """Neither an `__init__`, nor a migration, nor a template counts as a module."""
    assert [module.path for module in modules if module.is_counted] == ["room/memory.py"]
    assert len(modules) == 4


def test_public_names_are_listed_by_kind(modules: list[Module]) -> None:
    """Private names and local variables are not listed."""
    (module,) = (module for module in modules if module.is_counted)
    assert module.lines == SOURCE.count("\n")
    assert {kind: module.public(kind) for kind in ("class", "function", "method", "attribute", "constant")} == {
        "class": ["Shelf"],
        "function": ["reach"],
        "method": ["Shelf.lift"],
        "attribute": ["Shelf.size", "Shelf.items"],
        "constant": ["LIMIT"],
    }


@pytest.mark.parametrize(
    ("retired", "place"),
    [
        ("memory", "room/memory.py: module"),
        ("memory.py", "room/memory.py"),
        ("room/memory.py", "room/memory.py"),
        ("told.html", "told.html"),
        ("Shelf", "room/memory.py:9: class Shelf"),
        ("lift", "room/memory.py:15: method Shelf.lift"),
        ("Shelf.items", "room/memory.py:13: attribute Shelf.items"),
        ("_HIDDEN", "room/memory.py:5: constant _HIDDEN"),
        ("ON_TAG", "room/memory.py:13: code ON_TAG"),
    ],
)
def test_a_retired_name_is_found(modules: list[Module], retired: str, place: str) -> None:
    """Each kind of name is reported with its place."""
    assert find_retired(modules, [retired]) == [place]


@pytest.mark.parametrize("retired", ["ory.py", "Other.items", "local", "Shel"])
def test_other_names_are_not_found(modules: list[Module], retired: str) -> None:
    """A part of a name, a member of another class and a local variable do not match."""
    assert find_retired(modules, [retired]) == []


def test_a_list_may_have_comments(tmp_path: Path) -> None:
    """Comments and empty lines are no names."""
    path = tmp_path / "retired.txt"
    path.write_text("# Names\n\nShelf  # of models\nmemory.py\n", "utf-8")
    assert read_retired(path) == ["Shelf", "memory.py"]
