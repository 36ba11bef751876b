"""What a site sends."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Visit:
    """What a blog tells beside the comment: how it was written, and of the page. Looked at once and never stored.

    `None` means "the site did not say" and is never evidence.
    `trap_filled`: whether a field that people do not see was filled in. `script_ran`: whether the form's script ran.
    `seconds`: from the first input to the sending of the form. `key_presses`: how many keys were pressed meanwhile.
    `page_days`: for how many days the page had not been changed. `tags`: those of the page.
    """

    trap_filled: bool | None = None
    script_ran: bool | None = None
    seconds: float | None = None
    key_presses: int | None = None
    page_days: float | None = None
    tags: tuple[str, ...] = ()


UNSEEN = Visit()
"""A visit of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as its author typed it, before any cleaning.

    Every field but `text` may be `None`, which means "the site did not say" and is never evidence.
    An empty string means "the site asked and the author left it empty".
    `context` is the title of the page commented on, `permalink` its address.
    `type` is free text such as `comment`, `trackback` or `contact-form`; `date` is kept as it was sent.
    `lang` names the languages of the page, as in `en_US` or `en, fr_ca`.
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
