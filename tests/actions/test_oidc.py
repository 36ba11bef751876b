"""The sign-in at the OIDC provider: every check of its answer, with real keys and a real server."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import OctKey

from moderation.actions.oidc import SKEW_SECONDS, Answer, PendingSignIn, begin_sign_in, finish_sign_in
from moderation.actions.services import Services
from moderation.domain.errors import AuthenticationFailed, NotFound, ProviderUnavailable
from moderation.domain.oidc import ProviderPerson
from moderation.outbound.oidc import MIN_KEYS_SECONDS, Provider
from tests.conftest import Clock
from tests.oidc_provider import (
    ALICE,
    CLIENT_ID,
    EC_KEY,
    FOREIGN_KEY,
    RSA_KEY,
    OidcProvider,
    providing,
    signed,
    signed_with_the_public_key,
    unsigned,
)
from tests.web.conftest import Seconds

NOT_VALID = "not valid for this sign-in"


@pytest.fixture
def provider(clock: Clock) -> Iterator[OidcProvider]:
    with providing() as provider:
        provider.now = lambda: clock().timestamp()
        yield provider


@pytest.fixture
def clients(services: Services, provider: OidcProvider) -> Services:
    """Return services that sign in at the provider."""
    return replace(services, provider=Provider(provider.client()), public_url="https://moderation.example/m")


def answer_of(address: str) -> Answer:
    """Return the parameters with which the browser comes back."""
    query = parse_qs(urlsplit(address).query)
    return Answer(*(query.get(name, [""])[0] for name in ("state", "code", "iss", "error")))


def sign_in(services: Services, provider: OidcProvider) -> ProviderPerson:
    pending, address = begin_sign_in(services)
    return finish_sign_in(services, pending, answer_of(provider.authorize(address)))


def refused(services: Services, provider: OidcProvider, words: str = NOT_VALID) -> None:
    with pytest.raises(AuthenticationFailed, match=words):
        sign_in(services, provider)


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (RSA_KEY, "PS512"), (EC_KEY, "ES256")])
def test_a_person_signs_in(clients: Services, provider: OidcProvider, key: Any, algorithm: str) -> None:
    """With keys of both kinds; a factor counts if the provider names it."""
    provider.sign = lambda claims: signed(claims, key, algorithm)
    provider.changes = {"amr": ["pwd", "otp", "mfa"]}
    person = sign_in(clients, provider)
    email, groups = "alice@example.org", frozenset({"staff", "editors"})
    assert person == ProviderPerson(provider.issuer, "a-1", "alice", email, groups, has_second_factor=True)


def test_the_secrets_of_a_sign_in_are_new(clients: Services, provider: OidcProvider) -> None:
    """The provider gets the digest of the verifier, never the verifier, and the address of this service alone."""
    (first, address), (second, _) = begin_sign_in(clients), begin_sign_in(clients)
    assert len({*first, *second}) == 6 and all(len(each) >= 43 for each in first)
    asked = parse_qs(urlsplit(address).query)
    assert asked["redirect_uri"] == ["https://moderation.example/m/queue/sign-in/oidc/callback"]
    assert first.verifier not in address and asked["state"] == [first.state] and asked["nonce"] == [first.nonce]


FAULTS: dict[str, dict[str, Any]] = {
    "a foreign issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "a foreign audience": {"aud": "another-client"},
    "a foreign audience in a list": {"aud": ["another-client"]},
    "two audiences without a party": {"aud": [CLIENT_ID, "another-client"]},
    "two audiences for another party": {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
    "another party": {"azp": "another-client"},
    "no audience": {"aud": None},
    "an empty audience": {"aud": []},
    "a number as audience": {"aud": 7},
    "expired": {"exp": -SKEW_SECONDS - 1},
    "no end": {"exp": None},
    "an end that is a text": {"exp": "9999999999"},
    "an end that is not a number": {"exp": float("nan")},
    "an infinite end": {"exp": float("inf")},
    "not valid yet": {"nbf": SKEW_SECONDS + 5},
    "of the future": {"iat": SKEW_SECONDS + 5},
    "no time": {"iat": None},
    "a foreign nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "a list as nonce": {"nonce": ["another"]},
    "no subject": {"sub": None},
    "a number as subject": {"sub": 7},
    "an empty subject": {"sub": ""},
    "a long subject": {"sub": "x" * 256},
    "a subject with a line": {"sub": "a\nb"},
    "a foreign access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "a number as hash": {"at_hash": 7},
}


def accepted(services: Services, provider: OidcProvider) -> bool:
    try:
        sign_in(services, provider)
    except AuthenticationFailed:
        return False
    return True


def test_a_token_with_a_wrong_claim_is_refused(clients: Services, provider: OidcProvider, clock: Clock) -> None:
    """Times are relative to the clock of the service, which may differ by a minute."""
    now, passed = int(clock().timestamp()), list[str]()
    for fault, changes in FAULTS.items():
        is_time = changes.keys() <= {"exp", "nbf", "iat"}
        provider.changes = {
            name: now + value if is_time and isinstance(value, int) else value for name, value in changes.items()
        }
        passed += [fault] * accepted(clients, provider)
    provider.changes = {"iss": f"{provider.issuer}/"}
    passed += ["the issuer with a slash"] * accepted(clients, provider)
    assert passed == []
    provider.changes = {}
    assert accepted(clients, provider)


def test_a_small_difference_of_clocks_is_no_fault(clients: Services, provider: OidcProvider, clock: Clock) -> None:
    """In both directions."""
    for seconds in (-300 - SKEW_SECONDS + 5, SKEW_SECONDS - 5):
        provider.now = lambda seconds=seconds: clock().timestamp() + seconds  # type: ignore[misc]
        assert sign_in(clients, provider).subject == "a-1"
    provider.changes = {"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID}
    assert sign_in(clients, provider).subject == "a-1"


EXTENDED = {"alg": "RS256", "kid": "rsa", "crit": ["extension"], "extension": 1}
SHARED = OctKey.generate_key(256, {"kid": "shared"})
SIGNATURES: dict[str, Callable[[dict[str, Any]], str]] = {
    "unsigned": unsigned,
    "the public key as a shared one": signed_with_the_public_key,
    "a shared key": lambda claims: signed(claims, SHARED, "HS256"),
    "a foreign key under the right name": lambda claims: signed(claims, FOREIGN_KEY),
    "a foreign key in the header": lambda claims: signed(claims, FOREIGN_KEY, jku="https://evil.example/keys"),
    "an unknown key": lambda claims: signed(claims, FOREIGN_KEY, kid="unknown"),
    "a key of another kind": lambda claims: signed(claims, RSA_KEY, kid="ec"),
    "no name of a key": lambda claims: _by_hand({"alg": "RS256"}, json.dumps(claims)),
    "an extension that must be understood": lambda claims: _by_hand(EXTENDED, json.dumps(claims)),
    "altered claims": lambda claims: _altered(signed(claims), 1),
    "an altered signature": lambda claims: _altered(signed(claims), 2),
    "no token": lambda _: "",
    "two parts": lambda claims: signed(claims).rpartition(".")[0],
    "encrypted": lambda _: "a.b.c.d.e",
    "half a pair": lambda _: "\ud800.a.b",
    "claims that are a list": lambda _: _by_hand({"alg": "RS256", "kid": "rsa"}, "[]"),
    "claims nested deeply": lambda _: _by_hand({"alg": "RS256", "kid": "rsa"}, "[" * 30_000),
}


def _altered(token: str, place: int) -> str:
    parts = token.split(".")
    parts[place] = ("B" if parts[place][4] == "A" else "A").join((parts[place][:4], parts[place][5:]))
    return ".".join(parts)


def _by_hand(header: dict[str, Any], claims: str) -> str:
    """Return a token of any content with the right signature."""
    signed_text = f"{_base64(json.dumps(header).encode())}.{_base64(claims.encode())}"
    signature = RSA_KEY.private_key.sign(signed_text.encode(), PKCS1v15(), SHA256())  # type: ignore[union-attr]
    return f"{signed_text}.{_base64(signature)}"


def _base64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def test_a_token_without_the_right_signature_is_refused(clients: Services, provider: OidcProvider) -> None:
    """A shared key among the keys of the provider signs nothing either."""
    assert clients.provider
    with_shared = replace(clients, provider=Provider(clients.provider.client))
    assert accepted(clients, provider)
    provider.bodies = {"/keys": _keys_with_a_shared_one()}
    assert accepted(with_shared, provider)
    passed = []
    for fault, sign in SIGNATURES.items():
        provider.sign = sign
        passed += [fault for services in (clients, with_shared) if accepted(services, provider)]
    assert passed == []


def _keys_with_a_shared_one() -> bytes:
    keys = [SHARED.as_dict(private=True), *(key.as_dict(private=False) for key in (RSA_KEY, EC_KEY))]
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize("token", [None, 7, ["a"], {}])
def test_a_token_that_is_no_text_is_refused(clients: Services, provider: OidcProvider, token: object) -> None:
    """Also a missing one: an access token alone says nothing of a person."""
    provider.sign = lambda _: token  # type: ignore[assignment,return-value]
    refused(clients, provider)


def test_a_new_key_is_found(clients: Services, provider: OidcProvider) -> None:
    """A provider changes its keys; the key set is read again, once a minute at most."""
    clock = Seconds()
    assert clients.provider
    clients = replace(clients, provider=Provider(clients.provider.client, clock))
    provider.keys = [RSA_KEY]
    sign_in(clients, provider)
    provider.keys, provider.sign = [EC_KEY], lambda claims: signed(claims, EC_KEY, "ES256")
    refused(clients, provider)
    clock.now += MIN_KEYS_SECONDS
    assert sign_in(clients, provider).subject == "a-1"


@pytest.mark.parametrize(
    "keys", [b"{}", b'{"keys": 3}', b'{"keys": []}', b'{"keys": [{"kty": "RSA"}]}', b'{"keys": [7]}']
)
def test_a_bad_key_set_is_the_fault_of_the_provider(clients: Services, provider: OidcProvider, keys: bytes) -> None:
    """The page says so, and a password still signs in."""
    provider.bodies = {"/keys": keys}
    with pytest.raises(ProviderUnavailable, match="key set"):
        sign_in(clients, provider)


def test_a_code_works_once(clients: Services, provider: OidcProvider) -> None:
    """And only with the verifier of the sign-in that began it: a stolen code opens no session."""
    pending, address = begin_sign_in(clients)
    answer = answer_of(provider.authorize(address))
    finish_sign_in(clients, pending, answer)
    with pytest.raises(AuthenticationFailed, match="refused the code"):
        finish_sign_in(clients, pending, answer)
    stolen = answer_of(provider.authorize(begin_sign_in(clients)[1]))
    own, _ = begin_sign_in(clients)
    with pytest.raises(AuthenticationFailed, match="refused the code"):
        finish_sign_in(clients, own, stolen._replace(state=own.state))


def test_a_token_of_another_sign_in_is_refused(clients: Services, provider: OidcProvider) -> None:
    """Its nonce is that of the other one, even if a provider gave it for the right code."""
    sign_in(clients, provider)
    provider.sign = lambda _: provider.tokens[0]
    refused(clients, provider)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"state": ""},
        {"state": "\ud800"},
        {"issuer": "https://evil.example"},
        {"code": ""},
        {"code": "é"},
        {"code": "x" * 5_000},
        {"error": "access_denied", "code": ""},
    ],
)
def test_an_answer_that_is_not_for_this_sign_in(
    clients: Services, provider: OidcProvider, change: dict[str, str]
) -> None:
    """The provider is not asked for a token."""
    pending, address = begin_sign_in(clients)
    answer = answer_of(provider.authorize(address))
    with pytest.raises(AuthenticationFailed):
        finish_sign_in(clients, pending, answer._replace(**change))
    assert "/token" not in provider.calls


def test_an_issuer_that_is_announced_must_be_there(clients: Services, provider: OidcProvider) -> None:
    """RFC 9207. A provider that does not announce it need not name itself."""
    pending, address = begin_sign_in(clients)
    answer = answer_of(provider.authorize(address))._replace(issuer="")
    assert finish_sign_in(clients, pending, answer).subject == "a-1"
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    assert clients.provider
    clients = replace(clients, provider=Provider(clients.provider.client))
    pending, address = begin_sign_in(clients)
    with pytest.raises(AuthenticationFailed, match="not for this sign-in"):
        finish_sign_in(clients, pending, answer_of(provider.authorize(address))._replace(issuer=""))


def test_groups_that_are_not_in_the_token_are_asked_for(clients: Services, provider: OidcProvider) -> None:
    """Of the same person alone, and the token counts where both have a claim."""
    provider.changes, provider.userinfo = {"groups": None}, {"sub": "a-1"}
    assert sign_in(clients, provider).groups == frozenset()
    provider.userinfo = {"sub": "a-1", "groups": ["editors"], "preferred_username": "mallory", "amr": ["mfa"]}
    person = sign_in(clients, provider)
    assert (person.groups, person.name) == (frozenset({"editors"}), "alice")
    provider.userinfo = {**ALICE, "sub": "another"}
    refused(clients, provider, "another person")


def test_without_a_provider_there_is_no_sign_in(services: Services) -> None:
    """Not even with a cookie that was made before."""
    with pytest.raises(NotFound):
        begin_sign_in(services)
    with pytest.raises(NotFound):
        finish_sign_in(services, PendingSignIn("a", "b", "c"), Answer("a", "d", "", ""))
