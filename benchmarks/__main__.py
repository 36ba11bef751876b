"""`python -m benchmarks [NAME…]`: run the named benchmarks, or all but `ONLY_BY_NAME`."""

import sys

from benchmarks import (
    budget,
    memory,
    mutants,
    names,
    obfuscation,
    path,
    quality,
    registers,
    retraining,
    speed,
    youtube,
)
from benchmarks.peers import comparison
from benchmarks.rows import write_rows

BENCHMARKS = {
    "speed": speed.measure,
    "memory": memory.measure,
    "path": path.measure,
    "names": names.measure,
    "retraining": retraining.measure,
    "budget": budget.measure,
    "youtube": youtube.measure,
    "registers": registers.measure,
    "obfuscation": obfuscation.measure,
    "quality": quality.measure,
    "peers": comparison.measure,
    "mutants": mutants.measure,
}
# The first installs other filters, the second runs the tests: both take long.
ONLY_BY_NAME = ("peers", "mutants")


def main(selected: list[str]) -> None:
    """Run the benchmarks in the order given."""
    unknown = [name for name in selected if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"Unknown benchmark: {', '.join(unknown)}. Choose from: {', '.join(BENCHMARKS)}.")
    for name in selected or [name for name in BENCHMARKS if name not in ONLY_BY_NAME]:
        print(f"== {name}")
        write_rows(name, BENCHMARKS[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
