"""The page of figures: the rows that the benchmarks wrote into `build/bench` of this checkout."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

_COLUMNS = ("figure", "value", "against", "ratio", "bar", "holds")
_VERDICTS = {True: "yes", False: "**no**", None: ""}

_TOP = """# Figures

The benchmarks write their rows into `build/bench` of a checkout. This page shows the rows that were there when it was
built. [Quality](quality.md) explains the figures on spam and ham, and
[Contributing](project/CONTRIBUTING.md) the benchmarks.
"""


def figures_page(folder: Path, benchmarks: Iterable[str]) -> str:
    """Return the page of the rows in a folder. It also names the benchmarks without rows, as some that did not run."""
    parts = [_TOP]
    measured = {path.stem: path for path in sorted(folder.glob("*.json"))}
    if not measured:
        parts.append("No benchmark has run in this checkout. `make bench` runs them.\n")
    parts += [_section(name, path) for name, path in measured.items()]
    missing = [name for name in sorted(benchmarks) if name not in measured]
    if missing:
        commands = "\n".join(f"- `make bench-{name}`" for name in missing)
        parts.append(f"## Not run here\n\nThe checkout has no rows of these benchmarks:\n\n{commands}\n")
    return "\n".join(parts)


def _section(name: str, path: Path) -> str:
    title = f"## {name.replace('_', ' ').replace('-', ' ')}\n"
    rows = _read(path)
    if rows is None:
        return f"{title}\nThe file has no rows that can be read. Run the benchmark again.\n"
    runs = sorted({(str(row.get("command", "")), str(row.get("commit", ""))) for row in rows})
    origins = "\n".join(f"- {_cell(command)}, commit {_cell(commit)}" for command, commit in runs)
    header = f"| {' | '.join(_COLUMNS)} |\n|---|--:|---|--:|---|---|\n"
    return f"{title}\n{header}{''.join(map(_row, rows))}\nMeasured by:\n\n{origins}\n"


def _read(path: Path) -> list[Mapping[str, Any]] | None:
    try:
        rows = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None
    is_table = isinstance(rows, list) and rows and all(isinstance(row, dict) and "name" in row for row in rows)
    return rows if is_table else None


def _row(row: Mapping[str, Any]) -> str:
    value = row.get("value")
    unit = str(row.get("unit", ""))
    measured = unit if value is None else f"{_number(value)} {unit}"
    ratio = "" if row.get("ratio") is None else _number(row["ratio"])
    cells = [row["name"], measured, row.get("against", ""), ratio, row.get("bar", "")]
    return f"| {' | '.join(_cell(str(cell)) for cell in cells)} | {_VERDICTS.get(row.get('holds'), '')} |\n"


def _number(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) else str(value)


def _cell(text: str) -> str:
    """Return a text that neither ends its cell nor is markup."""
    shown = escape(" ".join(text.split()), quote=False)
    for character in "\\`*_[]|":
        shown = shown.replace(character, f"&#{ord(character)};")
    return shown
