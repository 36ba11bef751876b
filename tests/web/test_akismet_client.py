"""The real client, PyPI `akismet`, unmodified, against the application in process: sync and async."""

import asyncio
from collections.abc import Callable

import akismet
import httpx
import pytest
from flask import Flask

from moderation.actions.check import find_decision
from moderation.domain.decision import LabelValue
from moderation.domain.thresholds import Thresholds
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
    """A transport from an async client to a WSGI application."""

    def __init__(self, app: Flask) -> None:
        self._inner = httpx.WSGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        response = self._inner.handle_request(request)
        return httpx.Response(response.status_code, headers=response.headers, content=response.read())


@pytest.fixture
def record() -> Record:
    """Every response that the client got."""
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


def test_a_call_with_a_bad_key_raises(sync_http: httpx.Client, blog: Blog) -> None:
    """An unvalidated client raises at its first check."""
    client = akismet.SyncClient(config=akismet.Config(key="INVALID_TEST_KEY", url=BLOG), http_client=sync_http)
    with pytest.raises(akismet.APIKeyError):
        client.comment_check(user_ip="127.0.0.1", comment_content="x")


@pytest.mark.parametrize(("thresholds", "verdict"), VERDICTS)
def test_checks_reach_the_sync_client(
    sync_client: akismet.SyncClient, blog: Blog, thresholds: Thresholds, verdict: akismet.CheckResponse
) -> None:
    """Ham, spam and discard arrive as such."""
    blog.set_thresholds(thresholds)
    assert sync_client.comment_check(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann") is verdict


@pytest.mark.parametrize(("thresholds", "verdict"), VERDICTS)
def test_checks_reach_the_async_client(
    async_http: httpx.AsyncClient, blog: Blog, thresholds: Thresholds, verdict: akismet.CheckResponse
) -> None:
    """The async client gets the same."""
    blog.set_thresholds(thresholds)

    async def check() -> akismet.CheckResponse:
        client = await akismet.AsyncClient.validated_client(config=CONFIG, http_client=async_http)
        return await client.comment_check(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")

    assert asyncio.run(check()) is verdict


def test_the_client_s_own_checks_hold(sync_client: akismet.SyncClient) -> None:
    """The client's end-to-end suite checks guaranteed spam and the administrator's ham."""
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
    label = find_decision(blog.services, blog.site, guid)[1]
    assert label is not None and label.value is value


def test_the_async_client_submits(async_http: httpx.AsyncClient, blog: Blog) -> None:
    """Ham and then spam: the last label counts."""
    decision = blog.score("Hi", author="Ann")

    async def submit() -> None:
        async with akismet.AsyncClient(config=CONFIG, http_client=async_http) as client:
            assert await client.submit_ham(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")
            assert await client.submit_spam(user_ip="127.0.0.1", comment_content="Hi", comment_author="Ann")

    asyncio.run(submit())
    label = find_decision(blog.services, blog.site, decision["id"])[1]
    assert label is not None and label.value is LabelValue.SPAM
