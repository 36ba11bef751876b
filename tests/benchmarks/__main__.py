"""`python -m tests.benchmarks [NAME…]`: each file of this folder that measures; all of them without a name."""

import sys

from tests.benchmarks import memory, obfuscation, quality, retraining, speed, youtube
from tests.benchmarks.rows import write_rows

BENCHMARKS = {
    "speed": speed.measure,
    "memory": memory.measure,
    "retraining": retraining.measure,
    "youtube": youtube.measure,
    "obfuscation": obfuscation.measure,
    "quality": quality.measure,
}


def main(names: list[str]) -> None:
    """Runs the benchmarks named, or all."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    for name in names or BENCHMARKS:
        print(f"== {name}")
        write_rows(name, BENCHMARKS[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
