"""Send one mail through the operator's mail server, over TLS unless that is switched off."""

import smtplib
import socket
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from threading import Timer
from time import monotonic
from typing import Literal

from moderation.outbound.addresses import DeliveryError

MailSecurity = Literal["starttls", "tls", "none"]


class MailRefused(Exception):
    """The mail server took the connection, but refused this recipient or this mail."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that sends the mails, and their sender. Without a `user` there is no login."""

    host: str
    port: int
    security: MailSecurity
    user: str
    password: str = field(repr=False)
    sender: str


def send_mail(server: MailServer, message: EmailMessage, seconds: float) -> None:
    """Send a mail. The conversation ends after `seconds`, even if the server answers byte by byte.

    Raises `MailRefused`, or `DeliveryError` if the server cannot be used at all. No message quotes the server.
    """
    end = monotonic() + seconds
    session = _new_session(server, seconds)
    # A timeout of the socket starts anew with each byte: only this ends an answer that drips in without end.
    timer = Timer(seconds, _disconnect, [session])
    timer.start()
    try:
        with closing(session):
            _send(session, server, message)
    except smtplib.SMTPRecipientsRefused:
        raise MailRefused("The mail server refused the recipient.") from None
    except smtplib.SMTPDataError as error:
        raise MailRefused(f"The mail server refused the mail with {error.smtp_code}.") from None
    except (smtplib.SMTPException, OSError) as error:
        late = monotonic() >= end
        raise DeliveryError("The mail server did not answer in time." if late else _describe(error)) from None
    finally:
        timer.cancel()
        timer.join()


def _new_session(server: MailServer, seconds: float) -> smtplib.SMTP:
    name = socket.gethostname()
    if server.security == "tls":
        session: smtplib.SMTP = smtplib.SMTP_SSL(
            local_hostname=name, timeout=seconds, context=ssl.create_default_context()
        )
    else:
        session = smtplib.SMTP(local_hostname=name, timeout=seconds)
    # The host that TLS checks. With a host, the constructor would connect before the timer runs.
    session._host = server.host  # type: ignore[attr-defined]  # noqa: SLF001
    return session


def _send(session: smtplib.SMTP, server: MailServer, message: EmailMessage) -> None:
    session.connect(server.host, server.port)
    if server.security == "starttls":
        session.starttls(context=ssl.create_default_context())
    if server.user:
        session.login(server.user, server.password)
    session.send_message(message, server.sender)
    with suppress(smtplib.SMTPException, OSError):
        # The mail is accepted: a server that hangs up now must not cause a second one.
        session.quit()


def _disconnect(session: smtplib.SMTP) -> None:
    connection = session.sock
    with suppress(OSError):
        if connection is not None:
            # `SSLSocket.shutdown` would switch a reading thread to the unencrypted stream.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _describe(error: Exception) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return "The mail server refused MODERATION_SMTP_USER with MODERATION_SMTP_PASSWORD."
        case smtplib.SMTPNotSupportedError():
            return "The mail server offers no STARTTLS or no login: see MODERATION_SMTP_SECURITY."
        case smtplib.SMTPSenderRefused():
            return "The mail server refused the sender MODERATION_MAIL_FROM."
        case ssl.SSLCertVerificationError():
            return "The mail server's TLS certificate does not match MODERATION_SMTP_HOST; see SSL_CERT_FILE."
        case ssl.SSLError():
            return "No TLS connection to the mail server could be agreed on: see MODERATION_SMTP_SECURITY."
        case TimeoutError():
            return "The mail server did not answer in time."
        case smtplib.SMTPResponseException():
            return f"The mail server answered with {error.smtp_code}."
        case _:
            return "The mail server could not be connected to, or broke the connection off."
