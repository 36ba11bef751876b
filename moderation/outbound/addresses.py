"""Which addresses may be called: a blog's own, a webhook's, and a private network only where that is allowed."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

from moderation.domain.urls import DEFAULT_PORTS, split_http_url

MAX_URL_LENGTH = 2_000

Resolver = Callable[..., Sequence[tuple[Any, Any, int, str, Any]]]
"""Has the signature of `socket.getaddrinfo`."""

_Address = IPv4Address | IPv6Address

_PRINTABLE_ASCII = frozenset(map(chr, range(0x21, 0x7F)))
_PRIVATE_NETWORKS = tuple(
    map(ip_network, "10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7".split())
)
# `is_global` differs between versions of Python for some of these, and no blog is reachable in any of them.
_SPECIAL_NETWORKS = tuple(map(ip_network, "192.0.0.0/24 192.88.99.0/24 2001::/23 2001:db8::/32 3fff::/20".split()))
_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64_NETWORK = ip_network("64:ff9b::/96")


class DeliveryError(Exception):
    """The call was not made, or got no answer. The message gives the reason and names no address."""


class PrivateAddress(DeliveryError):
    """The host is at a private address, and none is allowed."""


def is_same_origin(url: str, site_url: str) -> bool:
    """Return whether an address that a blog sent is on the host and the port of the registered blog.

    The path is free. `http` may replace `https` and the other way round where both use their default ports.
    """
    callback, site = split_callback_url(url), split_callback_url(site_url, ascii_only=False)
    if callback is None or site is None or _normalized_host(callback) != _normalized_host(site):
        return False
    if callback.scheme == site.scheme:
        return effective_port(callback) == effective_port(site)
    return all(effective_port(parts) == DEFAULT_PORTS[parts.scheme] for parts in (callback, site))


def host_may_be_allowed(url: str, *, allow_private: bool) -> bool:
    """Return whether the host may be called, as far as this can be decided without a DNS look-up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return is_allowed_address(ip_address(host), allow_private=allow_private)
    except ValueError:
        return allow_private or host != "localhost"


def split_callback_url(url: str, *, ascii_only: bool = True) -> SplitResult | None:
    """Split an http(s) URL that has a host and no user name; return `None` for any other text.

    With `ascii_only` the URL must be printable ASCII, as on the wire, and at most `MAX_URL_LENGTH` characters long.
    """
    if ascii_only and not (len(url) <= MAX_URL_LENGTH and _PRINTABLE_ASCII.issuperset(url)):
        return None
    parts = split_http_url(url)
    # A client that treats a backslash as a slash would find another host in the URL than `urlsplit` does.
    return parts if parts and "@" not in parts.netloc and "\\" not in url else None


def effective_port(parts: SplitResult) -> int:
    """Return the port of a URL, or the default port of its scheme."""
    return parts.port or DEFAULT_PORTS[parts.scheme]


def resolve(host: str, port: int, *, allow_private: bool, resolver: Resolver = socket.getaddrinfo) -> tuple[str, ...]:
    """Return the IP addresses of a host that may be called, in the order of the resolver, which is asked once.

    Raises `DeliveryError` if there is none.
    """
    try:
        addresses = dict.fromkeys(row[4][0] for row in resolver(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        raise DeliveryError("The name of the host could not be looked up.") from None
    allowed = tuple(address for address in addresses if _is_allowed(address, allow_private))
    if allowed:
        return allowed
    if any(_is_allowed(address, allow_private=True) for address in addresses):
        raise PrivateAddress(
            "The host is at a private address; `moderation site akismet` or `webhook add` can allow that."
        )
    raise DeliveryError("The name of the host leads to no address that may be called.")


def is_allowed_address(address: _Address, *, allow_private: bool) -> bool:
    """Return whether an address is a public unicast address, or a private one where these are allowed.

    An IPv6 address that embeds an IPv4 address is judged as that one. Link-local, unspecified, multicast and
    reserved addresses are never allowed.
    """
    embedded = _embedded_ipv4(address)
    if embedded is not None:
        return is_allowed_address(embedded, allow_private=allow_private)
    if any(address in network for network in _PRIVATE_NETWORKS):
        return allow_private
    if any(address in network for network in _SPECIAL_NETWORKS):
        return False
    unicast = address.version == 4 or address in _GLOBAL_UNICAST
    return unicast and address.is_global and not address.is_multicast and not address.is_reserved


def _is_allowed(address: str, allow_private: bool) -> bool:
    try:
        return is_allowed_address(ip_address(address), allow_private=allow_private)
    except ValueError:
        return False


def _embedded_ipv4(address: _Address) -> IPv4Address | None:
    """Return the IPv4 address to which packets for an IPv6 address are forwarded, if it embeds one."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64_NETWORK:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _normalized_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
