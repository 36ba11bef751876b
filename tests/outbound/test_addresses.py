"""What may be called: the registered blog's own host and port, and no inner network unless that is allowed."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.outbound.addresses import (
    LONGEST_URL,
    CallRefused,
    callback_fits,
    may_be_called,
    may_lead_to_a_blog,
    resolve,
)

OWN = "https://blog.example/notes"
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
addresses = st.ip_addresses() | st.sampled_from([ip_address(text) for text in (*PUBLIC, *PRIVATE, *NEVER)])


def answering(*found: str) -> "Answering":
    return Answering([list(found)])


class Answering:
    """A resolver with a list of answers, one for each time that it is asked."""

    def __init__(self, answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[object] = []

    def __call__(self, host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        self.asked.append(host)
        found = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.mark.parametrize(
    ("url", "own"),
    [
        (f"https://blog.example{HOOK}", OWN),
        (f"https://BLOG.example:443{HOOK}?a=b", OWN),
        (f"http://blog.example{HOOK}", OWN),
        (f"https://blog.example./{HOOK}", OWN),
        (f"https://blog.example:8443{HOOK}", "https://blog.example:8443"),
        (f"http://[::1]:8080{HOOK}", "http://[::1]:8080"),
        (f"https://xn--bcher-kva.example{HOOK}", "https://bücher.example"),
    ],
)
def test_the_blog_itself_may_be_called(url: str, own: str) -> None:
    """Same host, same port, whatever the path; http and https stand for each other at their usual ports."""
    assert callback_fits(url, own)


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
        "https://blog.example/" + "a" * LONGEST_URL,
        "",
    ],
)
def test_nothing_else_may_be_called(url: str) -> None:
    """Another host, port or scheme, a user in it, a control character, or more than a line of it."""
    assert not callback_fits(url, OWN)


def test_other_schemes_go_with_usual_ports_only() -> None:
    """At a port of its own the blog speaks what it was registered with."""
    assert not callback_fits("http://blog.example:8443/", "https://blog.example:8443")


@given(st.text(max_size=40), st.sampled_from([OWN, "http://127.0.0.1:8080"]))
def test_any_text_is_judged(url: str, own: str) -> None:
    """Nothing that a blog sends breaks the judgement."""
    assert not callback_fits(url, own)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_called(text: str) -> None:
    """With or without leave for private ones."""
    assert may_be_called(ip_address(text), private_allowed=False)
    assert may_be_called(ip_address(text), private_allowed=True)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_need_leave(text: str) -> None:
    """However they are written."""
    assert not may_be_called(ip_address(text), private_allowed=False)
    assert may_be_called(ip_address(text), private_allowed=True)


@pytest.mark.parametrize("text", NEVER)
def test_some_addresses_are_never_called(text: str) -> None:
    """Link-local ones, where clouds keep their secrets, and those that no single machine has."""
    assert not may_be_called(ip_address(text), private_allowed=True)


@pytest.mark.parametrize(
    ("host", "without", "with_leave"),
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
def test_some_hosts_need_no_look_up(host: str, without: bool, with_leave: bool) -> None:
    """A blog that could not be told anyway is not asked to hold a comment."""
    assert may_lead_to_a_blog(f"http://{host}:8080{HOOK}", private_allowed=False) == without
    assert may_lead_to_a_blog(f"http://{host}:8080{HOOK}", private_allowed=True) == with_leave


@given(addresses)
def test_leave_only_widens(address: IPv4Address | IPv6Address) -> None:
    """What may be called without leave may be called with it."""
    assert may_be_called(address, private_allowed=False) <= may_be_called(address, private_allowed=True)


@given(st.ip_addresses(v=4), st.booleans())
def test_an_address_in_disguise_is_judged_as_itself(inner: IPv4Address, leave: bool) -> None:
    """IPv4 within IPv6: mapped, translated (NAT64), tunnelled (6to4, Teredo)."""
    number = int(inner)
    disguises = (
        (0xFFFF << 32) | number,
        int(IPv6Address("64:ff9b::")) | number,
        int(IPv6Address("2002::")) | number << 80,
        int(IPv6Address("2001:0:808:808::")) | (number ^ 0xFFFFFFFF),
    )
    for disguise in disguises:
        judged = may_be_called(IPv6Address(disguise), private_allowed=leave)
        assert judged == may_be_called(inner, private_allowed=leave)


def test_only_addresses_that_may_be_called_come_out() -> None:
    """In the resolver's order, each once."""
    found = resolve(
        "blog.example",
        80,
        private_allowed=False,
        resolver=answering("169.254.169.254", "8.8.8.8", "10.0.0.1", "8.8.8.8", "9.9.9.9"),
    )
    assert [endpoint.address for endpoint in found] == [("8.8.8.8", 80), ("9.9.9.9", 80)]


def test_a_private_blog_is_named_as_such() -> None:
    """The operator learns what would allow it."""
    with pytest.raises(CallRefused, match=r"private address.*moderation site akismet"):
        resolve("blog.example", 80, private_allowed=False, resolver=answering("10.0.0.1"))


@pytest.mark.parametrize("found", [["169.254.169.254"], ["not an address"], []])
def test_nowhere_to_call_is_said(found: list[str]) -> None:
    """Even with leave for private addresses."""
    with pytest.raises(CallRefused, match="no address that may be called"):
        resolve("blog.example", 80, private_allowed=True, resolver=answering(*found))


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b"])
def test_a_name_that_cannot_be_looked_up_is_said(host: str) -> None:
    """It is no name at all."""
    with pytest.raises(CallRefused, match="could not be looked up"):
        resolve(host, 80, private_allowed=True)


def test_an_unknown_name_is_said() -> None:
    """The resolver knows no such host, or does not answer."""

    def lost(*_: object, **__: object) -> list[tuple[int, int, int, str, object]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(CallRefused, match="could not be looked up"):
        resolve("blog.example", 80, private_allowed=True, resolver=lost)
