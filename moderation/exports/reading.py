"""Reading that several formats share: the beginning of a file, JSON, times, and markup that a program has made."""

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import ijson

from moderation.domain.errors import InvalidInput
from moderation.training.table_files import TableFile

_SAMPLE_BYTES = 4096
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_AUTOMATIC_LINK = re.compile(
    r"""<a\s[^<>]*?href\s*=\s*["'](?P<url>[^"'<>]*)["'][^<>]*>(?P<text>[^<>]*)</a\s*>""", re.IGNORECASE
)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_ELLIPSIS = ("...", "…")
# Earlier or later years are no times of a comment, and some are beyond the calendar of a database.
_MIN_YEAR, _MAX_YEAR = 1970, 2999


def beginning(file: TableFile) -> str:
    """Return the first characters of a file that are no white space. The first line may be the whole file."""
    with file.decompressed() as stream:
        sample = stream.read(_SAMPLE_BYTES)
    return sample.decode("utf-16" if sample.startswith(_WIDE) else "utf-8-sig", "replace").lstrip()


def json_items(file: TableFile, place: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of the list at a place, such as `comments.item`; `item` is a list that is the whole file.

    The file is read as a stream. Entries that are no objects count as empty ones. Raises `InvalidInput` for text that
    is no JSON.
    """
    try:
        with file.decompressed() as stream:
            for value in ijson.items(stream, place, use_float=True):
                yield value if isinstance(value, Mapping) else {}
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file.name} is damaged JSON: {error}. Export it again.") from None


def text_at(values: Mapping[str, Any], path: str) -> str:
    """Return the text at a name, or at a path of names with dots: `user.name`. Empty if there is no text or number."""
    value: Any = values
    if path in values:
        value = values[path]
    else:
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def parse_time(text: str) -> datetime | None:
    """Return a time in ISO 8601, as UTC where it names no zone; `None` for anything else, such as MySQL's zero date."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if not _MIN_YEAR < time.year < _MAX_YEAR:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def without_automatic_links(markup: str) -> str:
    """Return the markup with each link whose text is its own address, maybe cut short, as the bare address.

    Disqus and Remark42 make such links of addresses that were typed. A link that an author typed stays.
    """
    return _AUTOMATIC_LINK.sub(_unlinked, markup)


def _unlinked(match: re.Match[str]) -> str:
    url, text = html.unescape(match["url"]), html.unescape(match["text"]).strip()
    for ellipsis in _ELLIPSIS:
        text = text.removesuffix(ellipsis)
    bare = _SCHEME.sub("", text, count=1)
    is_automatic = bare and _SCHEME.sub("", url, count=1).startswith(bare)
    return html.escape(url, quote=False) if is_automatic else match[0]
