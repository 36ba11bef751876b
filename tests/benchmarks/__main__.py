"""`python -m tests.benchmarks [NAME…]`: what this folder measures; without a name all but what says otherwise."""

import sys

from tests.benchmarks import budget, memory, obfuscation, quality, registers, retraining, speed, youtube
from tests.benchmarks.peers import comparison
from tests.benchmarks.rows import write_rows

BENCHMARKS = {
    "speed": speed.measure,
    "memory": memory.measure,
    "retraining": retraining.measure,
    "budget": budget.measure,
    "youtube": youtube.measure,
    "registers": registers.measure,
    "obfuscation": obfuscation.measure,
    "quality": quality.measure,
    "peers": comparison.measure,
}

ONLY_BY_NAME = ("peers",)
"""They install what the project does not need, and take long."""


def main(names: list[str]) -> None:
    """Runs the benchmarks named, or all but those that run only by name."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    for name in names or (name for name in BENCHMARKS if name not in ONLY_BY_NAME):
        print(f"== {name}")
        write_rows(name, BENCHMARKS[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
