"""The front asks the database for nothing on the event loop, and only for the key before it reads a body."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.exceptions import TooManyRequests

from moderation.settings import Settings
from moderation.storage.sqlite import database_of
from moderation.web.front import Front
from tests.web.conftest import KEY, Blog, Browser


def scope(method: str, path: str, **headers: str) -> Any:
    """Return the head of a request as granian gives it."""
    return SimpleNamespace(
        method=method,
        path=path,
        query_string="",
        http_version="1.1",
        client="127.0.0.2:1",
        server="localhost:80",
        headers={"host": "localhost", **headers},
    )


def test_a_refusal_reads_no_session(mara: Browser, blog: Blog, settings: Settings) -> None:
    """The front answers some on the event loop, where a page would wait for the database with all other requests."""
    app = mara.client.application
    cookie = mara.get("/queue").request.headers["Cookie"]
    front = Front(app, settings)
    connections: list[object] = []
    event.listen(blog.services.engine, "engine_connect", connections.append)
    shown = front._answer(scope("GET", "/queue", cookie=cookie), b"")
    assert shown.response[0] == 200 and connections
    connections.clear()
    refused = front._answer(scope("GET", "/queue", cookie=cookie), b"", TooManyRequests("Too many."))
    assert refused.response[0] == 429 and b"Too many." in refused.response[2]
    assert connections == []


@pytest.mark.sqlite("it moves the file of the database")
def test_a_key_is_recalled_before_a_large_body(blog: Blog, settings: Settings) -> None:
    """Without the database, a large comment is answered by the site's `on_error`, as a small one is."""
    blog.score("x")
    database = database_of(blog.services.engine)
    assert database is not None
    database.path.rename(database.path.with_suffix(".away"))
    blog.services.engine.dispose()
    Front(blog.client.application, settings)._check_key(scope("POST", "/v1/score", authorization=f"Bearer {KEY}"))
