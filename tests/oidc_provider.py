"""An OIDC provider for tests: a real HTTP server on loopback with real keys, which keeps or breaks the protocol."""

import base64
import html
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from threading import Event
from time import time
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry

from moderation.domain.oidc import SignInRules, parse_group_roles
from moderation.outbound.oidc import OidcClient
from tests.loopback import serving

CLIENT_ID, CLIENT_SECRET = "moderation", "a secret of the client"
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "ec"})
FOREIGN_KEY = RSAKey.generate_key(2048, {"kid": "rsa"})
"""A key of somebody else, under the name of the right one."""
EDITORS = SignInRules("groups", parse_group_roles('{"editors": "moderator", "chiefs": "owner"}'))
ALICE: dict[str, Any] = {
    "sub": "a-1",
    "preferred_username": "alice",
    "email": "alice@example.org",
    "email_verified": True,
    "groups": ["staff", "editors"],
}


class Grant(NamedTuple):
    """The request that a code belongs to."""

    redirect_uri: str
    challenge: str
    nonce: str
    claims: dict[str, Any]


@dataclass
class OidcProvider:
    """The people of the provider, and its faults.

    `claims` are those of the person who is signed in, and `changes` those of the ID token that a fault has; `None`
    leaves one out. `sign` makes the token. `metadata` changes the discovery document. `bodies` and `statuses` replace
    those of the responses by path. With `people`, a page asks who signs in. `redirects` sends calls to an address, and
    a provider that `is_silent` never answers.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: dict(ALICE))
    changes: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    redirects: str = ""
    now: Callable[[], float] = time
    sign: Callable[[dict[str, Any]], str] = field(default=lambda claims: signed(claims))  # noqa: PLW0108 - defined below
    keys: list[Any] = field(default_factory=lambda: [RSA_KEY, EC_KEY])
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_silent: bool = False
    codes: dict[str, Grant] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    closing: Event = field(default_factory=Event)

    def client(self, rules: SignInRules = EDITORS, secret: str = CLIENT_SECRET) -> OidcClient:
        """Return the settings that lead here."""
        return OidcClient(self.issuer, CLIENT_ID, secret, "openid profile email", rules)

    def authorize(self, address: str, **claims: Any) -> str:
        """Sign the person in by the address to which a browser was sent. Return the address to which it goes back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT_ID, asked
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split(), asked
        code = secrets.token_urlsafe(16)
        grant = Grant(asked["redirect_uri"], asked["code_challenge"], asked["nonce"], {**self.claims, **claims})
        self.codes[code] = grant
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def welcome(self, address: str) -> tuple[str, str]:
        """Return a page that asks who signs in, or the address to which the browser goes back."""
        query = parse_qs(urlsplit(address).query)
        person = self.people.get(query.get("person", [""])[0])
        if self.people and person is None:
            return _page(query, list(self.people)), ""
        return "", self.authorize(address, **(person or {}))

    def document(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            **self.metadata,
        }

    def respond(self, path: str, authorization: str | None) -> tuple[int, dict[str, Any]]:
        """Return the answer to a request without a body."""
        documents: dict[str, dict[str, Any]] = {
            "/.well-known/openid-configuration": self.document(),
            "/keys": {**KeySet(self.keys).as_dict(private=False)},
        }
        if authorization == "Bearer an-access-token":
            documents["/userinfo"] = self.userinfo
        return (200, documents[path]) if path in documents else (404, {})

    def redeem(self, form: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        """Return the tokens of a code, which works once and with its verifier alone."""
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        grant = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if grant is None or (grant.redirect_uri, grant.challenge) != (form.get("redirect_uri"), challenge.decode()):
            return 400, {"error": "invalid_grant"}
        now = int(self.now())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": grant.nonce}
        claims = {**claims, **grant.claims, **self.changes}
        token = self.sign({name: value for name, value in claims.items() if value is not None})
        self.tokens.append(token)
        return 200, {"access_token": "an-access-token", "token_type": "Bearer", "id_token": token}


def signed(claims: dict[str, Any], key: Any = RSA_KEY, algorithm: str = "RS256", **header: Any) -> str:
    """Return a token of claims."""
    registry = JWSRegistry(algorithms=[algorithm])
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, claims, key, registry=registry)


def unsigned(claims: dict[str, Any]) -> str:
    """Return a token without a signature."""
    return ".".join([*(_encode(part) for part in ({"alg": "none", "kid": "rsa"}, claims)), ""])


def signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """Return a token whose shared key is the public one, as a verifier would read it."""
    import hmac

    text = ".".join(_encode(part) for part in ({"alg": "HS256", "kid": "rsa"}, claims))
    digest = hmac.new(RSA_KEY.as_pem(private=False), text.encode(), sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@contextmanager
def providing(host: str = "127.0.0.1") -> Iterator[OidcProvider]:
    """Run a provider until the block ends."""
    provider = OidcProvider()
    endpoint = type("Endpoint", (_Endpoint,), {"provider": provider})
    with serving(endpoint, host, provider.closing.set) as port:
        provider.issuer = f"http://{host}:{port}"
        yield provider


def _encode(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


class _Endpoint(BaseHTTPRequestHandler):
    timeout = 30
    provider: OidcProvider

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/authorize":
            self._authorize()
        else:
            self._answer(path, *self.provider.respond(path, self.headers["Authorization"]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer("/token", *self.provider.redeem(form, self.headers["Authorization"]))

    def _authorize(self) -> None:
        page, address = self.provider.welcome(self.path)
        if page:
            self._send(200, page.encode(), "text/html")
        else:
            self._send(302, b"", "text/html", address)

    def _answer(self, path: str, status: int, found: dict[str, Any]) -> None:
        self.provider.calls.append(path)
        if self.provider.is_silent:
            self.provider.closing.wait(30)
            return
        status = 302 if self.provider.redirects else self.provider.statuses.get(path, status)
        body = self.provider.bodies.get(path, json.dumps(found).encode())
        self._send(status, body, "application/json", self.provider.redirects)

    def _send(self, status: int, body: bytes, content_type: str, location: str = "") -> None:
        headers = {"Location": location, "Content-Type": content_type, "Content-Length": str(len(body))}
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _page(query: dict[str, list[str]], names: list[str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(values[0])}">'
        for name, values in query.items()
    )
    buttons = "".join(f'<button name="person" value="{name}">{name}</button>' for name in names)
    return f'<!doctype html><html lang="en"><title>Provider</title><form action="/authorize">{hidden}{buttons}</form>'
