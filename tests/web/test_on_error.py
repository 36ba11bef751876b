"""A comment that cannot be judged or stored gets the site's own answer, which never looks like a stored decision."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, make_url, select
from werkzeug.test import TestResponse

from moderation.actions.review import count_held
from moderation.actions.services import Services
from moderation.actions.sites import (
    add_site,
    authenticate_site,
    key_digest,
    rotate_key,
    set_akismet_review,
    set_on_error,
)
from moderation.domain.site import AkismetReviewSettings, OnError, ReviewAction
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.settings import Settings
from moderation.storage.engine import open_engine, read_transaction
from moderation.storage.site_cache import KnownSite
from moderation.storage.tables import comments
from moderation.storage.writer import Writer
from moderation.web import health
from moderation.web.app import create_app
from tests.web.conftest import BLOG, KEY, SPAM_ALL, Blog

ANSWERED = {OnError.REVIEW: "review", OnError.PUBLISH: "publish"}


@pytest.fixture
def impatient(settings: Settings, services: Services, blog: Blog) -> Iterator[Blog]:
    """Our blog on a service that waits for the database only shortly; the blog has called once."""
    engine = open_engine(settings.database, busy_timeout_seconds=0.05)
    hurried = replace(services, engine=engine, writer=Writer(engine))
    patient = Blog(hurried, create_app(hurried, settings).test_client(), blog.site)
    patient.set_thresholds(SPAM_ALL)
    patient.score("The first comment.")
    yield patient
    engine.dispose()


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    if settings.database_url:
        with connect(settings, database=None) as other:
            other.execute("LOCK TABLE comments, decisions, labels IN EXCLUSIVE MODE")
            yield
        return
    with closing(sqlite3.connect(settings.var / "moderation.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def gone(settings: Settings) -> Iterator[None]:
    if settings.database_url:
        name = make_url(settings.database_url).database
        with connect(settings, database="postgres") as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            server.commit()
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        return
    database, elsewhere = settings.var / "moderation.db", settings.var / "elsewhere.db"
    database.rename(elsewhere)
    yield
    elsewhere.rename(database)


@pytest.fixture(params=[locked, gone])
def fault(request: pytest.FixtureRequest, settings: Settings) -> Any:
    """A context in which the database stores nothing."""
    return request.param(settings)


def connect(settings: Settings, database: str | None) -> "psycopg.Connection[Any]":
    """Connect to the PostgreSQL server as another program, to the database of the service or to another one."""
    url = make_url(settings.database_url)
    return psycopg.connect(host=str(url.query["host"]), user=url.username, dbname=database or url.database)


def count_comments(settings: Settings) -> int:
    engine = open_engine(settings.database, busy_timeout_seconds=5)
    with read_transaction(engine) as connection:
        number = connection.execute(select(func.count()).select_from(comments)).scalar_one()
    engine.dispose()
    return number


def sent_batch(blog: Blog) -> TestResponse:
    return blog.call("POST", "/v1/score/batch", {"comments": [{"text": "one"}, {"txet": "slip"}, {"text": "two"}]})


@pytest.mark.parametrize("on_error", [OnError.REVIEW, OnError.PUBLISH])
def test_a_comment_that_cannot_be_stored_gets_the_sites_answer(
    impatient: Blog, fault: Any, settings: Settings, on_error: OnError
) -> None:
    """Single and in a batch: degraded, without id, with the score that it had; nothing is stored, then or later."""
    set_on_error(impatient.services, BLOG, on_error)
    impatient.score("So that the service knows the setting.")
    before = count_comments(settings)
    with fault:
        single, batch = impatient.score("one"), sent_batch(impatient).get_json()["decisions"]
    for answer in (single, batch[0], batch[2]):
        assert (answer["id"], answer["degraded"], answer["verdict"]) == (None, True, ANSWERED[on_error])
        assert answer["model"] == "small"
    assert batch[1]["error"]["status"] == 422
    assert count_comments(settings) == before
    assert impatient.score("The database is back.")["degraded"] is False


def test_by_default_a_site_is_told_that_nothing_is_stored(impatient: Blog, fault: Any) -> None:
    """503 with `Retry-After` in each channel. Akismet's clients get neither `true` nor `false`, and a guid."""
    with fault:
        responses = [impatient.call("POST", "/v1/score", {"text": "one"}), sent_batch(impatient)]
        checked = impatient.akismet("comment-check", comment_content="one")
        labelled = impatient.akismet("submit-spam", comment_content="one")
    for response in responses:
        assert response.status_code == 503 and response.headers["Retry-After"]
        assert response.mimetype == "application/problem+json"
    for response in (checked, labelled):
        assert response.status_code == 503 and response.headers["Retry-After"]
        assert response.text not in ("true", "false", "valid", "invalid")
        assert response.headers["X-akismet-debug-help"] == "The database cannot be used"
    assert len(checked.headers["X-akismet-guid"]) == 32


@pytest.mark.parametrize(
    ("on_error", "action", "body", "error"),
    [
        (OnError.REVIEW, ReviewAction.HOLD, "true", "status"),
        (OnError.REVIEW, ReviewAction.SPAM_FOLDER, "true", None),
        (OnError.REVIEW, ReviewAction.PUBLISH, "false", None),
        (OnError.PUBLISH, ReviewAction.HOLD, "false", None),
    ],
)
def test_an_akismet_client_gets_the_sites_review_action(
    impatient: Blog, fault: Any, on_error: OnError, action: ReviewAction, body: str, error: str | None
) -> None:
    """With `hold` the plugin is told of an error: it holds the comment and asks again. Each answer has a guid."""
    set_on_error(impatient.services, BLOG, on_error)
    set_akismet_review(impatient.services, BLOG, AkismetReviewSettings(action))
    impatient.score("So that the service knows the settings.")
    with fault:
        response = impatient.akismet("comment-check", comment_content="one")
    assert (response.status_code, response.text, response.headers.get("X-akismet-error")) == (200, body, error)
    assert len(response.headers["X-akismet-guid"]) == 32
    assert "X-akismet-recheck-after" not in response.headers and "X-akismet-pro-tip" not in response.headers


def test_a_label_is_never_answered_without_being_stored(impatient: Blog, fault: Any) -> None:
    """Whatever the site gets for comments, a correction that is not on disk is an error."""
    set_on_error(impatient.services, BLOG, OnError.PUBLISH)
    decision_id = impatient.score("one")["id"]
    with fault:
        statuses = {
            impatient.call("PUT", f"/v1/decisions/{decision_id}/label", {"label": "ham"}).status_code,
            impatient.call("DELETE", f"/v1/decisions/{decision_id}/label").status_code,
            impatient.akismet("submit-ham", comment_content="one").status_code,
        }
    assert statuses == {503}


def test_an_unknown_key_is_not_answered_from_memory(impatient: Blog, settings: Settings) -> None:
    """While the database cannot be read, only the keys of sites that have called are known; a retired one is not."""
    set_on_error(impatient.services, BLOG, OnError.PUBLISH)
    rotate_key(impatient.services, BLOG)
    rotate_key(impatient.services, BLOG)
    assert impatient.call("POST", "/v1/score", {"text": "one"}).status_code == 401
    with gone(settings):
        for key in (KEY, "ffffffffffff"):
            headers = {"Authorization": f"Bearer {key}"}
            assert impatient.client.post("/v1/score", json={"text": "one"}, headers=headers).status_code == 503


@pytest.mark.parametrize("on_error", [OnError.REVIEW, OnError.PUBLISH])
def test_without_a_model_the_sites_answer_is_stored(blog_without_model: Blog, on_error: OnError) -> None:
    """The database works, so the decision has an id, and what goes to review is in the queue."""
    set_on_error(blog_without_model.services, BLOG, on_error)
    answer = blog_without_model.score("one")
    assert (answer["degraded"], answer["verdict"]) == (True, ANSWERED[on_error])
    assert blog_without_model.call("GET", f"/v1/decisions/{answer['id']}").status_code == 200
    assert count_held(blog_without_model.services) == (1 if on_error is OnError.REVIEW else 0)


def test_without_a_model_the_default_is_an_error(services: Services, settings: Settings, tmp_path: Path) -> None:
    """503 with the cause in the JSON channel, and a failure that Akismet's clients recognise."""
    empty = ModelRegistry(tmp_path / "none")
    bare = replace(services, registry=empty, live_model=LiveModel(empty))
    site, _ = add_site(bare, BLOG, KEY)
    blog = Blog(bare, create_app(bare, settings).test_client(), site)
    response = blog.call("POST", "/v1/score", {"text": "one"})
    assert response.status_code == 503 and response.headers["Retry-After"]
    assert "moderation promote" in response.get_json()["detail"]
    checked = blog.akismet("comment-check", comment_content="one")
    assert checked.status_code == 503 and checked.text == "The model cannot be used"
    assert count_comments(settings) == 0


@pytest.mark.sqlite("PostgreSQL has no lock that stops all writes")
def test_waits_for_a_locked_database_do_not_add_up(
    services: Services, settings: Settings, blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request waits for the lock, the next ones hardly; readiness has the cause until the lock ends."""
    engine = open_engine(settings.database, busy_timeout_seconds=0.5)
    hurried = replace(services, engine=engine, writer=Writer(engine))
    client = Blog(hurried, create_app(hurried, settings).test_client(), blog.site)
    with locked(settings):
        begin = monotonic()
        assert client.call("POST", "/v1/score", {"text": "one"}).status_code == 503
        assert 0.45 < monotonic() - begin < 1.0
        begin = monotonic()
        assert {client.call("POST", "/v1/score", {"text": "one"}).status_code for _ in range(10)} == {503}
        ready = client.client.get("/readyz")
        assert monotonic() - begin < 1.5
        assert ready.status_code == 503
        assert "locked" in ready.get_json()["checks"]["database"]["detail"]
        assert client.client.get("/livez").status_code == 200
    assert client.score("two")["degraded"] is False
    monkeypatch.setattr(health, "MAX_READINESS_AGE_SECONDS", 0.0)
    assert client.client.get("/readyz").status_code == 200
    engine.dispose()


@pytest.mark.sqlite("PostgreSQL has no lock that stops all writes")
def test_readiness_does_not_wait_for_a_lock_longer_than_a_second(
    services: Services, settings: Settings, blog: Blog
) -> None:
    """Also as the first to meet the lock, and with a long timeout in the settings."""
    engine = open_engine(settings.database, busy_timeout_seconds=30)
    patient = replace(services, engine=engine, writer=Writer(engine))
    client = create_app(patient, settings).test_client()
    with locked(settings):
        begin = monotonic()
        assert client.get("/readyz").status_code == 503
        assert monotonic() - begin < 1.0
    engine.dispose()


def test_the_sites_in_memory_are_bounded(services: Services, blog: Blog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with more keys than that forgets the one it read first, and reads it again."""
    monkeypatch.setattr("moderation.storage.site_cache.MAX_SITES", 1)
    other, other_key = add_site(services, "https://other.example")
    for site, key in 2 * [(blog.site, KEY), (other, other_key)]:
        assert authenticate_site(services, key) == site
    recalled = [services.site_cache.recall(key_digest(services, key)) for key in (KEY, other_key)]
    assert recalled == [None, KnownSite(other, None)]
