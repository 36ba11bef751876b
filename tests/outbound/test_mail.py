"""One mail is sent to a real server: TLS, login, refusals and the deadline."""

import socket
from contextlib import closing
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from cryptography import x509

from moderation.outbound.addresses import DeliveryError
from moderation.outbound.mail import MailRefused, MailServer, send_mail
from tests.mail_server import PASSWORD, SENDER, USER, Mailbox, receiving_mail
from tests.outbound.test_post import certificate, context_of

LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))


def a_mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, "mara@blog.example", "Hello"
    message.set_content("Hello Mara")
    return message


def send(server: MailServer, seconds: float = 5.0) -> None:
    send_mail(server, a_mail(), seconds)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_is_sent_over_tls_with_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: Any) -> None:
    """From the first byte or by STARTTLS, with an operator's own authority."""
    path = certificate(tmp_path, [LOOPBACK])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving_mail(context_of(path), implicit_tls=security == "tls") as mailbox:
        send(mailbox.server(security, user=USER, password=PASSWORD))
        (mail,) = mailbox.mails
        assert mail["Subject"] == "Hello" and mailbox.recipients == ["mara@blog.example"]
        with pytest.raises(DeliveryError, match="refused MODERATION_SMTP_USER") as refused:
            send(mailbox.server(security, user=USER, password="wrong password"))
        assert "wrong password" not in str(refused.value) and len(mailbox.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_foreign_certificate_gets_neither_mail_nor_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: Any, trusted: bool
) -> None:
    """With a wrong name, or of an unknown issuer."""
    path = certificate(tmp_path, [x509.DNSName("other.example")] if trusted else [LOOPBACK])
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving_mail(context_of(path), implicit_tls=security == "tls") as mailbox:
        with pytest.raises(DeliveryError, match="certificate"):
            send(mailbox.server(security, user=USER, password=PASSWORD))
        assert mailbox.mails == []


def test_a_server_without_starttls_gets_nothing() -> None:
    """A man in the middle could have removed the offer."""
    with receiving_mail() as mailbox:
        with pytest.raises(DeliveryError, match="STARTTLS"):
            send(mailbox.server("starttls"))
        send(mailbox.server("none"))
        assert len(mailbox.mails) == 1


def test_refusals_are_told_apart() -> None:
    """A refused recipient says nothing about others; a server that is not there does."""
    with receiving_mail() as mailbox:
        mailbox.recipient_answer = "550 no such user mara@blog.example"
        with pytest.raises(MailRefused, match=r"^The mail server refused the recipient\.$"):
            send(mailbox.server())
        mailbox.recipient_answer, mailbox.answer = "250 OK", "554 this looks like spam"
        with pytest.raises(MailRefused, match=r"refused the mail with 554\.$"):
            send(mailbox.server())
        gone = mailbox.server()
    with pytest.raises(DeliveryError, match="could not be connected to"):
        send(gone)


def drip(listener: socket.socket, pieces: bytes) -> None:
    with closing(listener), listener.accept()[0] as connection:
        try:
            for piece in iter(lambda: pieces, b""):
                connection.sendall(piece)
                sleep(0.02)
        except OSError:
            pass


@pytest.mark.parametrize("pieces", [b"2", b"220-more\r\n"])
def test_no_answer_can_be_endless(pieces: bytes) -> None:
    """Byte by byte, or line by line: the conversation has one deadline."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=drip, args=(listener, pieces))
    thread.start()
    began = monotonic()
    with pytest.raises(DeliveryError):
        send(Mailbox(port=listener.getsockname()[1]).server(), seconds=0.5)
    assert monotonic() - began < 5
    thread.join()
