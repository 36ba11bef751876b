"""Which addresses may be called: those of the registered blog, and no inner network by accident."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

LONGEST_URL = 2_000
"""Characters."""

Resolver = Callable[..., Sequence[tuple[Any, Any, int, str, Any]]]
"""Asked and answering like `socket.getaddrinfo`."""

_Address = IPv4Address | IPv6Address

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PRINTABLE = frozenset(map(chr, range(0x21, 0x7F)))
_PRIVATE = tuple(
    map(ip_network, "10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7".split())
)
_SPECIAL = tuple(map(ip_network, "192.0.0.0/24 192.88.99.0/24 2001::/23 2001:db8::/32 3fff::/20".split()))
"""Some of these are global by the book, or by one version of Python only; no blog is there."""

_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")


class CallRefused(Exception):
    """No call was made, or none that was answered; the message tells the operator why, and names no address."""


class Endpoint(NamedTuple):
    """Where to connect: what the `socket` module calls family and address."""

    family: int
    address: tuple[Any, ...]


def callback_fits(url: str, site_url: str) -> bool:
    """Whether an address that a blog sent may be called: it is on the host and the port of the registered blog.

    The path is free. `http` may stand for `https`, or the other way, where both use their usual ports.
    """
    asked, own = split(url), split(site_url, plain=False)
    if asked is None or own is None or _host(asked) != _host(own):
        return False
    if asked.scheme == own.scheme:
        return port_of(asked) == port_of(own)
    return all(port_of(parts) == _DEFAULT_PORTS[parts.scheme] for parts in (asked, own))


def may_lead_to_a_blog(url: str, *, private_allowed: bool) -> bool:
    """Whether the host may be called, as far as that can be told without looking its name up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return may_be_called(ip_address(host), private_allowed=private_allowed)
    except ValueError:
        return private_allowed or host != "localhost"


def split(url: str, *, plain: bool = True) -> SplitResult | None:
    """The parts of an http(s) address that names a host, and no user; `None` for any other.

    `plain` says that it must be of printable ASCII, as what goes over the wire is, and not too long.
    """
    if plain and not (len(url) <= LONGEST_URL and _PRINTABLE.issuperset(url)):
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        return None
    # Who reads a backslash as a slash would find another host in it than we do.
    return parts if usable and "@" not in parts.netloc and "\\" not in url else None


def port_of(parts: SplitResult) -> int:
    """The port that is connected to."""
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def resolve(
    host: str, port: int, *, private_allowed: bool, resolver: Resolver = socket.getaddrinfo
) -> tuple[Endpoint, ...]:
    """Every address of a host that may be called, in the order of the resolver, which is asked once.

    Raises `CallRefused` when there is none.
    """
    try:
        found = resolver(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CallRefused("The name of the blog's host could not be looked up.") from None
    allowed = (Endpoint(row[0], row[4]) for row in found if _called(row[4], private_allowed))
    endpoints = tuple(dict.fromkeys(allowed))
    if endpoints:
        return endpoints
    if any(_called(row[4], private_allowed=True) for row in found):
        raise CallRefused("The blog is at a private address; `moderation site akismet` can allow that.")
    raise CallRefused("The name of the blog's host leads to no address that may be called.")


def may_be_called(address: _Address, *, private_allowed: bool) -> bool:
    """Whether it is a public address of one machine, or one of a private network where that is allowed.

    An IPv6 address that carries an IPv4 one counts as that. Link-local, unspecified, multicast and reserved
    addresses are never called.
    """
    inner = _carried(address)
    if inner is not None:
        return may_be_called(inner, private_allowed=private_allowed)
    if any(address in network for network in _PRIVATE):
        return private_allowed
    if any(address in network for network in _SPECIAL):
        return False
    unicast = address.version == 4 or address in _UNICAST
    return unicast and address.is_global and not address.is_multicast and not address.is_reserved


def _called(address: tuple[Any, ...], private_allowed: bool) -> bool:
    try:
        return may_be_called(ip_address(address[0]), private_allowed=private_allowed)
    except ValueError:
        return False


def _carried(address: _Address) -> IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address end at, where it says so."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
