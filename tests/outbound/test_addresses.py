"""Only the registered blog's own host and port may be called, and private networks only where allowed."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.outbound.addresses import (
    MAX_URL_LENGTH,
    DeliveryError,
    host_may_be_allowed,
    is_allowed_address,
    is_same_origin,
    resolve,
)

SITE_URL = "https://blog.example/notes"
HOOK = "/wp-json/akismet/v1/webhook"

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
PRIVATE = [
    "10.1.2.3", "127.0.0.1", "127.255.255.254", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.0.8",
    "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "::", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
    "::7f00:1", "2001:db8::1", "3fff::1", "64:ff9b:1::7f00:1", "100::1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "5f00::1",
]  # fmt: skip
ip_addresses = st.ip_addresses() | st.sampled_from([ip_address(text) for text in (*PUBLIC, *PRIVATE, *NEVER)])


def resolving_to(*addresses: str) -> "FakeResolver":
    return FakeResolver([list(addresses)])


class FakeResolver:
    """A resolver with one answer for each call."""

    def __init__(self, answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[object] = []

    def __call__(self, host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        self.asked.append(host)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


@pytest.mark.parametrize(
    ("url", "site_url"),
    [
        (f"https://blog.example{HOOK}", SITE_URL),
        (f"https://BLOG.example:443{HOOK}?a=b", SITE_URL),
        (f"http://blog.example{HOOK}", SITE_URL),
        (f"https://blog.example./{HOOK}", SITE_URL),
        (f"https://blog.example:8443{HOOK}", "https://blog.example:8443"),
        (f"http://[::1]:8080{HOOK}", "http://[::1]:8080"),
        (f"https://xn--bcher-kva.example{HOOK}", "https://bücher.example"),
    ],
)
def test_the_blog_itself_may_be_called(url: str, site_url: str) -> None:
    """Same host and port with any path; http and https may replace each other at their default ports."""
    assert is_same_origin(url, site_url)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.blog.example/",
        "https://other.example/",
        "https://blog.example.other.example/",
        "https://blog.example:8443/",
        "http://blog.example:443/",
        "http://blog.example:8080/",
        "https://blog.example:0/",
        "https://blog.example:99999/",
        "https://blog.example@other.example/",
        "https://user:word@blog.example/",
        "https://@blog.example/",
        "https://other.example\\@blog.example/",
        "https://blog.example\\.other.example/",
        "ftp://blog.example/",
        "file:///etc/passwd",
        "//blog.example/",
        "blog.example/",
        "https:///path",
        "https://[blog.example/",
        "https://blog.example/\r\nHost: other.example",
        "https://blog.ex\tample/",
        "https://blog.example/ /",
        "https://blog.example/\x00",
        "https://blog.example/ü",
        "https://blog.example/\ud800",
        "https://blog.example/" + "a" * MAX_URL_LENGTH,
        "",
    ],
)
def test_nothing_else_may_be_called(url: str) -> None:
    """Another host, port or scheme, a user name, control characters or an overlong URL."""
    assert not is_same_origin(url, SITE_URL)


def test_schemes_may_differ_at_default_ports_only() -> None:
    """At another port the blog uses the scheme that it was registered with."""
    assert not is_same_origin("http://blog.example:8443/", "https://blog.example:8443")


@given(st.text(max_size=40), st.sampled_from([SITE_URL, "http://127.0.0.1:8080"]))
def test_any_text_is_refused(url: str, site_url: str) -> None:
    """Hostile text from a blog raises no error."""
    assert not is_same_origin(url, site_url)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed(text: str) -> None:
    """Whether or not private ones are allowed."""
    assert is_allowed_address(ip_address(text), allow_private=False)
    assert is_allowed_address(ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_must_be_allowed(text: str) -> None:
    """In every notation."""
    assert not is_allowed_address(ip_address(text), allow_private=False)
    assert is_allowed_address(ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", NEVER)
def test_some_addresses_are_never_allowed(text: str) -> None:
    """Link-local addresses, where clouds serve credentials, and addresses of no single machine."""
    assert not is_allowed_address(ip_address(text), allow_private=True)


@pytest.mark.parametrize(
    ("host", "by_default", "if_private"),
    [
        ("blog.example", True, True),
        ("8.8.8.8", True, True),
        ("localhost", False, True),
        ("LOCALHOST.", False, True),
        ("127.0.0.1", False, True),
        ("[::1]", False, True),
        ("169.254.169.254", False, False),
    ],
)
def test_some_hosts_need_no_look_up(host: str, by_default: bool, if_private: bool) -> None:
    """A blog that could not be called anyway is not asked to hold a comment."""
    assert host_may_be_allowed(f"http://{host}:8080{HOOK}", allow_private=False) == by_default
    assert host_may_be_allowed(f"http://{host}:8080{HOOK}", allow_private=True) == if_private


@given(ip_addresses)
def test_allowing_private_addresses_refuses_no_public_one(address: IPv4Address | IPv6Address) -> None:
    """Every address that is allowed by default stays allowed."""
    assert is_allowed_address(address, allow_private=False) <= is_allowed_address(address, allow_private=True)


@given(st.ip_addresses(v=4), st.booleans())
def test_an_embedded_address_is_judged_as_itself(embedded: IPv4Address, allow_private: bool) -> None:
    """IPv4 within IPv6: mapped, translated (NAT64), tunnelled (6to4, Teredo)."""
    number = int(embedded)
    ipv6_numbers = (
        (0xFFFF << 32) | number,
        int(IPv6Address("64:ff9b::")) | number,
        int(IPv6Address("2002::")) | number << 80,
        int(IPv6Address("2001:0:808:808::")) | (number ^ 0xFFFFFFFF),
    )
    for ipv6_number in ipv6_numbers:
        allowed = is_allowed_address(IPv6Address(ipv6_number), allow_private=allow_private)
        assert allowed == is_allowed_address(embedded, allow_private=allow_private)


def test_only_allowed_addresses_are_returned() -> None:
    """In the resolver's order, each once."""
    addresses = resolve(
        "blog.example",
        80,
        allow_private=False,
        resolver=resolving_to("169.254.169.254", "8.8.8.8", "10.0.0.1", "8.8.8.8", "9.9.9.9"),
    )
    assert addresses == ("8.8.8.8", "9.9.9.9")


def test_a_private_address_is_named_in_the_error() -> None:
    """The operator learns how to allow it."""
    with pytest.raises(DeliveryError, match=r"private address.*moderation site akismet"):
        resolve("blog.example", 80, allow_private=False, resolver=resolving_to("10.0.0.1"))


@pytest.mark.parametrize("addresses", [["169.254.169.254"], ["not an address"], []])
def test_no_allowed_address_is_an_error(addresses: list[str]) -> None:
    """Even if private addresses are allowed."""
    with pytest.raises(DeliveryError, match="no address that may be called"):
        resolve("blog.example", 80, allow_private=True, resolver=resolving_to(*addresses))


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b"])
def test_an_invalid_name_is_an_error(host: str) -> None:
    """It is refused before a look-up."""
    with pytest.raises(DeliveryError, match="could not be looked up"):
        resolve(host, 80, allow_private=True)


def test_an_unknown_name_is_an_error() -> None:
    """The resolver has no such host, or does not answer."""

    def lost(*_: object, **__: object) -> list[tuple[int, int, int, str, object]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(DeliveryError, match="could not be looked up"):
        resolve("blog.example", 80, allow_private=True, resolver=lost)
