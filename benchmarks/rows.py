"""The rows that every benchmark writes, one for each figure."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a benchmark, and the bar that it should keep.

    `against` names the baseline and its figure; `ratio` is `value` divided by that figure. `holds` says whether the
    bar is kept. It is `None` for a figure without a bar, and for one that was not measured: then `value` is `None`
    and `unit` gives the reason.
    """

    name: str
    value: float | None
    unit: str
    against: str = ""
    ratio: float | None = None
    bar: str = ""
    holds: bool | None = None


def figure(name: str, value: float, unit: str) -> Row:
    """Return a row without a bar."""
    return Row(name, round(value, 6), unit)


def at_most(name: str, value: float, bar: float, unit: str) -> Row:
    """Return a row that holds up to its bar."""
    return Row(name, round(value, 6), unit, bar=f"at most {bar:g}", holds=value <= bar)


def at_least(name: str, value: float, bar: float, unit: str) -> Row:
    """Return a row that holds from its bar on."""
    return Row(name, round(value, 6), unit, bar=f"at least {bar:g}", holds=value >= bar)


def at_most_ratio(name: str, value: float, unit: str, *, baseline: str, baseline_value: float, max_ratio: float) -> Row:
    """Return a row that holds up to `max_ratio` times the baseline's value in the same unit."""
    ratio = value / baseline_value
    return _compared(name, value, unit, baseline, baseline_value, f"ratio at most {max_ratio:g}", ratio <= max_ratio)


def at_least_ratio(
    name: str, value: float, unit: str, *, baseline: str, baseline_value: float, min_ratio: float
) -> Row:
    """Return a row that holds from `min_ratio` times the baseline's value in the same unit on."""
    ratio = value / baseline_value
    return _compared(name, value, unit, baseline, baseline_value, f"ratio at least {min_ratio:g}", ratio >= min_ratio)


def _compared(name: str, value: float, unit: str, baseline: str, baseline_value: float, bar: str, holds: bool) -> Row:
    against, ratio = f"{baseline}: {baseline_value:.4g} {unit}", round(value / baseline_value, 4)
    return Row(name, round(value, 6), unit, against, ratio, bar, holds)


def unmeasured(name: str, reason: str) -> Row:
    """Return the row of a figure that could not be measured."""
    return Row(name, None, f"not measured here: {reason}")


def write_rows(benchmark: str, rows: Sequence[Row], command: str | None = None) -> None:
    """Write `build/bench/<benchmark>.json` and print the rows as a table.

    `command` is the shell command that measures them again, `make bench-<benchmark>` by default.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    origin = {"command": command or f"make bench-{benchmark}", "commit": _commit()}
    content = json.dumps([asdict(row) | origin for row in rows], indent=1)
    (BUILD / f"{benchmark}.json").write_text(f"{content}\n", "utf-8")
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        print(f"{row.name:{width}}  {_described(row)}")


def _described(row: Row) -> str:
    if row.value is None:
        return row.unit
    against = f"(against {row.against})" if row.against else ""
    ratio = "" if row.ratio is None else f"ratio {row.ratio:g}"
    verdict = {True: "holds", False: "FALLS SHORT", None: ""}[row.holds]
    return "  ".join(part for part in (f"{row.value:>10g} {row.unit}", ratio, against, row.bar, verdict) if part)


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
