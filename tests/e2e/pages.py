"""A page as a browser without script sees it: its links and its forms."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_MARK = re.compile("</?mark[^>]*>")


def unmarked(html: str) -> str:
    """The page without the marks around what weighed for or against a comment."""
    return _MARK.sub("", html)


@dataclass(frozen=True)
class Form:
    """Where a form goes, and what it sends as it stands."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The links and the forms of a page of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._open: Form | None = None
        self._hidden = False
        self.feed(html)

    @property
    def text(self) -> str:
        """What a person reads, in one line."""
        return " ".join(" ".join(self.words).split())

    def form(self, name: str) -> Form:
        """The form that has a field of this name."""
        return next(form for form in self.forms if name in form.fields)

    def link(self, *parts: str) -> str:
        """The first link with all these parts in it."""
        return next(link for link in self.links if all(part in link for part in parts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            self._open = Form(given.get("action", ""))
            self.forms.append(self._open)
        elif self._open and "name" in given and tag in {"input", "textarea"} and _is_sent(given):
            self._open.fields[given["name"]] = given.get("value", "")
        self._hidden = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False
        if tag == "form":
            self._open = None

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _is_sent(given: dict[str, str]) -> bool:
    return given.get("type") not in {"radio", "checkbox"} or "checked" in given
