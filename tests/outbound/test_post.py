"""One form is posted to one address: the request, the refusals and the deadline."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread, Timer
from threading import enumerate as enumerate_threads
from time import monotonic, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from moderation import __version__
from moderation.outbound.addresses import DeliveryError
from moderation.outbound.post import MAX_RESPONSE_BYTES, Response, post_form
from tests.outbound.test_addresses import resolving_to
from tests.receiver import Receiver, receiving

FORM = {"key": "0123456789ab", "endpoint": "comment-check", "comments[0][guid]": "a b&c", "comments[0][result]": "true"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        opened.known_guids.add("a b&c")
        yield opened


def post(url: str, seconds: float = 5.0) -> Response:
    return post_form(url, FORM, allow_private=True, seconds=seconds)


def delay_connections(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let each TCP connection take this long, as over a slow network."""
    connect = socket.socket.connect

    def connect_late(connection: socket.socket, address: tuple[str, int]) -> None:
        sleep(seconds)
        connect(connection, address)

    monkeypatch.setattr(socket.socket, "connect", connect_late)


@contextmanager
def silent_at(host: str, port: int = 0) -> Iterator[int]:
    """Accept connections without ever answering, and yield the port."""
    with socket.create_server((host, port)) as silent:
        yield int(silent.getsockname()[1])


def port_of(receiver: Receiver) -> int:
    return int(receiver.url.rpartition(":")[2])


def certificate(folder: Path, names: list[x509.GeneralName]) -> Path:
    """Write a self-signed certificate for these names with its key, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away")])
    now = datetime.now(UTC)
    signed = (
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
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def context_of(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def endless_server(pieces: list[bytes], pause: float) -> tuple[str, Thread]:
    """Serve one connection that ignores the request and sends `pieces`, the last one forever. Return its URL."""
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
    """Unchanged, with the blog's host name and our user agent."""
    response = post(receiver.callback + "?a=b#c")
    (call,) = receiver.calls
    assert response.status == 200 and b'"success"' in response.body
    assert call.form == FORM and call.path.endswith("/webhook?a=b")
    assert call.headers["Host"] == f"127.0.0.1:{port_of(receiver)}"
    assert call.headers["User-Agent"] == f"moderation/{__version__}"


def test_the_checked_address_is_called(receiver: Receiver) -> None:
    """The name is looked up once: a resolver with another second answer is not asked again."""
    resolver = resolving_to("127.0.0.1")
    resolver.answers.append(["127.0.0.2"])
    url = receiver.callback.replace("127.0.0.1", "blog.example")
    response = post_form(url, FORM, allow_private=True, seconds=5, resolver=resolver)
    assert response.status == 200 and resolver.asked == ["blog.example"]
    assert receiver.calls[0].headers["Host"] == f"blog.example:{port_of(receiver)}"


def test_an_address_that_refuses_is_skipped(receiver: Receiver) -> None:
    """`localhost` has two addresses, and a blog may listen on one of them."""
    url = receiver.callback.replace("127.0.0.1", "blog.example")
    resolver = resolving_to("127.0.0.2", "127.0.0.1")
    assert post_form(url, FORM, allow_private=True, seconds=5, resolver=resolver).status == 200


def test_a_private_address_is_not_called_unless_allowed(receiver: Receiver) -> None:
    """Even if its name looks public."""
    with pytest.raises(DeliveryError, match="private address"):
        post_form(receiver.callback, FORM, allow_private=False, seconds=5)
    assert receiver.calls == []


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """It is a response, and its target is not called."""
    with receiving() as elsewhere:
        receiver.redirect = elsewhere.callback
        assert post(receiver.callback).status == 307
        assert elsewhere.calls == []


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would look the name up again, behind the check of addresses."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.callback).status == 200


@pytest.mark.parametrize("url", ["ftp://blog.example/", "http://a@127.0.0.1/", "http://127.0.0.1/\r\nX: y", ""])
def test_an_unusable_url_is_refused(url: str) -> None:
    """Before any look-up."""
    with pytest.raises(DeliveryError, match="cannot be used"):
        post(url)


def test_a_refused_connection_is_an_error() -> None:
    """It is reported in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DeliveryError, match="could not be connected to"):
        post(f"http://127.0.0.1:{port}/")


def test_a_long_response_is_cut(receiver: Receiver) -> None:
    """Memory stays bounded."""
    receiver.body = b"x" * (2 * MAX_RESPONSE_BYTES)
    assert len(post(receiver.callback).body) == MAX_RESPONSE_BYTES


@pytest.mark.parametrize("where", ["before", "within"])
def test_a_slow_response_ends_at_the_deadline(receiver: Receiver, where: str) -> None:
    """Silence and a body that comes byte by byte end at the same time."""
    receiver.drip_body = where == "within"
    if where == "before":
        receiver.may_answer.clear()
    began = monotonic()
    with pytest.raises(DeliveryError, match="in time"):
        post(receiver.callback, seconds=0.4)
    assert 0.3 < monotonic() - began < 5


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nX: ", b"x"],
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"x"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"],
    ],
)
def test_no_part_of_a_response_can_be_endless(pieces: list[bytes]) -> None:
    """Neither headers, nor interim responses, nor chunks, nor a body without a length."""
    url, thread = endless_server(pieces, 0.05)
    began = monotonic()
    with pytest.raises(DeliveryError, match="in time"):
        post(url, seconds=0.4)
    assert monotonic() - began < 5
    thread.join()


@pytest.mark.parametrize(
    "response",
    [b"SSH-2.0-x\r\n", b"\x00\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200],
)
def test_another_protocol_is_an_error(response: bytes) -> None:
    """It is reported in a sentence."""
    url, thread = endless_server([response], 0.05)
    with pytest.raises(DeliveryError, match="not HTTP"):
        post(url)
    thread.join()


def test_nothing_is_sent_after_a_late_look_up(receiver: Receiver) -> None:
    """Only the look-up cannot be interrupted."""
    resolver = resolving_to("127.0.0.1")
    with pytest.raises(DeliveryError, match="in time"):
        post_form(receiver.callback, FORM, allow_private=True, seconds=0, resolver=resolver)
    assert resolver.asked and receiver.calls == []


def test_https_with_the_right_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is checked against the host's name; an operator's own authority is accepted."""
    path = certificate(tmp_path, [x509.DNSName("blog.example")])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver:
        receiver.known_guids.add("a b&c")
        url = receiver.callback.replace("127.0.0.1", "blog.example")
        response = post_form(url, FORM, allow_private=True, seconds=5, resolver=resolving_to("127.0.0.1"))
    assert response.status == 200 and b'"success"' in response.body


def test_https_at_an_ip_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate may name an address."""
    path = certificate(tmp_path, [x509.IPAddress(ip_address("127.0.0.1"))])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver:
        assert post(receiver.callback).status == 200


@pytest.mark.parametrize("trusted", [True, False])
def test_https_with_another_certificate_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """With a wrong name or an unknown issuer the key is not sent."""
    path = certificate(tmp_path, [x509.DNSName("other.example" if trusted else "blog.example")])
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver:
        url = receiver.callback.replace("127.0.0.1", "blog.example")
        with pytest.raises(DeliveryError, match="certificate"):
            post_form(url, FORM, allow_private=True, seconds=5, resolver=resolving_to("127.0.0.1"))
        assert receiver.calls == []


def test_https_to_an_http_port_is_an_error(receiver: Receiver) -> None:
    """There is no TLS."""
    with pytest.raises(DeliveryError, match="TLS"):
        post(receiver.callback.replace("http:", "https:"))
    assert receiver.calls == []


def test_a_silent_handshake_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow connection leaves less time for the handshake: both share one deadline."""
    delay_connections(monkeypatch, 0.8)
    began = monotonic()
    with silent_at("127.0.0.1") as port, pytest.raises(DeliveryError, match="in time"):
        post(f"https://127.0.0.1:{port}/", seconds=1)
    assert 0.9 < monotonic() - began < 1.5


@pytest.mark.parametrize("addresses", [("127.0.0.2", "127.0.0.1"), ("127.0.0.3", "127.0.0.2", "127.0.0.1")])
def test_an_address_that_stalls_the_handshake_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    """The last address gets the rest of the time."""
    path = certificate(tmp_path, [x509.DNSName("blog.example")])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver, silent_at("127.0.0.2", port_of(receiver)):
        url = receiver.callback.replace("127.0.0.1", "blog.example")
        response = post_form(url, FORM, allow_private=True, seconds=2, resolver=resolving_to(*addresses))
        assert response.status == 200 and len(receiver.calls) == 1


def test_addresses_that_all_stall_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each but the last gets half of the time that is left."""
    delay_connections(monkeypatch, 0.1)
    resolver = resolving_to("127.0.0.2", "127.0.0.3", "127.0.0.1")
    began = monotonic()
    with silent_at("") as port, pytest.raises(DeliveryError, match="in time"):
        post_form(f"https://blog.example:{port}/", FORM, allow_private=True, seconds=1, resolver=resolver)
    assert 0.9 < monotonic() - began < 1.5


def test_an_invalid_certificate_ends_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next address is not called, so that the error names the certificate."""
    path = certificate(tmp_path, [x509.DNSName("other.example")])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver, pytest.raises(DeliveryError, match="certificate"):
        url = receiver.callback.replace("127.0.0.1", "blog.example")
        post_form(url, FORM, allow_private=True, seconds=5, resolver=resolving_to("127.0.0.1", "127.0.0.2"))


def test_a_dripping_response_over_tls_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypted bytes restart the timeout of a socket as plain ones do."""
    path = certificate(tmp_path, [x509.IPAddress(ip_address("127.0.0.1"))])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(context_of(path)) as receiver:
        receiver.drip_body = True
        began = monotonic()
        with pytest.raises(DeliveryError, match="in time"):
            post(receiver.callback, seconds=0.6)
    assert 0.5 < monotonic() - began < 5


def test_a_call_leaves_no_thread_behind(receiver: Receiver) -> None:
    """The thread that watches the deadline ends with the call."""
    before = set(enumerate_threads())
    post(receiver.callback, seconds=3_600)
    assert not {thread for thread in set(enumerate_threads()) - before if isinstance(thread, Timer)}
