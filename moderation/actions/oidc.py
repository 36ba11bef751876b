"""Sign a person in at the OIDC provider: authorization code with PKCE, and all checks of the ID token.

Authlib and joserfc compute the parts of the protocol. The calls keep the rules of `moderation.outbound`.
"""

import hmac
import logging
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from moderation.actions.services import Services
from moderation.domain.errors import AuthenticationFailed, NotFound, ProviderUnavailable
from moderation.domain.oidc import ProviderPerson, read_person
from moderation.outbound.oidc import Provider

logger = logging.getLogger(__name__)

CALLBACK_PATH = "/queue/sign-in/oidc/callback"
SKEW_SECONDS = 60
"""Time by which the clock of the provider may differ."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a pair of keys. With a shared key, anybody who reads the public one could sign."""

_MAX_CODE_LENGTH = 4096
_SECRET_BYTES = 36
_FOREIGN = "The answer of the provider is not for this sign-in. Start again."


class PendingSignIn(NamedTuple):
    """The secrets of a sign-in between its two ends, which the browser keeps."""

    state: str
    nonce: str
    verifier: str


class Answer(NamedTuple):
    """The parameters with which the provider sends the browser back; each is empty if it is missing."""

    state: str
    code: str
    issuer: str
    error: str


def begin_sign_in(services: Services) -> tuple[PendingSignIn, str]:
    """Return the secrets of a new sign-in, and the address of the provider to which the browser goes.

    Raises `NotFound` without a provider, and `ProviderUnavailable`.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    provider = require_provider(services)
    pending = PendingSignIn(*(secrets.token_urlsafe(_SECRET_BYTES) for _ in PendingSignIn._fields))
    address: str = prepare_grant_uri(
        provider.metadata().authorization_url,
        provider.client.client_id,
        "code",
        redirect_uri=services.public_url + CALLBACK_PATH,
        scope=provider.client.scopes,
        state=pending.state,
        nonce=pending.nonce,
        code_challenge=create_s256_code_challenge(pending.verifier),
        code_challenge_method="S256",
    )
    return pending, address


def finish_sign_in(services: Services, pending: PendingSignIn, answer: Answer) -> ProviderPerson:
    """Return the person whom the provider signed in. The state may have been used: `admit` finds that out.

    Raises `NotFound` without a provider, `AuthenticationFailed` for an answer or a token that is not for this sign-in,
    and `ProviderUnavailable`.
    """
    provider = require_provider(services)
    if not hmac.compare_digest(answer.state.encode("utf-8", "surrogatepass"), pending.state.encode()):
        raise AuthenticationFailed(_FOREIGN)
    if answer.error:
        raise AuthenticationFailed("The provider did not sign you in.")
    if not 0 < len(answer.code) <= _MAX_CODE_LENGTH or not answer.code.isascii():
        raise AuthenticationFailed(_FOREIGN)
    with provider.turn():
        # An answer of another issuer is an attempt to send our code there (RFC 9207).
        if answer.issuer != provider.client.issuer and (answer.issuer or provider.metadata().sends_issuer):
            raise AuthenticationFailed(_FOREIGN)
        tokens = _exchange(services, provider, pending, answer.code)
        claims = _verified_claims(provider, tokens, pending.nonce, int(services.clock().timestamp()))
        return _read_person(provider, tokens, claims)


def require_provider(services: Services) -> Provider:
    """Return the provider that the operator named. Raises `NotFound`."""
    if services.provider is None:
        raise NotFound("This service has no provider of the sign-in: see MODERATION_OIDC_ISSUER.")
    return services.provider


def _exchange(services: Services, provider: Provider, pending: PendingSignIn, code: str) -> Mapping[str, Any]:
    from authlib.oauth2.auth import ClientAuth
    from authlib.oauth2.rfc6749.parameters import prepare_token_request

    body = prepare_token_request(
        "authorization_code",
        code=code,
        redirect_uri=services.public_url + CALLBACK_PATH,
        code_verifier=pending.verifier,
    )
    client, method = provider.client, _auth_method(provider)
    headers: dict[str, str] = {}
    auth = ClientAuth(client.client_id, client.client_secret, method)
    _, headers, body = auth.prepare("POST", provider.metadata().token_url, headers, body)
    tokens = provider.exchange(body, headers)
    if tokens is None:
        raise AuthenticationFailed("The provider refused the code: it was used already, or came too late. Start again.")
    return tokens


def _auth_method(provider: Provider) -> str:
    if not provider.client.client_secret:
        return "none"
    methods = provider.metadata().token_auth_methods
    is_post_only = "client_secret_post" in methods and "client_secret_basic" not in methods
    return "client_secret_post" if is_post_only else "client_secret_basic"


def _verified_claims(provider: Provider, tokens: Mapping[str, Any], nonce: str, now: int) -> Mapping[str, Any]:
    """Return the claims of the ID token. Raises `AuthenticationFailed` unless every check passes."""
    from authlib.oidc.core import CodeIDToken
    from joserfc.errors import JoseError

    client_id = provider.client.client_id
    expected = {"iss": provider.client.issuer, "aud": client_id, "nonce": nonce}
    options: dict[str, Any] = {name: {"essential": True} for name in ("sub", "exp", "iat")}
    options |= {name: {"essential": True, "value": value} for name, value in expected.items()}
    parameters = {"nonce": nonce, "client_id": client_id, "access_token": tokens.get("access_token")}
    try:
        token = _decode(provider, tokens.get("id_token"))
        claims = CodeIDToken(token.claims, token.header, options, parameters)
        claims.validate(now=now, leeway=SKEW_SECONDS)
    except (JoseError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        problem = f"{type(error).__name__} {getattr(error, 'claim', None) or ''}".strip()
        logger.warning("ID token refused", extra={"problem": problem})
        raise AuthenticationFailed("The token of the provider is not valid for this sign-in. Start again.") from None
    verified: Mapping[str, Any] = claims
    return verified


def _decode(provider: Provider, text: object) -> Any:
    """Return a token whose signature is right. A key that is not known is looked for in a new key set."""
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError
    from joserfc.jws import JWSRegistry

    if not isinstance(text, str):
        raise TypeError("There is no ID token.")
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        return jwt.decode(text, _import_keys(provider.keys()), registry=registry)
    except InvalidKeyIdError:
        return jwt.decode(text, _import_keys(provider.keys(has_unknown=True)), registry=registry)


def _import_keys(found: Any) -> Any:
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        return KeySet.import_key_set(found)
    except (JoseError, ValueError, TypeError, LookupError, AttributeError):
        raise ProviderUnavailable("The key set of the provider cannot be read: see its settings.") from None


def _read_person(provider: Provider, tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> ProviderPerson:
    """Return the person of an ID token. Groups that are not in it are asked for."""
    rules, access_token = provider.client.rules, tokens.get("access_token")
    has_userinfo = provider.metadata().userinfo_url and isinstance(access_token, str) and access_token.isascii()
    if rules.groups_claim not in claims and has_userinfo:
        found = provider.userinfo(str(access_token))
        if found.get("sub") != claims["sub"]:
            raise AuthenticationFailed("The provider described another person. Start again.")
        claims = {**found, **claims}
    return read_person(claims, provider.client.issuer, rules.groups_claim)
