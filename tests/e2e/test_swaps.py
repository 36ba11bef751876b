"""Models are swapped under load: every request is answered, and each worker meets a promotion within a second."""

import time
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import httpx
import pytest

from tests.e2e.service import Service, served
from tests.models import small_arrays, small_card, small_model_registry

pytestmark = pytest.mark.e2e

SWAPS = 10
SECONDS_BETWEEN = 5.0
CLIENTS = 3
KEY = "0123456789ab"
OTHER = "other"


class Answer(NamedTuple):
    """When a request was sent, its status, and the model that decided."""

    sent_at: float
    status: int
    model: str


def send(port: int, stop: Event, number: int, answers: list[Answer]) -> None:
    """Check comments that all differ, one after the other, over new connections: any worker may answer."""
    headers = {"Authorization": f"Bearer {KEY}", "Connection": "close"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30, trust_env=False) as client:
        for count in range(10**6):
            if stop.is_set():
                return
            sent_at = time.time()
            response = client.post("/v1/score", json={"text": f"The soup of {number} was good, {count} thanks"})
            answers.append(Answer(sent_at, response.status_code, response.json().get("model", "")))
            time.sleep(0.01)


def test_no_request_fails_while_models_are_swapped(tmp_path: Path) -> None:
    """Ten promotions and rollbacks within a minute, with two workers. The former model decides while one is loaded."""
    service = Service(tmp_path, {"MODERATION_WORKERS": "2"})
    registry = small_model_registry(tmp_path / "models")
    registry.add(small_arrays(), small_card(OTHER))
    service.moderation("init")
    service.moderation("site", "add", "https://busy.example", "--key", KEY)
    answers: list[list[Answer]] = [[] for _ in range(CLIENTS)]
    swaps: list[tuple[float, str]] = []
    stop = Event()
    with served(service) as server:
        threads = [Thread(target=send, args=(server.port, stop, number, answers[number])) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for number in range(SWAPS):
            model = registry.rollback() if number % 2 else OTHER
            registry.promote(model)
            swaps.append((registry.current_file.stat().st_mtime, model))
            time.sleep(SECONDS_BETWEEN)
        stop.set()
        for thread in threads:
            thread.join(60)
    everything = [answer for each in answers for answer in each]
    assert {answer.status for answer in everything} == {200} and len(everything) > 100
    ends = [at for at, _ in swaps[1:]] + [time.time()]
    for (at, model), end in zip(swaps, ends, strict=True):
        late = [answer for answer in everything if at + 1.0 < answer.sent_at < end - 2.0]
        assert late and {answer.model for answer in late} == {model}
