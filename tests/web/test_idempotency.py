"""`Idempotency-Key`: the same request by name has the same answer, and one row."""

import pytest
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from moderation.actions import retries
from moderation.actions.retries import KEY_LIFETIME, purge_keys
from moderation.actions.sites import add_site
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.conftest import Clock
from tests.web.conftest import KEY, Blog

OTHER_KEY = "ba9876543210"
BATCH = {"comments": [{"text": "one"}, {"txet": "a slip"}, {"text": "two"}]}


def send(blog: Blog, name: str, body: object, path: str = "/v1/score", site_key: str = KEY) -> TestResponse:
    headers = {"Authorization": f"Bearer {site_key}", "Idempotency-Key": name}
    return blog.client.post(path, json=body, headers=headers)


def count(blog: Blog, table: str) -> int:
    with read_transaction(blog.services.engine) as connection:
        statement = select(func.count()).select_from(tables.metadata.tables[table])
        return int(connection.execute(statement).scalar_one())


@pytest.mark.parametrize(("path", "body"), [("/v1/score", {"text": "one"}), ("/v1/score/batch", BATCH)])
@pytest.mark.parametrize("query", ["", "?spans=true"])
def test_a_retry_has_the_same_answer_for_a_day(
    blog: Blog, clock: Clock, path: str, body: dict[str, object], query: str
) -> None:
    """Byte for byte, errors of a batch included, also after a label. A day later the key is new."""
    first = send(blog, "a", body, path + query)
    decided = first.get_json().get("decisions", [first.get_json()])
    blog.call("PUT", f"/v1/decisions/{decided[0]['id']}/label", {"label": "ham"})
    stored = count(blog, "decisions")
    clock.advance(KEY_LIFETIME.total_seconds() - 1)
    assert first.status_code == 200
    assert send(blog, '"a"', body, path + query).data == first.data
    assert count(blog, "decisions") == count(blog, "comments") == stored
    clock.advance(2)
    assert decided[0]["id"] not in send(blog, "a", body, path + query).text


def test_a_long_batch_is_repeated_by_as_few_queries_as_a_short_one(blog: Blog) -> None:
    """They hold the write lock, for which the requests of other sites wait."""
    counts = []
    for size in (2, 200):
        body = {"comments": [{"text": f"comment {number}"} for number in range(size)]}
        first = send(blog, str(size), body, "/v1/score/batch")
        statements: list[object] = []
        event.listen(blog.services.engine, "before_cursor_execute", lambda *args, seen=statements: seen.append(args[2]))
        assert send(blog, str(size), body, "/v1/score/batch").data == first.data
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_each_key_has_its_own_decision(blog: Blog) -> None:
    """Two keys say that there are two comments, however equal they are."""
    ids = {send(blog, name, {"text": "one"}).get_json()["id"] for name in ("a", "b", "a")}
    assert len(ids) == count(blog, "comments") == 2


def test_a_key_names_one_request(blog: Blog) -> None:
    """Another body or route is refused with its own type of problem, and nothing is stored."""
    send(blog, "a", {"text": "one"})
    equal = {"text": "one", "comment_id": None}
    for path, body in (("/v1/score", {"text": "two"}), ("/v1/score", equal), ("/v1/score/batch", BATCH)):
        refused = send(blog, "a", body, path)
        assert refused.status_code == 422
        assert refused.get_json()["type"] == "/docs#idempotency-key-reused"
        assert "new key" in refused.get_json()["detail"]
    assert count(blog, "decisions") == 1


def test_sites_share_no_keys(blog: Blog) -> None:
    """Another site may use the same key for another request."""
    add_site(blog.services, "https://other.example", OTHER_KEY)
    first = send(blog, "a", {"text": "one"}).get_json()
    assert send(blog, "a", {"text": "two"}, site_key=OTHER_KEY).status_code == 200
    assert send(blog, "a", {"text": "one"}).get_json() == first


@pytest.mark.parametrize("name", ["", '""', '"a', "a b", "a, b", '"a";b=1', "\xe9", "a" * 256])
def test_an_invalid_key_is_refused(blog: Blog, name: str) -> None:
    """With a sentence that says what a key may be; nothing is stored."""
    for path, body in (("/v1/score", {"text": "one"}), ("/v1/score/batch", BATCH)):
        refused = send(blog, name, body, path)
        assert refused.status_code == 400 and "letters, digits" in refused.get_json()["detail"]
    assert count(blog, "decisions") == 0


def test_an_error_is_not_kept(blog: Blog) -> None:
    """A client may correct its body under the same key."""
    assert send(blog, "a", {"txet": "a slip"}).status_code == 422
    assert send(blog, "a", {"text": "no slip"}).status_code == 200


def test_old_and_superfluous_keys_are_purged(blog: Blog, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a day, by a clock that was set back too, and beyond the number that a site may have, oldest first."""
    add_site(blog.services, "https://other.example", OTHER_KEY)
    send(blog, "other-site", {"text": "x"}, site_key=OTHER_KEY)
    for name in ("a", "b", "c"):
        send(blog, name, {"text": name})
        clock.advance(100)
    monkeypatch.setattr(retries, "MAX_KEYS_PER_SITE", 2)
    purge_keys(blog.services)
    with read_transaction(blog.services.engine) as connection:
        assert set(connection.execute(select(tables.idempotency_keys.c.key)).scalars()) == {"other-site", "b", "c"}
    clock.advance(KEY_LIFETIME.total_seconds() - 150)
    purge_keys(blog.services)
    assert count(blog, "idempotency_keys") == 1
    clock.advance(-2 * KEY_LIFETIME.total_seconds())
    purge_keys(blog.services)
    assert count(blog, "idempotency_keys") == 0


def test_a_key_whose_decision_is_gone_is_new(blog: Blog) -> None:
    """The answer is a decision that can be read."""
    first = send(blog, "a", {"text": "one"}).get_json()["id"]
    with blog.services.engine.begin() as connection:
        connection.execute(tables.decisions.delete())
    second = send(blog, "a", {"text": "one"}).get_json()["id"]
    assert second != first
    assert send(blog, "a", {"text": "one"}).get_json()["id"] == second
