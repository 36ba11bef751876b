"""`/livez`, `/readyz` and `/metrics`."""

import math
import os
import re
import resource
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from moderation.actions import disk
from moderation.actions.services import Services
from moderation.settings import Settings
from moderation.storage.migrate import HEAD
from moderation.web import health
from moderation.web.app import create_app
from tests.web.conftest import HOLD_ALL, KEY, PUBLISH_ALL, Blog

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


ROOT = Path(__file__).parents[2]


def samples(client: FlaskClient) -> Samples:
    return parse(client.get("/metrics").text)


def parse(metrics: str) -> Samples:
    families = text_string_to_metric_families(metrics)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_a_good_service_is_live_and_ready(client: FlaskClient) -> None:
    """200 with each check by its name."""
    assert client.get("/livez").get_json() == {"alive": True}
    response = client.get("/readyz")
    assert response.status_code == 200
    assert {name: check["ready"] for name, check in response.get_json()["checks"].items()} == {
        "model": True,
        "database": True,
        "schema": True,
        "secret": True,
        "disk": True,
    }


def test_it_says_which_model_and_schema_it_has(services: Services, client: FlaskClient) -> None:
    """By their ids, and the model by the SHA-256 of its card too."""
    checks = client.get("/readyz").get_json()["checks"]
    card = (services.registry.folder / "small" / "card.json").read_bytes()
    model = {"id": "small", "sha256": sha256(card).hexdigest()}
    assert (checks["model"]["has"], checks["model"]["should_have"]) == (model, model)
    schema = {"id": HEAD, "sha256": None}
    assert (checks["schema"]["has"], checks["schema"]["should_have"]) == (schema, schema)


def test_without_a_model_it_is_live_but_not_ready(services_without_model: Services, settings: Settings) -> None:
    """503, and the check has the cause."""
    client = create_app(services_without_model, settings).test_client()
    response = client.get("/readyz")
    assert response.status_code == 503 and client.get("/livez").status_code == 200
    checks = response.get_json()["checks"]
    assert not checks["model"]["ready"] and checks["model"]["detail"] and checks["database"]["ready"]


@pytest.mark.sqlite("it removes the database file")
def test_without_a_database_it_is_not_ready(services: Services, settings: Settings, client: FlaskClient) -> None:
    """The check names the remedy. `/metrics` still answers, without the values that cannot be read."""
    services.engine.dispose()
    for file in settings.var.glob("moderation.db*"):
        file.unlink()
    response = client.get("/readyz")
    body = response.get_json()
    assert response.status_code == 503 and not body["ready"] and "put it back" in body["checks"]["database"]["detail"]
    assert math.isnan(samples(client)[("moderation_held_items", ())])


def test_the_state_is_kept_for_a_second(
    services: Services, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask, as often as they like, and the checks cost more than a comment."""
    assert client.get("/readyz").status_code == 200
    services.secret_path.write_bytes(b"x" * 32)
    assert client.get("/readyz").get_json()["ready"]
    monkeypatch.setattr(health, "MAX_READINESS_AGE_SECONDS", 0.0)
    assert client.get("/readyz").status_code == 503


def test_with_another_secret_it_is_not_ready(services: Services, settings: Settings, blog: Blog) -> None:
    """The check counts the sites whose keys no longer work, and shows neither a key nor an address."""
    services.secret_path.write_bytes(b"x" * 32)
    response = blog.client.get("/readyz")
    assert response.status_code == 503
    checks = response.get_json()["checks"]
    assert {name for name, check in checks.items() if not check["ready"]} == {"secret"}
    assert "the keys of 1 site no longer work" in checks["secret"]["detail"]
    assert not any(part in response.text for part in (KEY, "blog.example", str(settings.var)))


@pytest.mark.sqlite("it is about the disk of the database file")
def test_without_space_on_the_disk_it_is_not_ready(client: FlaskClient) -> None:
    """The probe needs space of the size of a few decisions."""
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard_limit))
    try:
        response = client.get("/readyz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft_limit, hard_limit))
    assert response.status_code == 503
    assert response.get_json()["checks"]["disk"]["detail"] == "The disk of the database is full: free some space."


def test_a_disk_that_becomes_full_is_named_beforehand(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is ready, and says which disk it is."""
    monkeypatch.setattr(disk, "LOW_DISK_BYTES", 2**63)
    response = client.get("/readyz")
    assert response.status_code == 200
    detail = response.get_json()["checks"]["disk"]["detail"]
    assert re.fullmatch(
        r"[\d,]+ MB are free on the disk of the (database|secret|models): free some space soon\.", detail
    )


def test_the_free_space_is_a_metric(client: FlaskClient, settings: Settings) -> None:
    """Of each disk that the service writes to."""
    by_name = samples(client)
    parts = {labels[0][1] for name, labels in by_name if name == "moderation_disk_free_bytes"}
    assert parts == {"secret", "models"} | ({"database"} if not settings.database_url else set())
    measured = by_name[("moderation_disk_free_bytes", (("part", "secret"),))]
    assert measured == pytest.approx(shutil.disk_usage(settings.var).free, rel=0.1)


def test_a_count_is_kept_for_a_while(blog: Blog, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape with 100,000 waiting items costs no more than with none, unless the last count is too old."""
    blog.set_thresholds(HOLD_ALL)
    assert samples(client)[("moderation_held_items", ())] == 0
    blog.score("held")
    assert samples(client)[("moderation_held_items", ())] == 0
    monkeypatch.setattr(health, "MAX_COUNT_AGE_SECONDS", 0.0)
    assert samples(client)[("moderation_held_items", ())] == 1


def test_verdicts_are_counted_by_channel(blog: Blog, client: FlaskClient) -> None:
    """One count for each verdict and channel, and the time of each scoring request."""
    blog.set_thresholds(HOLD_ALL)
    blog.score("held")
    blog.set_thresholds(PUBLISH_ALL)
    blog.akismet("comment-check", comment_content="fine")
    blog.akismet("comment-check", comment_content="a test", is_test="1")
    by_name = samples(client)
    assert by_name[("moderation_decisions_total", (("channel", "api"), ("verdict", "review")))] == 1
    assert by_name[("moderation_decisions_total", (("channel", "akismet"), ("verdict", "publish")))] == 1
    assert by_name[("moderation_scoring_seconds_count", (("channel", "api"),))] == 1
    assert by_name[("moderation_held_items", ())] == 1
    assert by_name[("moderation_model_info", (("model", blog.services.live_model.current().id),))] == 1


def test_two_applications_count_separately(services: Services, settings: Settings, blog: Blog) -> None:
    """Each application has its own registry."""
    blog.score("x")
    other = create_app(services, settings).test_client()
    assert not any(name == "moderation_decisions_total" for name, _ in samples(other))


WORKER = f"""
import sys
from moderation.wsgi import app
client = app.test_client()
for number in range(int(sys.argv[1])):
    comment = {{"text": f"{{sys.argv[1]}} {{number}}"}}
    client.post("/v1/score", json=comment, headers={{"Authorization": "Bearer {KEY}"}})
print("counted", flush=True)
sys.stdin.readline()
print(client.get("/metrics").text, flush=True)
"""


def test_a_scrape_adds_up_all_workers(blog: Blog, settings: Settings, tmp_path: Path) -> None:
    """Two processes that run at the same time report the same sums, and each database gauge once."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    blog.set_thresholds(HOLD_ALL)
    environment = os.environ | {
        "MODERATION_VAR": str(settings.var),
        "MODERATION_MODELS": str(settings.models),
        "MODERATION_DATABASE_URL": settings.database_url,
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, count],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in ("2", "3")
    ]
    try:
        for worker in workers:
            assert worker.stdout and worker.stdout.readline() == "counted\n"
        scrapes = [parse(worker.communicate("\n", timeout=60)[0]) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    for by_name in scrapes:
        assert by_name[("moderation_decisions_total", (("channel", "api"), ("verdict", "review")))] == 5
        assert by_name[("moderation_scoring_seconds_count", (("channel", "api"),))] == 5
        assert by_name[("moderation_held_items", ())] == 5
        assert sum(name == "moderation_model_info" for name, _ in by_name) == 1
