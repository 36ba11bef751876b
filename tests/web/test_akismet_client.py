"""The real client, PyPI `akismet`, unmodified, against the application in process: sync and async."""

import asyncio
from collections.abc import Callable

import akismet
import httpx
import pytest
from flask import Flask

from moderation.actions.check import find_decision
from moderation.domain.judgement import LabelValue
from moderation.domain.policy import Policy
from tests.web.conftest import (
    BLOG,
    DISCARD_ALL,
    HOLD_ALL,
    KEY,
    PUBLISH_ALL,
    SPAM_ALL,
    Blog,
)

AGENT = {"User-Agent": akismet.USER_AGENT}
CONFIG = akismet.Config(key=KEY, url=BLOG)
VERDICTS = [
    (PUBLISH_ALL, akismet.CheckResponse.HAM),
    (HOLD_ALL, akismet.CheckResponse.SPAM),
    (SPAM_ALL, akismet.CheckResponse.SPAM),
    (DISCARD_ALL, akismet.CheckResponse.DISCARD),
]
Record = list[httpx.Response]


class AsyncWSGI(httpx.AsyncBaseTransport):
    """Lets an async client call a WSGI application."""

    def __init__(self, app: Flask) -> None:
        self._inner = httpx.WSGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        reply = self._inner.handle_request(request)
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.read())


@pytest.fixture
def record() -> Record:
    """Every reply that the client got."""
    return []


@pytest.fixture
def sync_http(app: Flask, record: Record) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app), headers=AGENT, event_hooks={"response": [record.append]})


@pytest.fixture
def async_http(app: Flask) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=AsyncWSGI(app), headers=AGENT)


@pytest.fixture
def sync_client(sync_http: httpx.Client, blog: Blog) -> akismet.SyncClient:
    return akismet.SyncClient.validated_client(config=CONFIG, http_client=sync_http)


def test_the_key_is_verified(sync_http: httpx.Client, async_http: httpx.AsyncClient, blog: Blog) -> None:
    """Our key is good; any other is refused at construction."""
    bad = akismet.Config(key="ffffffffffff", url=BLOG)
    assert akismet.SyncClient.validated_client(config=CONFIG, http_client=sync_http).verify_key(KEY, BLOG)
    with pytest.raises(akismet.APIKeyError):
        akismet.SyncClient.validated_client(config=bad, http_client=sync_http)
    with pytest.raises(akismet.APIKeyError):
        asyncio.run(akismet.AsyncClient.validated_client(config=bad, http_client=async_http))


def test_a_call_with_a_bad_key_is_told(sync_http: httpx.Client, blog: Blog) -> None:
    """An unvalidated client learns of its bad key at the first check."""
    client = akismet.SyncClient(config=akismet.Config(key="INVALID_TEST_KEY", url=BLOG), http_client=sync_http)
    with pytest.raises(akismet.APIKeyError):
        client.comment_check(user_ip="127.0.0.1", comment_content="x")


@pytest.mark.parametrize(("policy", "verdict"), VERDICTS)
def test_checks_reach_the_sync_client(
    sync_client: akismet.SyncClient, blog: Blog, policy: Policy, verdict: akismet.CheckResponse
) -> None:
    """Ham, spam and discard arrive as such."""
    blog.draw(policy)
    assert sync_client.comment_check(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann") is verdict


@pytest.mark.parametrize(("policy", "verdict"), VERDICTS)
def test_checks_reach_the_async_client(
    async_http: httpx.AsyncClient, blog: Blog, policy: Policy, verdict: akismet.CheckResponse
) -> None:
    """The same over the async client."""
    blog.draw(policy)

    async def check() -> akismet.CheckResponse:
        client = await akismet.AsyncClient.validated_client(config=CONFIG, http_client=async_http)
        return await client.comment_check(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")

    assert asyncio.run(check()) is verdict


def test_the_client_s_own_checks_hold(sync_client: akismet.SyncClient) -> None:
    """What its end-to-end suite asks of a server: guaranteed spam, and the administrator's ham."""
    spam = sync_client.comment_check(user_ip="127.0.0.1", comment_author="akismet-guaranteed-spam", is_test=True)
    ham = sync_client.comment_check(user_ip="127.0.0.1", user_role="administrator", is_test=True)
    assert (spam, ham) == (akismet.CheckResponse.SPAM, akismet.CheckResponse.HAM)


@pytest.mark.parametrize(
    ("submit", "value"),
    [(akismet.SyncClient.submit_spam, LabelValue.SPAM), (akismet.SyncClient.submit_ham, LabelValue.HAM)],
)
def test_the_sync_client_submits(
    sync_client: akismet.SyncClient, record: Record, blog: Blog, submit: Callable[..., bool], value: LabelValue
) -> None:
    """A submission labels the comment that was checked."""
    sync_client.comment_check(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")
    guid = record[-1].headers["X-akismet-guid"]
    assert submit(sync_client, user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")
    label = find_decision(blog.desk, blog.site, guid)[1]
    assert label is not None and label.value is value


def test_the_async_client_submits(async_http: httpx.AsyncClient, blog: Blog) -> None:
    """Both ways, the last one wins."""
    told = blog.score("Hi", author="Ann")

    async def submit() -> None:
        async with akismet.AsyncClient(config=CONFIG, http_client=async_http) as client:
            assert await client.submit_ham(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")
            assert await client.submit_spam(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")

    asyncio.run(submit())
    label = find_decision(blog.desk, blog.site, told["id"])[1]
    assert label is not None and label.value is LabelValue.SPAM
