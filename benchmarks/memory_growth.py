"""The memory of a process that only scores, and of a worker that is posted to, over many diverse comments.

Both are without a second reader, which `reader_cost` measures.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import httpx

from benchmarks.comments import diverse_comments
from benchmarks.installation import Installation
from benchmarks.rows import ROOT, Row, at_most, at_most_ratio
from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import score
from tests.shipped import SHIPPED_MODEL_ID

MAX_WORKER_MB = 80
MAX_GROWTH = 1.1
"""Largest memory after more than `WARM_UP` comments, divided by that after `WARM_UP`."""
UNIT = "MB of proportional memory"

WARM_UP = 2_000
COMMENTS = 50_000
_STEP = 5_000
_CLIENTS = 4
_Sent = TypeVar("_Sent")
_SCORE_FROM_INPUT = "from benchmarks.memory_growth import score_from_input; score_from_input()"


def measure() -> list[Row]:
    """Measure both over `COMMENTS` comments."""
    posting = _sizes_of_posting()
    return [
        _growth("scoring", _sizes_of_scoring()),
        _growth("a worker that is posted to", posting),
        at_most(f"a worker after {COMMENTS:,} comments", posting[-1], MAX_WORKER_MB, UNIT),
    ]


def megabytes(process_id: int) -> float:
    """Return the proportional memory of a process in MB."""
    lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def score_from_input() -> None:
    """Score the comments of the standard input, and print the memory of this process as in `_sizes`."""
    shipped = ModelRegistry(ROOT / "models").load(SHIPPED_MODEL_ID)
    model = shipped.alone or shipped

    def score_all(lines: Iterator[str]) -> None:
        for line in lines:
            score(model, ParsedComment(Comment(**json.loads(line))))

    print(json.dumps(_sizes(score_all, sys.stdin, os.getpid())))


def _sizes_of_scoring() -> list[float]:
    # The comments are invented here: their vocabulary is no memory of the scoring process.
    with subprocess.Popen(
        [sys.executable, "-c", _SCORE_FROM_INPUT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        output, _ = process.communicate("".join(f"{json.dumps(fields)}\n" for fields in diverse_comments(COMMENTS)))
    sizes: list[float] = json.loads(output)
    return sizes


def _sizes_of_posting() -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), workers_number=1, has_reader=False)
        installation.prepare()
        try:
            installation.restart()
            return _post_all(installation)
        finally:
            installation.stop()


def _post_all(installation: Installation) -> list[float]:
    (worker,) = installation.workers()
    headers = {"Authorization": f"Bearer {installation.key}"}
    with (
        httpx.Client(base_url=installation.address, headers=headers) as client,
        ThreadPoolExecutor(_CLIENTS) as threads,
    ):

        def post(fields: dict[str, str]) -> None:
            client.post("/v1/score", json=fields).raise_for_status()

        def post_all(comments: Iterator[dict[str, str]]) -> None:
            for _ in threads.map(post, comments):
                pass

        return _sizes(post_all, diverse_comments(COMMENTS), worker)


def _sizes(send: Callable[[Iterator[_Sent]], None], comments: Iterator[_Sent], process_id: int) -> list[float]:
    """Return the memory of a process in MB after `WARM_UP` comments, and after each further `_STEP`."""
    sizes, sent = [], 0
    for count in (WARM_UP, *range(_STEP, COMMENTS + 1, _STEP)):
        send(islice(comments, count - sent))
        sent = count
        sizes.append(megabytes(process_id))
    return sizes


def _growth(name: str, sizes: list[float]) -> Row:
    first, *later = sizes
    print(f"{name}: {', '.join(f'{size:.1f}' for size in sizes)} MB")
    return at_most_ratio(
        f"{name}: memory over {COMMENTS:,} comments",
        max(later),
        UNIT,
        baseline=f"after {WARM_UP:,}",
        baseline_value=first,
        max_ratio=MAX_GROWTH,
    )
