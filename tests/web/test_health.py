"""`/livez`, `/readyz` and `/metrics`."""

from pathlib import Path

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from moderation.actions.desk import Desk
from moderation.settings import Settings
from moderation.web.app import create_app
from tests.web.conftest import HOLD_ALL, PUBLISH_ALL, Blog

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(client: FlaskClient) -> Samples:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_a_good_service_is_live_and_ready(client: FlaskClient) -> None:
    """200 with each check by its name."""
    assert client.get("/livez").get_json() == {"alive": True}
    reply = client.get("/readyz")
    assert reply.status_code == 200
    assert {name: check["ready"] for name, check in reply.get_json()["checks"].items()} == {
        "model": True,
        "database": True,
        "schema": True,
    }


def test_without_a_model_it_is_live_but_not_ready(modelless_desk: Desk, settings: Settings) -> None:
    """503, and the check says what is missing."""
    client = create_app(modelless_desk, settings).test_client()
    reply = client.get("/readyz")
    assert reply.status_code == 503 and client.get("/livez").status_code == 200
    checks = reply.get_json()["checks"]
    assert not checks["model"]["ready"] and checks["model"]["detail"] and checks["database"]["ready"]


def test_without_a_database_it_is_not_ready(desk: Desk, settings: Settings, client: FlaskClient) -> None:
    """503; the scrape still answers, with what cannot be read left open."""
    desk.engine.dispose()
    for file in Path(settings.var).glob("moderation.db*"):
        file.unlink()
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert not reply.get_json()["checks"]["database"]["ready"] and not reply.get_json()["ready"]
    assert samples(client)[("moderation_held_items", ())] != samples(client)[("moderation_held_items", ())]


def test_verdicts_are_counted_by_door(blog: Blog, client: FlaskClient) -> None:
    """One count for each verdict and door, and the time of each scoring request."""
    blog.draw(HOLD_ALL)
    blog.score("held")
    blog.draw(PUBLISH_ALL)
    blog.akismet("comment-check", comment_content="fine")
    blog.akismet("comment-check", comment_content="a test", is_test="1")
    found = samples(client)
    assert found[("moderation_decisions_total", (("door", "api"), ("verdict", "review")))] == 1
    assert found[("moderation_decisions_total", (("door", "akismet"), ("verdict", "publish")))] == 1
    assert found[("moderation_scoring_seconds_count", (("door", "api"),))] == 1
    assert found[("moderation_held_items", ())] == 1
    assert found[("moderation_model_info", (("model", blog.desk.live.current().id),))] == 1


def test_two_applications_count_apart(desk: Desk, settings: Settings, blog: Blog) -> None:
    """Each application has a registry of its own."""
    blog.score("x")
    other = create_app(desk, settings).test_client()
    assert not any(name == "moderation_decisions_total" for name, _ in samples(other))
