"""What the second reader of the shipped model costs: the time of a comment, the memory of a worker, and load.

The load is that of a blog under spam: nine comments of ten are spam. The service gets it with its reader and without,
in turns, and then comments in doubt alone: these are more than a process can read, so that some are skipped.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter

import httpx
import numpy as np

from benchmarks import data
from benchmarks.installation import Installation
from benchmarks.load import MARK, MISSING, is_installed, write_requests
from benchmarks.memory_growth import UNIT, megabytes
from benchmarks.rows import BUILD, ROOT, Row, at_most, figure, unmeasured
from benchmarks.serve import CLIENTS, FULL, JSON, Plan, Target, server_of, to_json
from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import score
from moderation.training.corpus import read_corpus
from moderation.training.relabelling import Relabelling
from tests.shipped import SHIPPED_MODEL_ID

MAX_READING_MILLISECONDS = 8.0
MAX_MORE_MB = 70.0
MAX_P99_MILLISECONDS = 60.0
BARRED = 8
"""Clients at which the 99th percentile has a bar, as in `serve`."""
SPAM_SHARE = 0.9

_SOURCES = ("sm_popcorn", "sm_archivefever", "sm_yasoob", "sm_fbnlsr", "blog_lemire", "blog_publicomag", "blog_tulloss")
_COMMENTS = 2_000
_POSTED = 500
_SEED = 20_261_130
_ON, _OFF, _FLOOD = "with the reader", "without", "with the reader, each comment in doubt"


def measure(plan: Plan = FULL) -> list[Row]:
    """Measure the shipped model, on real comments if there is a data folder, else on the starter corpus."""
    model = ModelRegistry(ROOT / "models").load(SHIPPED_MODEL_ID)
    if model.second_reader is None or model.alone is None:
        return [unmeasured("the cost of the second reader", model.reader_problem or "the shipped model has none")]
    comments = under_spam()
    doubt = model.second_reader.doubt
    asked = [comment for comment in comments if doubt.contains(score(model.alone, ParsedComment(comment)).logit)]
    milliseconds = []
    for comment in asked:
        parsed = ParsedComment(comment)
        start = perf_counter()
        model.second_reader.read(parsed)
        milliseconds.append(1e3 * (perf_counter() - start))
    late = float(np.quantile(milliseconds, 0.95))
    return [
        figure("comments of a blog under spam that are in doubt", len(asked) / len(comments), "proportion"),
        figure("one comment read, median", float(np.median(milliseconds)), "ms"),
        at_most("one comment read, 95th percentile", late, MAX_READING_MILLISECONDS, "ms"),
        *_services(comments, asked, plan),
    ]


def under_spam() -> list[Comment]:
    """Return real comments of several sources in random order, nine of ten of them spam."""
    folder = data.folder()
    files = [data.STARTER] if folder is None else [folder / f"{source}.csv.gz" for source in _SOURCES]
    corpus = read_corpus(files, print, relabelling=Relabelling.from_file(data.RELABELLED))
    rng = Random(_SEED)
    spam, ham = (
        [comment for comment, is_spam in zip(corpus.comments, corpus.spam, strict=True) if is_spam == label]
        for label in (True, False)
    )
    spams = round(SPAM_SHARE * _COMMENTS)
    return rng.sample([*rng.choices(spam, k=spams), *rng.choices(ham, k=_COMMENTS - spams)], _COMMENTS)


def _services(comments: Sequence[Comment], asked: Sequence[Comment], plan: Plan) -> list[Row]:
    """Measure the memory of a worker and the load, with the reader and without. `asked` are comments in doubt."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as name, ExitStack() as stack:
        folder = Path(name)
        installations = {
            _ON: Installation(folder / "on", workers_number=1),
            _OFF: Installation(folder / "off", workers_number=1, has_reader=False),
        }
        for installation in installations.values():
            installation.folder.mkdir()
            installation.prepare()
            stack.callback(installation.stop)
            installation.start()
            installation.wait_until_ready()
        rows = _memory_rows(installations, comments)
        if not is_installed():
            return [*rows, unmeasured("load with the reader and without", MISSING)]
        return [*rows, *_load_rows(folder, installations, comments, asked, plan)]


def _memory_rows(installations: dict[str, Installation], comments: Sequence[Comment]) -> list[Row]:
    sizes = {}
    for state, installation in installations.items():
        headers = {"Authorization": f"Bearer {installation.key}", **JSON}
        with httpx.Client(base_url=installation.address, headers=headers) as client:
            for comment in comments[:_POSTED]:
                client.post("/v1/score", content=to_json(comment)).raise_for_status()
        (worker,) = installation.workers()
        sizes[state] = megabytes(worker)
    return [
        *[figure(f"a worker after {_POSTED} comments, {state}", size, UNIT) for state, size in sizes.items()],
        at_most(
            f"a worker after {_POSTED} comments, more with the reader", sizes[_ON] - sizes[_OFF], MAX_MORE_MB, UNIT
        ),
    ]


def _load_rows(
    folder: Path, installations: dict[str, Installation], mixed: Sequence[Comment], asked: Sequence[Comment], plan: Plan
) -> list[Row]:
    loads = {_ON: (installations[_ON], mixed), _OFF: (installations[_OFF], mixed), _FLOOD: (installations[_ON], asked)}
    targets, answered, skipped = {}, dict.fromkeys(loads, 0), dict.fromkeys(loads, 0)
    for number, (state, (installation, comments)) in enumerate(loads.items()):
        requests = folder / f"requests-{number}"
        headers = {**JSON, "Authorization": f"Bearer {installation.key}"}
        marked = [replace(comment, text=f"{comment.text} {MARK}".replace("\0", " ")) for comment in comments]
        write_requests(requests, "/v1/score", headers, marked, to_json)
        targets[state] = Target(f"/v1/score {state}", 1, server_of(installation), requests)
        targets[state].run(max(CLIENTS), plan.warm_up_seconds)
        targets[state].figures.clear()
    for _ in range(plan.rounds):
        for clients in CLIENTS:
            for state, target in targets.items():
                before = _count(loads[state][0])
                target.run(clients, plan.seconds)
                after = _count(loads[state][0])
                answered[state] += after[0] - before[0]
                skipped[state] += after[1] - before[1]
    shares = {state: skipped[state] / answered[state] for state in (_ON, _FLOOD)}
    return [
        *[row for state, target in targets.items() for row in _times(state, target)],
        *[figure(f"{state}: skipped, of all comments", share, "proportion") for state, share in shares.items()],
    ]


def _times(state: str, target: Target) -> Iterator[Row]:
    for clients in CLIENTS:
        name, (middle, p99) = f"{state}, {clients} client{'s'[clients == 1 :]}", target.milliseconds(clients)
        yield figure(name, target.per_second(clients), "requests/s")
        yield figure(f"{name}: median", middle, "ms")
        tail = f"{name}: 99th percentile"
        yield at_most(tail, p99, MAX_P99_MILLISECONDS, "ms") if clients == BARRED else figure(tail, p99, "ms")


def _count(installation: Installation) -> tuple[int, int]:
    """Return the numbers of stored decisions, and of the skipped ones among them."""
    with closing(sqlite3.connect(installation.database)) as connection:
        row: tuple[int, int] = connection.execute("SELECT count(*), count(skipped_model) FROM decisions").fetchone()
    return row
