"""What a site sends."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as its author typed it, before any cleaning.

    Every field but `text` may be `None`, which means "the site did not say" and is never evidence.
    An empty string means "the site asked and the author left it empty".
    `context` is the title of the page commented on, `permalink` its address.
    `type` is free text such as `comment`, `trackback` or `contact-form`; `date` is kept as it was sent.
    """

    text: str
    author: str | None = None
    url: str | None = None
    email: str | None = None
    permalink: str | None = None
    context: str | None = None
    type: str | None = None
    lang: str | None = None
    date: str | None = None


COMMENT_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Comment))
