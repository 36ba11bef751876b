"""A mail server for tests: aiosmtpd on loopback, which keeps each mail as it arrived."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Event, Lock
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from moderation.outbound.mail import MailSecurity, MailServer

SENDER = "moderation@blog.example"
USER, PASSWORD = "mailer", "a long password"


@dataclass
class Mailbox:
    """The mails that arrived. `answer` is that to each mail, `recipient_answer` that to each recipient."""

    port: int = 0
    answer: str = "250 OK"
    recipient_answer: str = "250 OK"
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def server(self, security: MailSecurity = "none", **changes: Any) -> MailServer:
        """Return the settings that send to this server."""
        values = {"host": "127.0.0.1", "port": self.port, "user": "", "password": "", "sender": SENDER, **changes}
        return MailServer(security=security, **values)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            with self.lock:
                self.mails.append(message_from_bytes(content, policy=default))
                self.recipients += envelope.rcpt_tos
            self.arrived.set()
        return self.answer


@contextmanager
def receiving_mail(context: ssl.SSLContext | None = None, *, implicit_tls: bool = False) -> Iterator[Mailbox]:
    """Run a mail server until the block ends: with a context it offers TLS and the login, else it takes any mail."""
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        mailbox.port = probe.getsockname()[1]
    options: dict[str, Any] = {}
    if context:
        # With TLS from the first byte aiosmtpd does not know that there is any, and warns of a login.
        options = {"authenticator": _authenticate, "auth_required": not implicit_tls}
        options["auth_require_tls"] = not implicit_tls
        options |= {"ssl_context": context} if implicit_tls else {"tls_context": context, "require_starttls": True}
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    success = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=success, handled=not success and False)
