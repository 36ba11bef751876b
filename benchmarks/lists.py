"""The time of each list of the queue in its orders, and of searches, with 200,000 decided and 50,000 held comments.

A list is compared with a 200th of that. A search reads a bounded number of comments: its time has its own bar.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Table, insert

from benchmarks.rows import Row, at_most, at_most_ratio
from moderation.actions.moderators import add_moderator
from moderation.actions.sites import add_site
from moderation.domain.decision import Reason
from moderation.domain.queue import ListName, Order, QueueList
from moderation.settings import Settings
from moderation.storage.engine import write_transaction
from moderation.storage.packed_reasons import pack_reasons
from moderation.storage.tables import comments, decisions, labels, queue_items
from moderation.web.app import create_app
from moderation.wiring import prepare

DECIDED, OTHERS = 200_000, 50_000
"""Comments in the list of decided ones, and in each of the other lists."""
SMALLER = 200
MAX_RATIO = 1.5
MAX_SEARCH_MILLISECONDS = 300
SEARCHES = ("casino", "nowhere", "domain:nowhere.example", "reason:NOWHERE", "site:nowhere", "is:removed", "&facets=1")
"""Queries: one that many comments match, others that none matches, and the counts of values to narrow by."""

_CHUNK = 5_000
_ROUNDS = 15
_PASSWORD = "correct horse battery"
_WORDS = "garden bread casino bonus pills train river winter watches order letter cheap market sale house".split()
_VERDICTS = {"held": "review", "blocked": "spam", "public": "publish", "decided": "spam"}


def measure() -> list[Row]:
    """Ask for the first page of each list of both databases in turn, and compare the least times.

    The others include time of other programs.
    """
    with ExitStack() as stack:
        small, large = (_queue(stack, DECIDED // share, OTHERS // share) for share in (SMALLER, 1))
        orders = [(name, order) for name in _VERDICTS for order in QueueList(ListName(name)).orders]
        # No blog holds these comments, so that none is published soon.
        rows = [_compare(name, order, small, large) for name, order in orders if order is not Order.SOON]
        return rows + [_search(name, query, large) for name in _VERDICTS for query in SEARCHES]


def _compare(name: str, order: Order, small: FlaskClient, large: FlaskClient) -> Row:
    milliseconds: dict[FlaskClient, list[float]] = {small: [], large: []}
    for _ in range(_ROUNDS):
        for client, times in milliseconds.items():
            times.append(_time(client, f"/queue/{name}?order={order}", 20))
    return at_most_ratio(
        f"the list {name}, {order}, {DECIDED:,} decided and {OTHERS:,} held comments",
        min(milliseconds[large]),
        "ms",
        baseline=f"with {DECIDED // SMALLER:,} and {OTHERS // SMALLER:,}",
        baseline_value=min(milliseconds[small]),
        max_ratio=MAX_RATIO,
    )


def _search(name: str, query: str, client: FlaskClient) -> Row:
    number = 20 if query in ("casino", "&facets=1") else 0
    milliseconds = min(_time(client, f"/queue/{name}?q={query}", number) for _ in range(_ROUNDS // 3))
    return at_most(f"a search of the list {name}: {query}", milliseconds, MAX_SEARCH_MILLISECONDS, "ms")


def _time(client: FlaskClient, path: str, number: int) -> float:
    """Return the milliseconds of a page with that many comments."""
    start = perf_counter()
    response = client.get(path)
    milliseconds = 1000 * (perf_counter() - start)
    assert response.status_code == 200 and response.text.count("<article") == number, path
    return milliseconds


def _queue(stack: ExitStack, decided: int, others: int) -> FlaskClient:
    """Return a client that is signed in to a service with so many comments in each list."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    settings = Settings(var=folder, database_url="")
    services = prepare(settings)
    stack.callback(services.engine.dispose)
    site_id = add_site(services, "https://blog.example")[0].id
    add_moderator(services, "mara", _PASSWORD)
    rows = _rows(Random(1), site_id, decided, others)
    while chunk := list(islice(rows, _CHUNK)):
        with write_transaction(services.engine) as connection:
            for table in (comments, decisions, queue_items, labels):
                if values := [row[table] for row in chunk if table in row]:
                    connection.execute(insert(table), values)
    client = create_app(services, settings).test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/queue/sign-in").text)
    fields = {"name": "mara", "password": _PASSWORD, "csrf_token": token[1] if token else ""}
    assert client.post("/queue/sign-in", data=fields).status_code == 303
    return client


def _rows(random: Random, site_id: int, decided: int, others: int) -> Iterator[dict[Table, dict[str, Any]]]:
    """Yield the rows of each comment by table, the lists mixed, a second apart."""
    places = ["decided"] * decided + [name for name in ("held", "blocked", "public") for _ in range(others)]
    random.shuffle(places)
    first, reasons = datetime(2026, 1, 1, tzinfo=UTC), pack_reasons([Reason("BARGAIN", 1.5), Reason("WORDING", 0.5)])
    thresholds = {"review_threshold": 0.6, "spam_threshold": 0.8, "discard_threshold": 1.0}
    score = {"probability": 0.7, "logit": 0.85, "bias": -6.7, "reasons": reasons, "model": "gone", **thresholds}
    for number, place in enumerate(places, 1):
        at, decision_id = first + timedelta(seconds=number), f"{random.getrandbits(128):032x}"
        of_site = {"site_id": site_id, "comment_id": number}
        text = " ".join(random.choices(_WORDS, k=20))
        hashed = number.to_bytes(16, "big")
        rows: dict[Table, dict[str, Any]] = {
            comments: {"id": number, "site_id": site_id, "content_hash": hashed, "text": text, "received_at": at},
            decisions: {
                "id": decision_id,
                **of_site,
                **score,
                "verdict": _VERDICTS[place],
                "degraded": False,
                "channel": "api",
                "decided_at": at,
                "label_id": number if place == "decided" else None,
            },
        }
        if place == "held":
            rows[queue_items] = {"decision_id": decision_id, "site_id": site_id, "opened_at": at}
        if place == "decided":
            label = {"value": "spam", "labelled_by": "mara", "channel": "queue", "created_at": at}
            rows[labels] = {"id": number, **of_site, **label}
        yield rows
