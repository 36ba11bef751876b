"""Find comments of a list by a query: its comments are read in its order, a bounded number of them at a time."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.matching import (
    Comparison,
    compile_term,
    hosts_of_author,
    languages_of,
    sites_named,
    strongest_reasons,
)
from moderation.actions.review import EXCERPT_LENGTH, with_spans_of_texts
from moderation.actions.services import Services
from moderation.domain.decision import Reason
from moderation.domain.people import SiteScope
from moderation.domain.queue import ListedComment, QueueList
from moderation.domain.search import Operator, Query, Term
from moderation.storage import queue_lists, queue_search, sites
from moderation.storage.engine import read_transaction
from moderation.storage.queue_search import Candidate

MAX_READ = 10_000
"""Comments that one search reads."""
MAX_WORK = 3_000_000
"""Characters that one search compares. Other work counts as so many characters."""
MAX_COUNTED_FOR_FACETS = 1_000
"""Comments whose facets are counted."""
MAX_VALUES = 8
"""Values of each facet, the most frequent ones."""

_WORK_OF_COMMENT = 100
_WORK_OF_REASONS = 1_500
_MAX_SITES_IN_SQL = 500
_READ_FOR_FACETS = ("url", "lang", "reasons")


class Found(NamedTuple):
    """Comments of a list that match, and the place from which on to search further; empty if nothing is left.

    `read_to` is the time of the last comment that was read if the search stopped before the page was full.
    """

    comments: list[ListedComment]
    after: str
    read_to: datetime | None


class Facets(NamedTuple):
    """How often each value appears among the first `counted` matching comments of a list, the most frequent first.

    `is_all` is true if the list has no others.
    """

    counted: int
    is_all: bool
    sites: list[tuple[str, int]]
    reasons: list[tuple[Reason, int]]
    hosts: list[tuple[str, int]]
    languages: list[tuple[str, int]]


class _Search(NamedTuple):
    """A query that is ready to be compared with comments of a list on the sites of the scope."""

    queue_list: QueueList
    query: Query
    scope: SiteScope
    site_urls: Mapping[int, str]
    comparisons: list[tuple[Term, Comparison]]

    @property
    def fields(self) -> set[str]:
        return {field for _, comparison in self.comparisons for field in comparison.fields}

    def matches(self, candidate: Candidate) -> bool:
        """Return whether all terms hold."""
        if not candidate.fits or candidate.site_id not in self.scope:
            return False
        return all(comparison.holds(candidate) is not term.is_negated for term, comparison in self.comparisons)


class _Reading(NamedTuple):
    """The matching comments that were read, the last one that was read, and why the reading ended."""

    found: list[Candidate]
    last: Candidate | None
    is_full: bool
    is_end: bool


def find_comments(services: Services, queue_list: QueueList, query: Query, after: str, limit: int) -> Found:
    """Return the next comments of a list that match a query, at most `limit`, with spans.

    At most `MAX_READ` comments are read, so a page may have fewer of them, or none, and more may follow.
    """
    with read_transaction(services.engine) as connection:
        search = _prepare(connection, services, queue_list, query)
        reading = _read(connection, search, after, search.fields, limit)
        ids = [candidate.id for candidate in reading.found]
        comments = queue_lists.in_order(connection, services.scope, ids, EXCERPT_LENGTH)
        read_to = None
        if not (reading.is_full or reading.is_end) and reading.last:
            read_to = queue_search.time_of(connection, queue_list.name, reading.last)
    last = None if reading.is_end else reading.last
    return Found(with_spans_of_texts(services, comments), str(last.place) if last else "", read_to)


def count_facets(services: Services, queue_list: QueueList, query: Query) -> Facets:
    """Return the sites, strongest reasons, authors' hosts and languages of the first comments that match a query."""
    with read_transaction(services.engine) as connection:
        search = _prepare(connection, services, queue_list, query)
        reading = _read(connection, search, "", {*search.fields, *_READ_FOR_FACETS}, MAX_COUNTED_FOR_FACETS)
    found = reading.found
    # The reasons of an audit item would tell its verdict.
    reasons = [each for one in found if not one.is_blind for each in strongest_reasons(one)]
    by_name = {reason.name: reason for reason in reasons}
    return Facets(
        len(found),
        reading.is_end,
        Counter(search.site_urls[one.site_id] for one in found).most_common(MAX_VALUES),
        [(by_name[name], number) for name, number in Counter(map(_name_of, reasons)).most_common(MAX_VALUES)],
        Counter(host for one in found for host in hosts_of_author(one)).most_common(MAX_VALUES),
        Counter(language for one in found for language in languages_of(one)).most_common(MAX_VALUES),
    )


def _prepare(connection: Connection, services: Services, queue_list: QueueList, query: Query) -> _Search:
    urls = {site.id: site.url for site in sites.active(connection) if site.id in services.scope}
    chosen, scope = set(urls), services.scope
    if terms := query.of(Operator.SITE):
        for term in terms:
            named = sites_named(term.text, urls)
            chosen = chosen - named if term.is_negated else chosen & named
        scope = SiteScope(frozenset(chosen))
    comparisons = [(term, comparison) for term in query.terms if (comparison := compile_term(term))]
    return _Search(queue_list._replace(since=services.clock()), query, scope, urls, comparisons)


def _read(connection: Connection, search: _Search, after: str, fields: Collection[str], limit: int) -> _Reading:
    """Read until one more than `limit` comments match, to the end of the list or to the bound of a search."""
    found: list[Candidate] = []
    last, number, work = None, 0, 0
    # A statement of very many sites would be too long for a database: others are left out here.
    few = search.scope.ids is None or len(search.scope.ids) <= _MAX_SITES_IN_SQL
    scope = search.scope if few else SiteScope(frozenset(search.site_urls))
    for candidate in queue_search.scan(connection, scope, search.queue_list, after, search.query, fields, MAX_READ):
        if search.matches(candidate):
            if len(found) == limit:
                return _Reading(found, found[-1], is_full=True, is_end=False)
            found.append(candidate)
        last, number, work = candidate, number + 1, work + _work(candidate)
        if work >= MAX_WORK:
            return _Reading(found, last, is_full=False, is_end=False)
    return _Reading(found, last, is_full=False, is_end=number < MAX_READ)


def _name_of(reason: Reason) -> str:
    return reason.name


def _work(candidate: Candidate) -> int:
    """Return the characters that were compared, or as many as other work took."""
    if not candidate.fits:
        return _WORK_OF_COMMENT
    return _WORK_OF_COMMENT + len(candidate.text or "") + (_WORK_OF_REASONS if candidate.reasons else 0)
