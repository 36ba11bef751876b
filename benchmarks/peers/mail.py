"""Comments as e-mail messages, for filters that read mail."""

import re
from collections.abc import Iterable
from email.header import Header

from moderation.domain.comment import Comment

# The separator before each message of an mbox file.
MBOX_FROM_LINE = b"From comment@comments.invalid Thu Jan  1 00:00:00 1970\n"

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_LINE_BREAKS = re.compile(r"\r\n?")
_QUOTED_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){1,8}", re.ASCII)


def to_mail(comment: Comment, number: int | None = None) -> bytes:
    """Convert a comment to a message of RFC 5322: author and e-mail in From, the author's URL at the end of the text.

    An unknown or empty field adds nothing, and the text keeps its tags. The page's title is left out: it would
    mislead a filter on a page that was not in its training data.

    `number` becomes the Message-ID. Training messages need none, because some filters learn from it.
    """
    headers = _from_header(comment)
    if number is not None:
        headers.append(f"Message-ID: <{number}@comments.invalid>")
    headers += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    body = _LINE_BREAKS.sub("\n", comment.text).replace("\x00", " ")
    if comment.url:
        body += "\n\n" + _CONTROL_CHARACTERS.sub(" ", comment.url)
    return "\n".join(headers).encode("ascii") + b"\n\n" + body.encode("utf-8", "replace") + b"\n"


def mbox(messages: Iterable[bytes]) -> bytes:
    """Join messages to one mbox file, and quote the lines that would start another message."""
    return b"".join(MBOX_FROM_LINE + _QUOTED_FROM.sub(rb">\1", message) + b"\n" for message in messages)


def repeat_text(comment: Comment, min_words: int) -> Comment:
    """Repeat a comment's text until it has at least `min_words` words. A text without words stays as it is."""
    words = len(comment.text.split())
    if not 0 < words < min_words:
        return comment
    text = " ".join([comment.text] * -(-min_words // words))
    return Comment(text, author=comment.author, url=comment.url, email=comment.email)


def _from_header(comment: Comment) -> list[str]:
    email = (comment.email or "").strip()
    address = email if _ADDRESS.fullmatch(email) else "unknown@comments.invalid"
    if comment.author:
        return [f"From: {_encode_header(comment.author)} <{address}>"]
    return [f"From: {address}"] if address == email else []


def _encode_header(value: str) -> str:
    """Encode a name as ASCII on one logical line, by RFC 2047 if needed."""
    plain = _CONTROL_CHARACTERS.sub(" ", value).strip().encode("utf-8", "replace").decode("utf-8")
    if not plain.isascii():
        return Header(plain, "utf-8", maxlinelen=76).encode()
    return '"' + plain.replace("\\", "").replace('"', "") + '"'
