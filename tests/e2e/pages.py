"""The links and forms of a page, as a browser without JavaScript has them."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_MARK = re.compile("</?mark[^>]*>")


def unmarked(html: str) -> str:
    """Remove the marks around the words that contributed to a score."""
    return _MARK.sub("", html)


@dataclass(frozen=True)
class Form:
    """The address of a form and the values it would send."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The links, forms and words of an HTML page."""

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
        """The visible text on one line."""
        return " ".join(" ".join(self.words).split())

    def form(self, name: str) -> Form:
        """Return the form with a field of this name."""
        return next(form for form in self.forms if name in form.fields)

    def link(self, *parts: str) -> str:
        """Return the first link that contains all parts."""
        return next(link for link in self.links if all(part in link for part in parts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(attributes.get("href", ""))
        elif tag == "form":
            self._open = Form(attributes.get("action", ""))
            self.forms.append(self._open)
        elif self._open and "name" in attributes and tag in {"input", "textarea"} and _is_sent(attributes):
            self._open.fields[attributes["name"]] = attributes.get("value", "")
        self._hidden = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False
        if tag == "form":
            self._open = None

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _is_sent(attributes: dict[str, str]) -> bool:
    return attributes.get("type") not in {"radio", "checkbox"} or "checked" in attributes
