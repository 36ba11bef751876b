"""Parsing of http(s) URLs, the canonical form of a site's URL, and the links to our own pages."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from moderation.domain.errors import InvalidInput

DEFAULT_PORTS = {"http": 80, "https": 443}


def split_http_url(url: str) -> SplitResult | None:
    """Return the parts of an http(s) URL with a host and a possible port, `None` for any other text."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_usable else None


def normalize_url(url: str) -> str:
    """Return the canonical form of a site's URL: host in lower case, no default port, no slash at the end.

    Raises `InvalidInput` unless it is an http(s) URL without query, fragment and user.
    """
    parts = split_http_url(url)
    if parts is None or not url.isprintable() or any(char in url for char in "?#@ \\"):
        raise InvalidInput(
            "A site's address must look like https://blog.example or https://example.org/blog, without ? or #."
        )
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_sent_in_clear(url: str) -> bool:
    """Return whether a request to a URL can be read on its way: it goes to another machine without TLS."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def item_url(public_url: str, decision_id: str) -> str:
    """Return the address of the page about a decision's comment. It opens after sign-in and decides nothing."""
    return f"{public_url}/queue/comments/{decision_id}"
