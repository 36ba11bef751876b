"""A person who wrote comments, as a request to see or erase them names the person."""

import html
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from moderation.domain.errors import InvalidInput

MAX_IDENTIFIER_LENGTH = 500


class Identifier(StrEnum):
    """The fact by which a person is found; the value is that of the option, `column` the name of the field."""

    EMAIL = "email"
    AUTHOR_ID = "author-id"
    NAME = "name"

    @property
    def column(self) -> str:
        """The field of a stored comment."""
        return {"email": "email", "author-id": "author_id", "name": "author"}[self]


@dataclass(frozen=True, slots=True)
class Person:
    """The person with an e-mail address, an id at the blog, or a name. Raises `InvalidInput` for an empty value."""

    by: Identifier
    value: str

    def __post_init__(self) -> None:
        if not canonical(self.value) or len(self.value) > MAX_IDENTIFIER_LENGTH:
            raise InvalidInput(f"Name the person by 1 to {MAX_IDENTIFIER_LENGTH} characters.")


def canonical(value: str) -> str:
    """Return a form that the spellings of one name or address share.

    Letter case, spaces around it, and the slashes and entities that blogs add do not count. Look-alike letters do:
    they may be the name of another person.
    """
    return unicodedata.normalize("NFC", html.unescape(value.replace("\\", ""))).casefold().strip()
