"""The rows that a benchmark writes: one for each figure that was promised."""

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `ratio` is `value` over `against`; `bar` is what it should keep, `holds` whether it does.

    `holds` is `None` where it was not measured; `value` then is `None` and `unit` says why.
    """

    name: str
    value: float | None
    unit: str
    bar: str = ""
    holds: bool | None = None
    against: str = ""
    ratio: float | None = None


def at_most(name: str, value: float, bar: float, unit: str) -> Row:
    """A figure that should not exceed its bar."""
    return Row(name, round(value, 6), unit, f"at most {bar:g}", value <= bar)


def at_least(name: str, value: float, bar: float, unit: str) -> Row:
    """A figure that should reach its bar."""
    return Row(name, round(value, 6), unit, f"at least {bar:g}", value >= bar)


def write_rows(benchmark: str, rows: list[Row]) -> None:
    """Writes `build/bench/<benchmark>.json` and prints a table."""
    BUILD.mkdir(parents=True, exist_ok=True)
    command, commit = f"make bench-{benchmark}", _commit()
    complete = [asdict(row) | {"command": command, "commit": commit} for row in rows]
    (BUILD / f"{benchmark}.json").write_text(json.dumps(complete, indent=1) + "\n", "utf-8")
    width = max(len(row.name) for row in rows)
    for row in rows:
        mark = {True: "holds", False: "FALLS SHORT", None: ""}[row.holds]
        value = "not measured" if row.value is None else f"{row.value:g}"
        print(f"{row.name:{width}}  {value:>10} {row.unit}  {row.bar}  {mark}")


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"
