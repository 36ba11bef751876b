"""Calls to the OIDC provider keep the rules of other calls, and believe nothing that it must not say."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from moderation.domain.errors import ProviderUnavailable
from moderation.outbound import oidc
from moderation.outbound.oidc import METADATA_SECONDS, MIN_KEYS_SECONDS, REST_SECONDS, Provider
from moderation.outbound.post import MAX_RESPONSE_BYTES
from tests.oidc_provider import CLIENT_SECRET, OidcProvider, providing
from tests.web.conftest import Seconds

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def served() -> Iterator[OidcProvider]:
    with providing() as provider:
        yield provider


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def provider(served: OidcProvider, clock: Seconds) -> Provider:
    return Provider(served.client(), clock)


def test_documents_are_kept_for_an_hour(provider: Provider, served: OidcProvider, clock: Seconds) -> None:
    """A sign-in asks for neither again; an unknown key does, but not more often than once a minute."""
    for _ in range(2):
        assert provider.metadata().token_url == f"{served.issuer}/token"
        assert len(provider.keys()["keys"]) == 2
    assert served.calls == [DISCOVERY, "/keys"]
    provider.keys(has_unknown=True)
    clock.now += MIN_KEYS_SECONDS
    provider.keys(has_unknown=True)
    provider.keys(has_unknown=True)
    assert served.calls == [DISCOVERY, "/keys", "/keys"]
    clock.now += METADATA_SECONDS
    provider.keys()
    assert served.calls[3:] == ["/keys", DISCOVERY] or served.calls[3:] == [DISCOVERY, "/keys"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"token_endpoint": None}, "lacks an https address"),
        ({"token_endpoint": 7}, "lacks an https address"),
        ({"jwks_uri": "http://keys.example/keys"}, "lacks an https address"),
        ({"jwks_uri": "file:///etc/passwd"}, "lacks an https address"),
        ({"jwks_uri": "https://user@keys.example/"}, "lacks an https address"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "lacks an https address"),
        ({"authorization_endpoint": "https://login.example/#x"}, "lacks an https address"),
    ],
)
def test_a_wrong_discovery_document_is_refused(
    provider: Provider, served: OidcProvider, change: dict[str, object], words: str
) -> None:
    """It names this issuer, and addresses with TLS unless they are on the issuer itself."""
    served.metadata = change
    with pytest.raises(ProviderUnavailable, match=words):
        provider.metadata()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"issuer": "' + b"x" * MAX_RESPONSE_BYTES + b'"}', "too large"),
        (b" " * 10**7, "too large"),
        (b"[" * 60_000, "no JSON object"),
        (b"<html>", "no JSON object"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON object"),
        (b"", "no JSON object"),
    ],
)
def test_a_hostile_body_is_refused(provider: Provider, served: OidcProvider, body: bytes, words: str) -> None:
    """It is read up to its limit and no further, and quoted nowhere."""
    served.bodies = {DISCOVERY: body}
    with pytest.raises(ProviderUnavailable, match=words):
        provider.metadata()


def test_a_redirect_is_not_followed(provider: Provider, served: OidcProvider) -> None:
    """To no other host, and to no other path."""
    served.redirects = f"{served.issuer}/keys"
    with pytest.raises(ProviderUnavailable, match="status 302"):
        provider.metadata()
    assert served.calls == [DISCOVERY]


def test_a_provider_without_an_answer_is_left_alone(
    provider: Provider, served: OidcProvider, clock: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call waits for its deadline; the next ones fail at once, until the rest is over."""
    monkeypatch.setattr(oidc, "CALL_SECONDS", 0.1)
    served.is_silent = True
    with pytest.raises(ProviderUnavailable, match="did not answer in time"):
        provider.metadata()
    with pytest.raises(ProviderUnavailable, match="a moment ago"):
        provider.metadata()
    assert served.calls == [DISCOVERY]
    clock.now += REST_SECONDS
    served.is_silent = False
    assert provider.metadata().keys_url == f"{served.issuer}/keys"


def test_a_provider_that_is_down(clock: Seconds) -> None:
    """Its host refuses the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ProviderUnavailable, match="could not be connected to"):
        Provider(OidcProvider(f"http://127.0.0.1:{port}").client(), clock).metadata()


def test_only_the_host_of_the_issuer_may_be_private(provider: Provider, served: OidcProvider) -> None:
    """A provider leads the service to no other host of a private network. That is no reason for a rest."""
    served.metadata = {"jwks_uri": "https://localhost/keys"}
    for _ in range(2):
        with pytest.raises(ProviderUnavailable, match="private address"):
            provider.keys()


def test_one_thread_calls_at_a_time(provider: Provider) -> None:
    """The next one fails at once: a slow provider must not take both threads of the pages."""
    problems = list[str]()

    def call() -> None:
        try:
            provider.metadata()
        except ProviderUnavailable as error:
            problems.append(str(error))

    with provider.turn():
        other = Thread(target=call)
        other.start()
        other.join()
        assert provider.metadata()
    assert problems == ["Another person signs in at this moment. Try again in a few seconds."]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"{}", "MODERATION_OIDC_CLIENT_ID"),
        (400, b'{"error": "invalid_client"}', "MODERATION_OIDC_CLIENT_ID"),
        (500, b"{}", "status 500"),
        (200, b"7", "no JSON object"),
    ],
)
def test_a_refused_client_is_named(
    provider: Provider, served: OidcProvider, status: int, body: bytes, words: str
) -> None:
    """The operator learns which setting is wrong; the secret is in no message and no `repr`."""
    served.statuses, served.bodies = {"/token": status}, {"/token": body}
    with pytest.raises(ProviderUnavailable, match=words) as error:
        provider.exchange("code=x", {})
    assert CLIENT_SECRET not in str(error.value) and CLIENT_SECRET not in repr(provider.client)


@pytest.mark.parametrize("body", [b'{"error": "invalid_grant"}', b'{"error": ["invalid_client"]}', b"[]", b"\xff"])
def test_a_refused_code_is_none(provider: Provider, served: OidcProvider, body: bytes) -> None:
    """A code may be anything: a stranger can send it."""
    served.statuses, served.bodies = {"/token": 400}, {"/token": body}
    assert provider.exchange("code=x", {}) is None
