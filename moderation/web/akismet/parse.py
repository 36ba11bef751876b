"""The parameters of a call, from the raw bytes of its query and its body.

Clients leave out the content type or send an odd one, and blogs may speak any charset, so neither Flask's
form parsing nor an assumption of UTF-8 would do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from flask import Request

from moderation.domain.errors import InputRefused
from moderation.web.bodies import whole_body

MAX_FIELDS = 5_000
"""Parameters read of one call; WordPress sends about forty."""

_ISO_PARTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)
_CHARSETS = (
    *("utf-8", "us-ascii", "koi8-r", "koi8-u", "shift_jis", "euc-jp", "iso-2022-jp"),
    *("gb2312", "gbk", "gb18030", "big5", "euc-kr", "latin1", "cp1251", "cp1252"),
    *(f"iso-8859-{part}" for part in _ISO_PARTS),
    *(f"windows-125{page}" for page in range(9)),
)
_INDEX = re.compile(rb"\[[^\[\]]*\]$")
_YES = frozenset({"1", "true", "yes", "on"})


def _squeezed(charset: str) -> str:
    return "".join(letter for letter in charset.lower() if letter.isalnum())


# A closed list: Python's own registry also knows codecs that are no charset, or take quadratic time.
_KNOWN = {_squeezed(charset): charset for charset in _CHARSETS}


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of one call. `name[]` and `name[0]` are further values of `name`."""

    fields: dict[bytes, list[bytes]]
    charset: str
    host: str

    def get(self, name: str) -> str | None:
        """The last value of `name`: `None` where it is absent, `""` where it is empty."""
        values = self.fields.get(name.encode())
        return None if values is None else self._decoded(values[-1])

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in the order they were sent."""
        return [self._decoded(value) for value in self.fields.get(name.encode(), ())]

    def flag(self, name: str) -> bool:
        """Whether `name` says yes, in any of the spellings that clients use."""
        return (self.get(name) or "").strip().lower() in _YES

    def require(self, name: str, *, filled: bool = False) -> str:
        """The value of `name`; raises `InputRefused` in the protocol's words if absent (or empty, with `filled`)."""
        value = self.get(name)
        if value is None or (filled and not value.strip()):
            raise InputRefused(f"Missing required field: {name}.", ((name, f'Empty "{name}" value'),))
        return value

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode(self.charset)
        except UnicodeDecodeError:
            return raw.decode("latin-1")


def read_form(request: Request) -> Form:
    """Query and body together; where both name a parameter, the body has the last word."""
    fields: dict[bytes, list[bytes]] = {}
    for raw in (request.query_string, whole_body(request)):
        for name, value in _pairs(raw):
            fields.setdefault(name, []).append(value)
    sent = fields.get(b"blog_charset", [b""])[-1].decode("latin-1")
    return Form(
        fields, _charset(sent, request.mimetype_params.get("charset", "")), request.environ.get("HTTP_HOST", "")
    )


def _pairs(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in raw.split(b"&", MAX_FIELDS)[:MAX_FIELDS]:
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        if name:
            yield _INDEX.sub(b"", unquote_to_bytes(name)), unquote_to_bytes(value)


def _charset(*candidates: str) -> str:
    known = (_KNOWN.get(_squeezed(candidate)) for candidate in candidates)
    return next((charset for charset in known if charset), "utf-8")
