"""The caller's address and the public path of the service, as trusted proxies report them."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from moderation.settings import PATH_PREFIX

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_IPV6_NETWORK_BITS = 64
_WITH_PORT = re.compile(r"^(?:([0-9]+\.[0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?)$")
"""An address as some proxies send it. Each connection of a caller has another port, and the limits are by address."""


@lru_cache(maxsize=1024)
def network_of(address: str | None) -> str:
    """Return the key of a client's address: one IPv4 address, or the IPv6 network of 64 bits that one client owns."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> _IPV6_NETWORK_BITS)
    return str(parsed)


class TrustedProxies:
    """The networks whose `X-Forwarded-…` headers are believed."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)
        # The few proxies of an installation call again and again.
        self.trusts = lru_cache(maxsize=1024)(self._trusts)

    def client_address(self, peer: str, forwarded_for: str) -> str | None:
        """Return the rightmost address that is no trusted proxy, or `None` if a trusted one calls for itself.

        Entries further left are the caller's own claim. An entry that is no address counts as the caller.
        """
        if not self.trusts(peer):
            return peer
        for entry in reversed(forwarded_for.split(",")):
            address = _WITH_PORT.sub(r"\1\2", entry.strip())
            if address and not self.trusts(address):
                return address[:64]
        return None

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self._networks)


class ForwardedRequests:
    """WSGI middleware: sets `REMOTE_ADDR` and `SCRIPT_NAME` from the headers of trusted proxies.

    `SCRIPT_NAME` is the first part of each link, redirect and cookie path. A proxy may pass the path with the prefix or
    without it.
    """

    def __init__(self, application: "WSGIApplication", proxies: TrustedProxies, prefix: str) -> None:
        self._application = application
        self._proxies = proxies
        self._prefix = prefix

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer the request with the changed environment."""
        peer = environ.get("REMOTE_ADDR", "")
        prefix = self._prefix
        if self._proxies.trusts(peer):
            sent = environ.get("HTTP_X_FORWARDED_PREFIX", "").rstrip("/")
            if sent and PATH_PREFIX.fullmatch(sent):
                prefix = sent
            environ["REMOTE_ADDR"] = self._proxies.client_address(peer, environ.get("HTTP_X_FORWARDED_FOR", "")) or peer
        if prefix:
            environ["SCRIPT_NAME"] = prefix
            path = environ.get("PATH_INFO", "")
            if path == prefix or path.startswith(f"{prefix}/"):
                environ["PATH_INFO"] = path[len(prefix) :] or "/"
        return self._application(environ, start_response)
