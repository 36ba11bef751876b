"""The language of the queue's search field: words, phrases and operators, each of which a minus negates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.invisible import quoted

MAX_QUERY_LENGTH = 500
"""Code points of a query that are read."""
MAX_TERMS = 20

_MAX_QUOTED = 40
_MAX_PROBLEMS = 3
_TERM = re.compile(r'(?P<minus>-?)(?:(?P<name>[A-Za-z]{1,20}):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)


class Operator(StrEnum):
    """What a term is about; a term without an operator is about all that the comment says."""

    AUTHOR = "author"
    EMAIL = "email"
    DOMAIN = "domain"
    URL = "url"
    SITE = "site"
    REASON = "reason"
    LANG = "lang"
    IS = "is"
    BEFORE = "before"
    AFTER = "after"
    ID = "id"


class Kind(StrEnum):
    """A kind of comments for `is:`.

    `HELD`, `BLOCKED` and `PUBLIC` are by the verdict, `DECIDED` and the kinds after it by the decision of a person.
    """

    HELD = "held"
    BLOCKED = "blocked"
    PUBLIC = "public"
    SKIPPED = "skipped"
    AUDIT = "audit"
    DECIDED = "decided"
    HAM = "ham"
    SPAM = "spam"
    REMOVED = "removed"


VERDICT_KINDS = frozenset({Kind.HELD, Kind.BLOCKED, Kind.PUBLIC})
"""The kinds that would tell the verdict of an audit item."""

HELP: Mapping[str, str] = {
    'word, "two words"': "in the text, the name, the author’s address or the title of the page",
    "author:ann": "part of the author’s name, or the author’s id at the blog",
    "email:ann@mail.example": "the whole e-mail address, or its domain",
    "domain:shop.example": "the host of a link, of the author’s address or of the e-mail",
    "url:shop.example": "the host of the author’s address",
    "site:blog.example": "part of the address of a site",
    "reason:PHONE": "one of the strongest reasons",
    "lang:en": "the language of the page, as the blog sent it",
    "is:blocked": f"{', '.join(list(Kind)[:-1])} or {list(Kind)[-1]}",
    "before:2026-05-03, after:2026-05": "received before a day, month or year; in it or later",
    "id:0123…": "the comment itself, by X-akismet-guid",
    "-word": "without it",
}
"""What can be searched, by example."""


class Term(NamedTuple):
    """One condition. `text` is not empty; `at` is the time of `before:` and `after:`."""

    operator: Operator | None
    text: str
    is_negated: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was typed, its terms, which all must hold, and sentences on the parts that are not understood."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def shows_verdicts(self) -> bool:
        """Whether the result depends on verdicts, so that it must have no audit items."""
        return any(
            term.operator is Operator.REASON or (term.operator is Operator.IS and term.text in VERDICT_KINDS)
            for term in self.terms
        )

    @property
    def only_id(self) -> str:
        """The id of the comment that the query names and nothing else, by the operator or not; empty for others."""
        if len(self.terms) != 1 or self.terms[0].is_negated:
            return ""
        operator, text = self.terms[0][:2]
        is_id = operator is Operator.ID or (operator is None and re.fullmatch("[0-9a-f]{32}", text))
        return text if is_id else ""

    def of(self, *operators: Operator | None) -> list[Term]:
        """Return the terms with one of the operators."""
        return [term for term in self.terms if term.operator in operators]


def parse_query(text: str) -> Query:
    """Return the query that a text means. Any text is one: an unknown operator is searched as a word."""
    problems = []
    if len(text) > MAX_QUERY_LENGTH:
        problems.append(f"Only the first {MAX_QUERY_LENGTH} characters are searched.")
    text = text[:MAX_QUERY_LENGTH].strip()
    terms: list[Term] = []
    for match in _TERM.finditer(text):
        term, problem = _term(match)
        problems += [problem] if problem else []
        terms += [term] if term.text else []
    if len(terms) > MAX_TERMS:
        problems.append(f"Only the first {MAX_TERMS} words are searched.")
    return Query(text, tuple(terms[:MAX_TERMS]), tuple(problems[:_MAX_PROBLEMS]))


def with_term(text: str, operator: Operator, value: str) -> str:
    """Return a query with one more condition; empty if the value cannot be written in the language."""
    if not value or '"' in value:
        return ""
    term = f'{operator}:"{value}"' if re.search(r"\s", value) else f"{operator}:{value}"
    # An open phrase would go on into the new term.
    text += '"' * (text.count('"') % 2)
    query = text if term in text.split() else f"{text} {term}".strip()
    return query if len(query) <= MAX_QUERY_LENGTH else ""


def _term(match: re.Match[str]) -> tuple[Term, str]:
    """Return a term, and a sentence if it looks like another one."""
    is_negated, name = bool(match["minus"]), (match["name"] or "").lower()
    value = (match["phrase"] if match["word"] is None else match["word"]).strip()
    lone = name if name and not value else value[:-1].lower() if not name and value.endswith(":") else ""
    if lone in tuple(Operator):
        return Term(None, ""), f"“{lone}:” needs a value behind the colon."
    if not name:
        return Term(None, value, is_negated), ""
    whole = Term(None, f"{match['name']}:{value}", is_negated)
    if name not in tuple(Operator):
        # `http://…` is an address, no operator.
        is_address = value.startswith("//")
        return whole, "" if is_address else f"There is no operator “{name}:”, so “{_short(whole)}” is a word."
    operator = Operator(name)
    if operator is Operator.IS:
        if value.lower() not in tuple(Kind):
            return whole, f"“is:” takes {HELP['is:blocked']}, so “{_short(whole)}” is a word."
        return Term(operator, value.lower(), is_negated), ""
    if operator in (Operator.BEFORE, Operator.AFTER):
        at = _parse_date(value)
        if at is None:
            return whole, f"“{_short(whole)}” has no date like 2026-05-03, so it is a word."
        return Term(operator, value, is_negated, at), ""
    return Term(operator, value.lower() if operator is Operator.ID else value, is_negated), ""


def _short(term: Term) -> str:
    return quoted(term.text, _MAX_QUOTED)


def _parse_date(text: str) -> datetime | None:
    """Return the beginning of a day, month or year in UTC; `None` for any other text."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return datetime(int(match[1]), int(match[2] or 1), int(match[3] or 1), tzinfo=UTC)
    except ValueError:
        return None
