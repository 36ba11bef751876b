"""What a serving worker holds in memory and in `sys.modules`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.rows import ROOT, Row, at_most

_SCRIPT = """
import json, sys
import service
client = service.app.test_client()
client.get("/readyz")
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"sklearn", "pandas", "alembic", "rich"})
rollup = open("/proc/self/smaps_rollup").read().splitlines()
print(json.dumps({"heavy": heavy, "pss": next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))}))
"""


def measure() -> list[Row]:
    """Proportional memory of a process that has imported `service` and answered a request with the model loaded."""
    if not Path("/proc/self/smaps_rollup").exists():
        return [Row("memory of a worker", None, "this system does not tell proportional memory")]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"MODERATION_VAR": folder}
        subprocess.run(
            [sys.executable, "-m", "moderation", "init"], cwd=ROOT, env=environment, check=True, capture_output=True
        )
        found = subprocess.run(
            [sys.executable, "-c", _SCRIPT], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        )
    answer = json.loads(found.stdout.splitlines()[-1])
    return [
        at_most("a worker that has answered", answer["pss"] / 1024, 80, "MB of proportional memory"),
        at_most("scikit-learn, pandas, Alembic or rich in a worker", len(answer["heavy"]), 0, "packages"),
    ]
