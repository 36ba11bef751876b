"""Comments as mail: what a mail filter reads."""

import re
from collections.abc import Iterable
from email.header import Header

from moderation.domain.comment import Comment

SEPARATOR = b"From comment@comments.invalid Thu Jan  1 00:00:00 1970\n"
"""What stands before each message of an mbox file."""

_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_LINES = re.compile(r"\r\n?")
_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){1,8}", re.ASCII)


def wrapped(comment: Comment, number: int | None = None) -> bytes:
    """A message of RFC 5322: author and mailbox in From, the author's address at the end.

    The page's title is left out: it tells pages apart, which misleads a filter on a page that it has not seen.
    A field that is unknown or empty leaves no trace. The text is plain, tags and all. `number` makes a Message-ID; as
    some filters take that for evidence, what is learnt from should have none.
    """
    headers = _sender(comment)
    if number is not None:
        headers.append(f"Message-ID: <{number}@comments.invalid>")
    headers += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    body = _LINES.sub("\n", comment.text).replace("\x00", " ")
    if comment.url:
        body += "\n\n" + _BREAKS.sub(" ", comment.url)
    return "\n".join(headers).encode("ascii") + b"\n\n" + body.encode("utf-8", "replace") + b"\n"


def mbox(messages: Iterable[bytes]) -> bytes:
    """The messages as one mbox file; lines that would start another message are quoted."""
    return b"".join(SEPARATOR + _FROM.sub(rb">\1", message) + b"\n" for message in messages)


def repeated(comment: Comment, fewest: int) -> Comment:
    """The comment with its text repeated until it has at least `fewest` words; without words it stays as it is."""
    words = len(comment.text.split())
    if not 0 < words < fewest:
        return comment
    text = " ".join([comment.text] * -(-fewest // words))
    return Comment(text, author=comment.author, url=comment.url, email=comment.email)


def _sender(comment: Comment) -> list[str]:
    mailbox = (comment.email or "").strip()
    address = mailbox if _ADDRESS.fullmatch(mailbox) else "unknown@comments.invalid"
    if comment.author:
        return [f"From: {_encoded(comment.author)} <{address}>"]
    return [f"From: {address}"] if address == mailbox else []


def _encoded(value: str) -> str:
    """A name in ASCII and on one logical line; what is not ASCII as RFC 2047 says."""
    plain = _BREAKS.sub(" ", value).strip().encode("utf-8", "replace").decode("utf-8")
    if not plain.isascii():
        return Header(plain, "utf-8", maxlinelen=76).encode()
    return '"' + plain.replace("\\", "").replace('"', "") + '"'
