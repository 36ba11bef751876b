"""One form posted to one address: what arrives, what is refused, and that it is over in time."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from moderation import __version__
from moderation.outbound.addresses import CallRefused
from moderation.outbound.post import LONGEST_ANSWER, Answer, post_form
from tests.outbound.test_addresses import answering
from tests.receiver import Receiver, receiving

FORM = {"key": "0123456789ab", "endpoint": "comment-check", "comments[0][guid]": "a b&c", "comments[0][result]": "true"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        opened.known.add("a b&c")
        yield opened


def post(url: str, seconds: float = 5.0) -> Answer:
    return post_form(url, FORM, private_allowed=True, seconds=seconds)


def port_of(receiver: Receiver) -> int:
    return int(receiver.url.rpartition(":")[2])


def certificate(folder: Path, names: list[x509.GeneralName]) -> Path:
    """A throw-away certificate for these names with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def context_of(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def swallowing(pieces: list[bytes], pause: float) -> tuple[str, Thread]:
    """A server for one connection that takes no notice and says `pieces`, again and again; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with listener, listener.accept()[0] as connection:
            connection.settimeout(pause)
            place = 0
            while True:
                try:
                    if not connection.recv(65536):
                        return
                except TimeoutError:
                    pass
                except OSError:
                    return
                try:
                    connection.sendall(pieces[min(place, len(pieces) - 1)])
                except OSError:
                    return
                place += 1

    thread = Thread(target=talk)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/", thread


def test_the_form_arrives(receiver: Receiver) -> None:
    """As it was given, with the blog's own name and who calls."""
    answer = post(receiver.callback + "?a=b#c")
    (call,) = receiver.calls
    assert answer.status == 200 and b'"success"' in answer.body
    assert call.form == FORM and call.path.endswith("/webhook?a=b")
    assert call.headers["Host"] == f"127.0.0.1:{port_of(receiver)}"
    assert call.headers["User-Agent"] == f"moderation/{__version__}"


def test_the_address_that_was_checked_is_the_one_connected_to(receiver: Receiver) -> None:
    """The name is looked up once: a resolver that says something else the second time is not asked."""
    resolver = answering("127.0.0.1")
    resolver.answers.append(["127.0.0.2"])
    url = receiver.callback.replace("127.0.0.1", "blog.example")
    answer = post_form(url, FORM, private_allowed=True, seconds=5, resolver=resolver)
    assert answer.status == 200 and resolver.asked == ["blog.example"]
    assert receiver.calls[0].headers["Host"] == f"blog.example:{port_of(receiver)}"


def test_an_address_that_takes_no_connection_is_passed_over(receiver: Receiver) -> None:
    """`localhost` has two, and a blog may listen on one of them."""
    url = receiver.callback.replace("127.0.0.1", "blog.example")
    resolver = answering("127.0.0.2", "127.0.0.1")
    assert post_form(url, FORM, private_allowed=True, seconds=5, resolver=resolver).status == 200


def test_a_private_address_is_not_called_without_leave(receiver: Receiver) -> None:
    """Not even by a name that looks public."""
    with pytest.raises(CallRefused, match="private address"):
        post_form(receiver.callback, FORM, private_allowed=False, seconds=5)
    assert receiver.calls == []


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """It is an answer, and nobody calls where it leads."""
    with receiving() as elsewhere:
        receiver.redirect = elsewhere.callback
        assert post(receiver.callback).status == 307
        assert elsewhere.calls == []


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would look the name up again, and could be asked for anything."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.callback).status == 200


@pytest.mark.parametrize("url", ["ftp://blog.example/", "http://a@127.0.0.1/", "http://127.0.0.1/\r\nX: y", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    """Before anything is looked up."""
    with pytest.raises(CallRefused, match="cannot be used"):
        post(url)


def test_nobody_listening_is_said() -> None:
    """A connection that is refused is a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as left:
        port = left.getsockname()[1]
    with pytest.raises(CallRefused, match="could not be connected to"):
        post(f"http://127.0.0.1:{port}/")


def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    """Memory stays small, whatever comes."""
    receiver.body = b"x" * (2 * LONGEST_ANSWER)
    assert len(post(receiver.callback).body) == LONGEST_ANSWER


@pytest.mark.parametrize("where", ["before", "within"])
def test_a_slow_answer_does_not_stretch_the_call(receiver: Receiver, where: str) -> None:
    """Silence, and a body that comes byte by byte, end at the same time."""
    receiver.drip = where == "within"
    if where == "before":
        receiver.open_door.clear()
    began = monotonic()
    with pytest.raises(CallRefused, match="in time"):
        post(receiver.callback, seconds=0.4)
    assert 0.3 < monotonic() - began < 5


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nX: ", b"x"],
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"],
    ],
)
def test_no_part_of_an_answer_can_be_endless(pieces: list[bytes]) -> None:
    """Neither its head, nor its preliminaries, nor its pieces."""
    url, thread = swallowing(pieces, 0.05)
    began = monotonic()
    with pytest.raises(CallRefused, match="in time"):
        post(url, seconds=0.4)
    assert monotonic() - began < 5
    thread.join()


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-x\r\n", b"\x00\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200]
)
def test_what_is_not_http_is_said(said: bytes) -> None:
    """Another protocol at that port is a sentence."""
    url, thread = swallowing([said], 0.05)
    with pytest.raises(CallRefused, match="not HTTP"):
        post(url)
    thread.join()


def test_a_look_up_that_took_too_long_sends_nothing(receiver: Receiver) -> None:
    """Only the look-up cannot be broken off; when it is late, nothing follows."""
    resolver = answering("127.0.0.1")
    with pytest.raises(CallRefused, match="in time"):
        post_form(receiver.callback, FORM, private_allowed=True, seconds=0, resolver=resolver)
    assert resolver.asked and receiver.calls == []


def test_https_with_the_right_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is checked against the host's name, not its address; an operator's own authority counts."""
    path = certificate(tmp_path, [x509.DNSName("blog.example")])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver:
        receiver.known.add("a b&c")
        url = receiver.callback.replace("127.0.0.1", "blog.example")
        answer = post_form(url, FORM, private_allowed=True, seconds=5, resolver=answering("127.0.0.1"))
    assert answer.status == 200 and b'"success"' in answer.body


def test_https_at_a_bare_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate may name an address."""
    path = certificate(tmp_path, [x509.IPAddress(ip_address("127.0.0.1"))])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver:
        assert post(receiver.callback).status == 200


@pytest.mark.parametrize("trusted", [True, False])
def test_https_with_another_certificate_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """A wrong name, or an issuer that nobody knows: the key does not leave."""
    path = certificate(tmp_path, [x509.DNSName("other.example" if trusted else "blog.example")])
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver:
        url = receiver.callback.replace("127.0.0.1", "blog.example")
        with pytest.raises(CallRefused, match="certificate"):
            post_form(url, FORM, private_allowed=True, seconds=5, resolver=answering("127.0.0.1"))
        assert receiver.calls == []


def test_https_spoken_to_http_is_said(receiver: Receiver) -> None:
    """No TLS there."""
    with pytest.raises(CallRefused, match="TLS"):
        post(receiver.callback.replace("http:", "https:"))
    assert receiver.calls == []


def test_a_silent_handshake_ends_in_time() -> None:
    """TLS counts towards the same time."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CallRefused, match="in time"):
        post(f"https://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.3)
