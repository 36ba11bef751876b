"""A comment as a site sends it, and the signals of its submission."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class SubmissionSignals:
    """How the comment form was filled in, and facts about the page. They are used once and never stored.

    `None` means "the site did not say" and is never evidence.

    - `honeypot_filled`: an invisible form field was filled in. `script_ran`: the form's script ran.
    - `seconds_to_submit`: from the first input to the submission. `keystrokes`: number of keys pressed meanwhile.
    - `page_age_days`: days since the page last changed. `page_tags`: the tags of the page.
    """

    honeypot_filled: bool | None = None
    script_ran: bool | None = None
    seconds_to_submit: float | None = None
    keystrokes: int | None = None
    page_age_days: float | None = None
    page_tags: tuple[str, ...] = ()


NO_SIGNALS = SubmissionSignals()


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as its author typed it, before any cleaning.

    Every field but `text` may be `None`, which means "the site did not say" and is never evidence.
    An empty string means "the site asked and the author left it empty". Clients send one for a field that the site
    never asks for, too: such a field is to be `None` before the comment is judged.
    `context` is the title of the page, `permalink` its URL.
    `type` is free text such as `comment`, `trackback` or `contact-form`; `date` is text as sent.
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


AUTHOR_FIELDS = ("author", "url", "email")
"""The fields that an author fills in beside the text."""
COMMENT_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Comment))
