"""The space that comments may take on a page, in bytes before and after compression, for any texts."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from markupsafe import Markup

from moderation.web.queue.highlight import excerpt

T = TypeVar("T")
Row = TypeVar("Row", bound=tuple[object, ...])

_ROW_BYTES = 90
"""Markup of one row in a list, beside the fields of its view."""
_CAUTION = 0.9
"""Share of the fitting size that is tried: the beginning of a text may compress less than the rest."""


class Space(NamedTuple):
    """The bytes of a comment's text, of its lists together and of each other field; and of all of it compressed."""

    text: int
    lists: int
    field: int
    compressed: int

    def smaller(self, size: int) -> "Space":
        """Return a smaller space for texts that had `size` bytes compressed, which is too many."""
        share = _CAUTION * self.compressed / size
        return self._replace(**{name: int(share * getattr(self, name)) for name in ("text", "lists", "field")})


SPACE_IN_LIST = Space(text=1_440, lists=800, field=110, compressed=900)
"""With the markup around them, twenty comments of any kind stay below 120 kB, and below 25 kB compressed."""
SPACE_ON_PAGE = Space(text=70_000, lists=30_000, field=400, compressed=20_000)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """The rows of a list that fit, and the number of the others."""

    rows: tuple[Row, ...]
    others: int


class Room:
    """The rest of a space, and all hostile markup that was put into it."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._remaining = space.lists
        self._shown: list[str] = []

    def text(self, markup: Markup) -> Markup:
        """Return the markup of the comment's text. The lists get the space that a short one leaves."""
        self._remaining += self.space.text - len(markup.encode())
        return self._counted(markup)

    def field(self, text: str | None) -> Markup:
        """Return the beginning of a short text, as safe markup."""
        return self._counted(excerpt(text or "", self.space.field))

    def listing(self, view: Callable[[T], Row], values: Sequence[T], total: int | None = None) -> Listing[Row]:
        """Return the first values that fit as rows, and the number of the others, of `total` or all values."""
        rows: list[Row] = []
        for value in values:
            row = view(value)
            self._remaining -= _ROW_BYTES + sum(len(str(cell).encode()) for cell in row)
            if self._remaining < 0:
                break
            rows.append(row)
            # Our own sentences are the same in each row, and compress to nothing.
            self._shown.extend(cell for cell in row if isinstance(cell, Markup))
        return Listing(tuple(rows), (len(values) if total is None else total) - len(rows))

    def compressed_size(self) -> int:
        """Return the bytes of all the markup, compressed."""
        return len(zlib.compress("".join(self._shown).encode()))

    def _counted(self, markup: Markup) -> Markup:
        self._shown.append(markup)
        return markup
