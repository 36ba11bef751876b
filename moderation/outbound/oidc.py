"""Call the OIDC provider that the operator named: its discovery document, keys, tokens and claims."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from time import monotonic
from typing import Any, NamedTuple

from moderation.domain.errors import ProviderUnavailable
from moderation.domain.oidc import SignInRules
from moderation.outbound.addresses import DeliveryError, PrivateAddress, is_same_origin, split_callback_url
from moderation.outbound.post import MAX_RESPONSE_BYTES, Response, get, post

CALL_SECONDS = 5.0
"""Time in which the provider must have answered one call."""
REST_SECONDS = 10.0
"""Time after a call without an answer in which no other is made: each would keep a thread of the pages."""
METADATA_SECONDS = 3600.0
"""Age from which the discovery document and the keys are read again."""
MIN_KEYS_SECONDS = 60.0
"""Age that the keys must have before an unknown one makes the service read them again."""

_WELL_KNOWN = "/.well-known/openid-configuration"
_OF_CLIENT = ("invalid_client", "unauthorized_client")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class OidcClient:
    """The provider that the operator named, how it knows the service, and the rules for its people."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    rules: SignInRules


class Metadata(NamedTuple):
    """The discovery document, as far as the sign-in needs it. `userinfo_url` is empty if there is none.

    With `sends_issuer`, an answer at the end of a sign-in names the issuer (RFC 9207).
    """

    authorization_url: str
    token_url: str
    keys_url: str
    userinfo_url: str
    token_auth_methods: frozenset[str]
    sends_issuer: bool


class _Kept(NamedTuple):
    value: Any
    at: float


class Provider:
    """A provider, with its discovery document and keys in memory. One thread at a time calls it.

    All methods raise `ProviderUnavailable` for a provider that does not answer, or not as one.
    """

    def __init__(self, client: OidcClient, clock: Callable[[], float] = monotonic) -> None:
        self.client = client
        self._clock = clock
        self._place = RLock()
        self._rests_until = 0.0
        self._metadata: _Kept | None = None
        self._keys: _Kept | None = None

    def metadata(self) -> Metadata:
        """Return the discovery document, of which every address was checked."""
        kept = self._metadata
        if kept is None or self._age(kept) >= METADATA_SECONDS:
            found = self._get(f"{self.client.issuer.rstrip('/')}{_WELL_KNOWN}")
            kept = self._metadata = _Kept(self._read_metadata(found), self._clock())
        metadata: Metadata = kept.value
        return metadata

    def keys(self, *, has_unknown: bool = False) -> Mapping[str, Any]:
        """Return the key set, read anew for an unknown key unless that was done a moment ago."""
        kept = self._keys
        max_age = MIN_KEYS_SECONDS if has_unknown else METADATA_SECONDS
        if kept is None or self._age(kept) >= max_age:
            kept = self._keys = _Kept(self._get(self.metadata().keys_url), self._clock())
        keys: Mapping[str, Any] = kept.value
        return keys

    def exchange(self, body: str, headers: Mapping[str, str]) -> Mapping[str, Any] | None:
        """Return the answer to a request for tokens; `None` if the provider refuses the code."""
        url = self.metadata().token_url
        with self._call() as seconds:
            private = self._may_be_private(url)
            response = post(url, body.encode(), {**_FORM, **headers}, allow_private=private, seconds=seconds)
        refusal = _error(response) if response.status == 400 else ""
        if response.status in (401, 403) or refusal in _OF_CLIENT:
            raise ProviderUnavailable(
                "The provider does not accept this service: check MODERATION_OIDC_CLIENT_ID and its secret."
            )
        return None if response.status == 400 else _read_object(response)

    def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Return the claims about the person of an access token."""
        return self._get(self.metadata().userinfo_url, {"Authorization": f"Bearer {access_token}"})

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        with self._call() as seconds:
            response = get(url, headers or {}, allow_private=self._may_be_private(url), seconds=seconds)
        return _read_object(response)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep the only place for calls until the block ends: a slow provider holds up one thread of the pages."""
        if not self._place.acquire(blocking=False):
            raise ProviderUnavailable("Another person signs in at this moment. Try again in a few seconds.")
        try:
            yield
        finally:
            self._place.release()

    @contextmanager
    def _call(self) -> Iterator[float]:
        if self._clock() < self._rests_until:
            raise ProviderUnavailable("The provider did not answer a moment ago. Try again in ten seconds.")
        try:
            with self.turn():
                yield CALL_SECONDS
        except PrivateAddress:
            raise ProviderUnavailable(
                "The provider names a host at a private address; only that of the issuer may be at one."
            ) from None
        except DeliveryError as error:
            self._rests_until = self._clock() + REST_SECONDS
            raise ProviderUnavailable(f"The provider cannot be asked. {error}") from None

    def _may_be_private(self, url: str) -> bool:
        # The operator named the host of the issuer, and no other.
        parts, issuer = split_callback_url(url), split_callback_url(self.client.issuer)
        return bool(parts and issuer and parts.hostname == issuer.hostname)

    def _read_metadata(self, found: Mapping[str, Any]) -> Metadata:
        if found.get("issuer") != self.client.issuer:
            raise ProviderUnavailable("The provider names another issuer: check MODERATION_OIDC_ISSUER to the letter.")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
        authorization, token, keys, userinfo = (self._read_url(found.get(name)) for name in names)
        if not (authorization and token and keys):
            raise ProviderUnavailable("The discovery document of the provider lacks an https address.")
        methods = found.get("token_endpoint_auth_methods_supported")
        return Metadata(
            *(authorization, token, keys, userinfo),
            frozenset(map(str, methods)) if isinstance(methods, list) else frozenset(),
            found.get("authorization_response_iss_parameter_supported") is True,
        )

    def _read_url(self, url: object) -> str:
        """Return an address with TLS, or on the very issuer that the operator named without; else an empty text."""
        parts = split_callback_url(url) if isinstance(url, str) else None
        if not isinstance(url, str) or parts is None or parts.fragment:
            return ""
        is_loopback = self.client.issuer.startswith("http:") and is_same_origin(url, self.client.issuer)
        return url if parts.scheme == "https" or is_loopback else ""

    def _age(self, kept: _Kept) -> float:
        return self._clock() - kept.at


def _read_object(response: Response) -> Mapping[str, Any]:
    if response.status != 200:
        raise ProviderUnavailable(f"The provider answered with status {response.status}: see its log.")
    if len(response.body) >= MAX_RESPONSE_BYTES:
        raise ProviderUnavailable("The answer of the provider is too large.")
    found = _parse(response.body)
    if not isinstance(found, dict):
        raise ProviderUnavailable("The answer of the provider is no JSON object: check MODERATION_OIDC_ISSUER.")
    return found


def _error(response: Response) -> object:
    found = _parse(response.body)
    return found.get("error") if isinstance(found, dict) else None


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
