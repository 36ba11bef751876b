"""Records of an XML file, read as a stream: the memory does not grow with the file.

The file may be hostile. A document type declaration is refused, so that no entity can be declared: neither one that
expands to gigabytes nor one that names a file or a host. Expat fetches nothing by itself.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import BinaryIO, NoReturn
from xml.parsers import expat

from moderation.domain.errors import InvalidInput
from moderation.domain.invisible import quoted

MAX_DEPTH = 100
MAX_FIELD_CHARS = 2**24

_CHUNK_BYTES = 2**16
_MAX_HELD_BYTES = 2**16
_FORBIDDEN = bytes({*range(32)} - {*b"\t\n\r"})
"""Control characters that XML forbids. Programs export them as they were typed, and no encoded character has them."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")

Record = tuple[str, Mapping[str, str]]


def read_records(
    stream: BinaryIO,
    name: str,
    root: str,
    records: Collection[str],
    fields: Collection[str],
    repair: Callable[[bytes], bytes] = bytes,
) -> Iterator[Record]:
    """Yield the path and the fields of each element that is named in `records`, when it ends.

    Paths are those of local names below the root: `channel/item/comment`. A field is the text of the element at its
    path, or an attribute: `post/parent@id`. A record has its own fields and those of the elements around it that came
    before. `name` is that of the file in errors. `repair` corrects a piece of the file that its program has not written
    as XML; a piece ends before a tag.

    Raises `InvalidInput` for a file that is no well-formed XML, has another root element, or declares a document type.
    """
    parser = _Parser(name, root, records, fields)
    for piece in _pieces(stream):
        parser.feed(repair(piece))
        yield from parser.take()
    parser.feed(b"", final=True)
    yield from parser.take()


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes without forbidden characters, in pieces that end before a tag if there is one near."""
    chunk = stream.read(_CHUNK_BYTES)
    is_wide = chunk.startswith(_WIDE)
    rest = b""
    while chunk:
        rest += chunk if is_wide else chunk.translate(None, _FORBIDDEN)
        chunk = stream.read(_CHUNK_BYTES)
        end = rest.rfind(b"<") if chunk and not is_wide else len(rest)
        # A long run without a tag is text. It goes on as it is, or it would fill the memory.
        if end <= 0 and len(rest) >= _MAX_HELD_BYTES:
            end = len(rest)
        if end > 0:
            yield rest[:end]
            rest = rest[end:]


class _Parser:
    """Expat with a path of open elements and the fields found so far."""

    def __init__(self, name: str, root: str, records: Collection[str], fields: Collection[str]) -> None:
        self._name = name
        self._root = root
        self._records = frozenset(records)
        # The fields of an element that is a record, or around one, end with it.
        self._scopes = {path[: end.start()] for path in records for end in re.finditer("/|$", path)}
        self._fields = frozenset(fields)
        self._path: list[str] = []
        self._values: dict[str, str] = {}
        self._text: list[str] | None = None
        self._length = 0
        self._found: list[Record] = []
        # Local names, as the prefix and the version within the address of a namespace vary.
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._append
        self._expat.StartDoctypeDeclHandler = self._reject_doctype

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        """Parse the next bytes."""
        try:
            self._expat.Parse(chunk, final)
        except expat.ExpatError as error:
            reason = expat.errors.messages[error.code]
            kind = "ends too early" if final else "is damaged"
            self._fail(f"{kind}: {reason}, line {error.lineno}. Export it again.")

    def take(self) -> list[Record]:
        """Return the records that have ended since the last call."""
        found, self._found = self._found, []
        return found

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        local = tag.rpartition(" ")[2]
        self._path.append(local)
        if len(self._path) == 1:
            if local != self._root:
                self._fail(f"is another kind of XML: it begins with <{quoted(local)}>, not with <{self._root}>.")
            return
        if len(self._path) > MAX_DEPTH:
            self._fail(f"has elements within {MAX_DEPTH} others.")
        path = self._joined()
        for key, value in attributes.items():
            field = f"{path}@{key.rpartition(' ')[2]}"
            if field in self._fields:
                self._values[field] = value
        self._text = [] if path in self._fields else None
        self._length = 0

    def _end(self, _: str) -> None:
        path = self._joined()
        if self._text is not None and path in self._fields:
            self._values[path] = "".join(self._text)
        self._text = None
        if path in self._records:
            self._found.append((path, dict(self._values)))
        if path in self._scopes:
            inner = (f"{path}/", f"{path}@")
            self._values = {key: value for key, value in self._values.items() if not key.startswith(inner)}
        self._path.pop()

    def _append(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length > MAX_FIELD_CHARS:
                self._fail(f"has a field of more than {MAX_FIELD_CHARS:,} characters.")
            self._text.append(text)

    def _joined(self) -> str:
        return "/".join(self._path[1:])

    def _reject_doctype(self, *_: object) -> None:
        self._fail("declares a document type, as no export does: its entities could expand without end.")

    def _fail(self, problem: str) -> NoReturn:
        raise InvalidInput(f"{self._name} {problem}")
