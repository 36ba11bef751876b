"""A service with many stored decisions beside one with few: they must answer equally fast and need as much memory."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

import httpx
from sqlalchemy import Connection, Table, create_engine, insert

from benchmarks.installation import Installation
from benchmarks.rows import Row, at_most_ratio
from moderation.domain.decision import Reason
from moderation.settings import Settings
from moderation.storage.packed_reasons import pack_reasons
from moderation.storage.tables import comments, decisions, labels, queue_items, sites
from moderation.wiring import prepare
from tests.e2e.pages import Page
from tests.shipped import SHIPPED_MODEL_ID

FEW_DECISIONS, MANY_DECISIONS = 1_000, 2_000_000
FEW_SITES, MANY_SITES = 1, 1_000
MAX_RATIO = 1.3
TABLES = (comments, decisions, queue_items, labels)
"""The tables of the history, in the order in which their rows may be stored."""
YEARS = timedelta(days=730)
"""The time over which the history is spread evenly."""

_SEED = 19
_CHUNK = 5_000
_WARM_UP_REQUESTS = 20
_SHARE_OF_FIRST_SITE = 0.1
_HELD_EVERY, _LABELLED_EVERY = 10, 50
_SHARE_STILL_OPEN = 0.05
"""Part of the history, its end, whose held comments still wait."""
_MIN_OPEN_ITEMS = 60
"""More than a page, so that both queues fill one."""
_SYLLABLES = ("ba", "der", "ko", "lin", "mu", "nes", "pi", "rou", "sta", "tem", "vo", "zar", "che", "wi", "gra")
_WORDS = ["".join(syllables) for syllables in product(_SYLLABLES, repeat=3)]
"""Enough words that two texts are similar as rarely as real ones."""


def measure() -> list[Row]:
    """Fill two installations, serve both, and let them take turns."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        few, many = (Installation(Path(folder) / name, workers_number=1) for name in ("few", "many"))
        _fill(few, FEW_DECISIONS, FEW_SITES)
        start = perf_counter()
        _fill(many, MANY_DECISIONS, MANY_SITES)
        print(f"filled in {perf_counter() - start:.0f} s: {many.database.stat().st_size / 1e9:.2f} GB")
        clients = []
        for installation in (few, many):
            stack.callback(installation.stop)
            installation.start()
            installation.wait_until_ready()
            clients.append(stack.enter_context(signed_in(installation)))
        rows = [
            _compared(name, *map(median, alternate(request, clients, count)), "ms")
            for name, request, count in _REQUESTS
        ]
        rows.append(_compared("memory of the worker", *map(_megabytes, (few, many)), "MB"))
        return rows


def _compared(name: str, few: float, many: float, unit: str) -> Row:
    return at_most_ratio(
        f"{name}, {MANY_DECISIONS:,} decisions and {MANY_SITES:,} sites",
        many,
        unit,
        baseline=f"{FEW_DECISIONS:,} decisions",
        baseline_value=few,
        max_ratio=MAX_RATIO,
    )


def alternate(
    request: Callable[[httpx.Client, int], httpx.Response], clients: Sequence[httpx.Client], count: int
) -> list[list[float]]:
    """Return for each client the milliseconds of its requests. The clients take turns."""
    times: list[list[float]] = [[] for _ in clients]
    for number in range(count + _WARM_UP_REQUESTS):
        for client, measured in zip(clients, times, strict=True):
            start = perf_counter()
            request(client, number).raise_for_status()
            measured.append(1e3 * (perf_counter() - start))
    return [measured[_WARM_UP_REQUESTS:] for measured in times]


def score(client: httpx.Client, number: int) -> httpx.Response:
    """Have a comment scored, another one for each number."""
    random = Random(number)
    return client.post("/v1/score", json={"text": _text(random), "author": "Ann", "email": f"ann{number}@mail.example"})


def _queue_page(client: httpx.Client, _: int) -> httpx.Response:
    return client.get("/queue")


def _metrics(client: httpx.Client, _: int) -> httpx.Response:
    return client.get("/metrics")


_REQUESTS = (("score", score, 400), ("queue page", _queue_page, 40), ("metrics scrape", _metrics, 100))


@contextmanager
def signed_in(installation: Installation) -> Iterator[httpx.Client]:
    """Yield a client with the key of the site and the session of the moderator."""
    headers = {"Authorization": f"Bearer {installation.key}"}
    with httpx.Client(base_url=installation.address, headers=headers, timeout=60, follow_redirects=True) as client:
        form = Page(client.get("/queue/sign-in").text).form("password")
        fields = form.fields | {"name": "moderator", "password": installation.password}
        client.post(form.action or "/queue/sign-in", data=fields).raise_for_status()
        yield client


def _megabytes(installation: Installation) -> float:
    """Return the proportional memory of the worker."""
    (worker,) = installation.workers()
    lines = Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _fill(installation: Installation, decision_count: int, site_count: int) -> None:
    """Store a history, the same in every run: a tenth of it at the site that will send comments."""
    installation.prepare()
    engine = create_engine(f"sqlite:///{installation.database}")
    with engine.connect() as connection:
        # A power cut would only cost a measurement.
        connection.exec_driver_sql("PRAGMA synchronous = OFF")
        connection.exec_driver_sql("PRAGMA cache_size = -500000")
        store_history(connection, decision_count, site_count)
        connection.commit()
    engine.dispose()
    # Or the first requests wait for the disk, which still writes gigabytes.
    os.sync()
    # As after an upgrade: the labelled comments are indexed for the search for similar ones.
    prepare(Settings(var=installation.var, models=installation.registry.folder, database_url="")).engine.dispose()


def store_history(connection: Connection, decision_count: int, site_count: int) -> None:
    """Store the sites but the first, and the history of all."""
    now = datetime.now(UTC)
    others = [{"url": f"https://blog{number}.example", "created_at": now} for number in range(2, site_count + 1)]
    if others:
        connection.execute(insert(sites), others)
    rows = _history(Random(_SEED), decision_count, site_count)
    while chunk := list(islice(rows, _CHUNK)):
        for table in TABLES:
            values = [row[table] for row in chunk if table in row]
            if values:
                connection.execute(insert(table), values)


def _history(random: Random, decision_count: int, site_count: int) -> Iterator[dict[Table, dict[str, Any]]]:
    """Yield the rows of one decision after the other, over the last two years, by table."""
    now, step = datetime.now(UTC), YEARS / decision_count
    open_from = decision_count - max(int(decision_count * _SHARE_STILL_OPEN), 10 * _MIN_OPEN_ITEMS)
    reasons = pack_reasons(Reason(code, 1.5) for code in ("BARGAIN", "LINK_HYPHENS", "WORDING"))
    for number in range(1, decision_count + 1):
        at, text = now - (decision_count - number + 1) * step, _text(random)
        site_id = 1 if random.random() < _SHARE_OF_FIRST_SITE else random.randint(1, site_count)
        held, decision_id = number % _HELD_EVERY == 0, f"{random.getrandbits(128):032x}"
        rows: dict[Table, dict[str, Any]] = {
            comments: {
                "id": number,
                "site_id": site_id,
                "content_hash": sha256(text.encode()).digest()[:16],
                "text": text,
                "author": "Ann",
                "received_at": at,
            },
            decisions: {
                "id": decision_id,
                "site_id": site_id,
                "comment_id": number,
                "probability": 0.7 if held else 0.1,
                "logit": 0.85 if held else -2.2,
                "bias": -6.7,
                "reasons": reasons,
                "model": SHIPPED_MODEL_ID,
                "review_threshold": 0.6,
                "spam_threshold": 0.99,
                "discard_threshold": 1.0,
                "verdict": "review" if held else "publish",
                "degraded": False,
                "channel": "api",
                "decided_at": at,
                "label_id": number // _LABELLED_EVERY if number % _LABELLED_EVERY == 0 else None,
            },
        }
        if held:
            closed = None if number > open_from else at
            rows[queue_items] = {"decision_id": decision_id, "site_id": site_id, "opened_at": at, "closed_at": closed}
        if number % _LABELLED_EVERY == 0:
            value = "spam" if random.random() < 0.5 else "ham"
            label = {"labelled_by": "mara", "channel": "queue", "created_at": at}
            label_id = rows[decisions]["label_id"]
            rows[labels] = {"id": label_id, "site_id": site_id, "comment_id": number, "value": value, **label}
        yield rows


def _text(random: Random) -> str:
    return " ".join(random.choices(_WORDS, k=random.randint(8, 60))).capitalize() + "."
