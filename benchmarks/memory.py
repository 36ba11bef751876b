"""The memory of a serving worker, also over many comments, and the heavy packages that it has imported."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import memory_growth
from benchmarks.installation import Installation
from benchmarks.memory_growth import MAX_WORKER_MB, UNIT
from benchmarks.rows import ROOT, Row, at_most, unmeasured

HEAVY_PACKAGES = ("alembic", "matplotlib", "pandas", "scipy", "sklearn")

_SCRIPT = f"""
import json, sys
import service
client = service.app.test_client()
client.get("/readyz")
heavy = sorted({{name.split(".")[0] for name in sys.modules}} & set({HEAVY_PACKAGES}))
rollup = open("/proc/self/smaps_rollup").read().splitlines()
print(json.dumps({{"heavy": heavy, "pss": next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))}}))
"""


def measure() -> list[Row]:
    """Measure a process that has answered a request, and the growth of memory over many comments."""
    if not Path("/proc/self/smaps_rollup").exists():
        return [unmeasured("memory of a worker", "this system does not report proportional memory")]
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), has_reader=False)
        installation.prepare()
        environment = installation.environment
        process = subprocess.run(
            [sys.executable, "-c", _SCRIPT], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        )
    answer = json.loads(process.stdout.splitlines()[-1])
    heavy = ", ".join(answer["heavy"]) or "none"
    return [
        at_most("a worker that has answered", answer["pss"] / 1024, MAX_WORKER_MB, UNIT),
        at_most(f"{', '.join(HEAVY_PACKAGES)} in a worker", len(answer["heavy"]), 0, f"packages ({heavy})"),
        *memory_growth.measure(),
    ]
