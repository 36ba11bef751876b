"""Read who did what: acts, other labels, notes, roles, TOTP, tokens and rules for authors, merged by their time.

Each source is read from an index a page at a time, so that a page takes the same time in a long log.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)

from moderation.domain.act_log import (
    ASKED,
    GRANTED,
    NOTED,
    REVOKED,
    TOKEN_ADDED,
    TOKEN_REVOKED,
    LogEvent,
    LogFilter,
    LogPage,
)
from moderation.domain.authors import Standing
from moderation.domain.decision import QUEUE_CHANNEL
from moderation.domain.oidc import PROVIDER
from moderation.domain.people import SiteScope
from moderation.domain.queue import Verb, parse_digits
from moderation.storage import acts as stored_acts
from moderation.storage.columns import AnyText, ClampedInteger, UtcDateTime
from moderation.storage.operator_tables import account_events, author_rules, grants, tokens
from moderation.storage.sites import in_scope
from moderation.storage.tables import IS_OUTSIDE_ACTS, act_rules, acts, decisions, labels, notes, sites

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_TEXT = literal("", AnyText)
# It gives and revokes tokens, and does not know its user.
_COMMAND_LINE = literal("cli", AnyText)
_CURRENT_ID = (
    select(func.min(decisions.c.id))
    .where(decisions.c.comment_id == notes.c.comment_id, decisions.c.superseded.is_(False))
    .correlate(notes)
    .scalar_subquery()
)


class _Place(NamedTuple):
    """The place of an event: its time, the rank of its source, and its key there."""

    at: datetime
    rank: int
    key: str

    def __str__(self) -> str:
        """Return the text that `parse` reads, of hexadecimal digits."""
        return f"{(self.at - _EPOCH) // _MICROSECOND}.{self.rank}.{self.key}".encode().hex()

    @classmethod
    def parse(cls, text: str) -> "_Place | None":
        """Return the place of a text; `None` for a text that is none."""
        try:
            at, rank, key = bytes.fromhex(text).decode().split(".", 2)
        except ValueError:
            return None
        microseconds, number = parse_digits(at), parse_digits(rank)
        if microseconds is None or number is None:
            return None
        try:
            return cls(_EPOCH + microseconds * _MICROSECOND, number, key)
        except OverflowError:
            return None


class _Source(NamedTuple):
    """A table of events: the columns of time, person and key, and the statement of its rows on sites of a scope."""

    at: ColumnElement[datetime]
    person: ColumnElement[str]
    key: ColumnElement[Any]
    rows: Callable[[SiteScope], Select[Any]]


def read(connection: Connection, scope: SiteScope, wanted: LogFilter, after: str, limit: int) -> LogPage:
    """Return the newest events on sites of the scope that come after a place, at most `limit`.

    An unknown place gives the first page. A person with all sites also sees events that are about no site.
    """
    place, found = _Place.parse(after), list[tuple[_Place, Row[Any]]]()
    for rank, source in enumerate(_SOURCES):
        statement = source.rows(scope).where(*_conditions(source, rank, wanted, place))
        statement = statement.order_by(source.at.desc(), source.key.desc()).limit(limit + 1)
        found += [(_Place(row.at, rank, str(row.key)), row) for row in connection.execute(statement)]
    # Stable: events of one time stay in the order of their sources and keys.
    found.sort(key=lambda each: each[0].at, reverse=True)
    page = found[:limit]
    events = _events(connection, scope, page)
    return LogPage(events, str(page[-1][0]) if len(found) > limit else "")


def _conditions(source: _Source, rank: int, wanted: LogFilter, place: _Place | None) -> list[ColumnElement[bool]]:
    conditions = list[ColumnElement[bool]]()
    if wanted.person:
        conditions.append(source.person == literal(wanted.person, AnyText))
    if wanted.since:
        conditions.append(source.at >= literal(wanted.since, UtcDateTime))
    if wanted.until:
        conditions.append(source.at < literal(wanted.until, UtcDateTime))
    if place:
        conditions.append(_comes_after(source, rank, place))
    return conditions


def _comes_after(source: _Source, rank: int, place: _Place) -> ColumnElement[bool]:
    at = literal(place.at, UtcDateTime)
    if rank > place.rank:
        return source.at <= at
    if rank < place.rank:
        return source.at < at
    key: ColumnElement[Any] = literal(place.key, AnyText)
    if isinstance(source.key.type, Integer | ClampedInteger):
        key = literal(parse_digits(place.key) or 0, ClampedInteger)
    return and_(source.at <= at, or_(source.at < at, source.key < key))


def _events(connection: Connection, scope: SiteScope, page: Sequence[tuple[_Place, Row[Any]]]) -> list[LogEvent]:
    contents = stored_acts.contents(connection, scope, [row.key for place, row in page if place.rank == 0])
    complete = []
    for place, row in page:
        number, site_id, decision_id = row.number, row.site_id, row.decision_id
        if place.rank == 0 and (found := contents.get(row.key)):
            number = row.number if scope.ids is None else found.number
            site_id, decision_id = found.site_id, found.decision_id if number == 1 else None
        complete.append((row, number, site_id, decision_id))
    found_sites = select(sites.c.id, sites.c.url).where(sites.c.id.in_({site_id for _, _, site_id, _ in complete}))
    urls = {row.id: row.url for row in connection.execute(found_sites)}
    return [
        LogEvent(
            *(row.at, row.person, row.event, row.channel, urls.get(site_id, ""), number, decision_id or ""),
            *(row.detail, row.undone_at, row.undone_by),
        )
        for row, number, site_id, decision_id in complete
    ]


def _rows(source_columns: dict[str, Any]) -> Select[Any]:
    columns: dict[str, Any] = {
        "number": literal(0),
        "decision_id": null(),
        "detail": _NO_TEXT,
        "undone_at": null(),
        "undone_by": null(),
        **source_columns,
    }
    return select(*(column.label(name) for name, column in columns.items()))


def _of_sites(site_id: ColumnElement[int], scope: SiteScope) -> ColumnElement[bool]:
    return true() if scope.ids is None else in_scope(site_id, scope)


def _acts(scope: SiteScope) -> Select[Any]:
    columns = {"key": acts.c.id, "at": acts.c.at, "person": acts.c.moderator, "event": acts.c.verb}
    undone = {"undone_at": acts.c.undone_at, "undone_by": acts.c.undone_by}
    author = (
        select(literal("id ", AnyText) + func.min(act_rules.c.value))
        .where(act_rules.c.act_id == acts.c.id, _of_sites(act_rules.c.site_id, scope))
        .correlate(acts)
        .scalar_subquery()
    )
    about = {"site_id": null(), "channel": literal(QUEUE_CHANNEL, AnyText), "detail": func.coalesce(author, "")}
    rows = _rows({**columns, **undone, **about, "number": acts.c.number})
    return rows.where(stored_acts.touches(scope))


def _labels(scope: SiteScope) -> Select[Any]:
    given = labels.c.value.is_not(None)
    event = case((given, labels.c.value), (labels.c.removes, Verb.REMOVE.value), else_=Verb.FORGET.value)
    columns = {"key": labels.c.id, "at": labels.c.created_at, "person": labels.c.labelled_by, "event": event}
    about = {"number": literal(1), "site_id": labels.c.site_id, "decision_id": labels.c.decision_id}
    rows = _rows({**columns, **about, "channel": labels.c.channel, "detail": labels.c.reason})
    return rows.where(IS_OUTSIDE_ACTS, _of_sites(labels.c.site_id, scope))


def _notes(scope: SiteScope) -> Select[Any]:
    event = case((notes.c.asked.is_(None), NOTED), else_=ASKED)
    columns = {"key": notes.c.id, "at": notes.c.written_at, "person": notes.c.written_by, "event": event}
    about = {"number": literal(1), "site_id": notes.c.site_id, "decision_id": _CURRENT_ID}
    detail = func.coalesce(notes.c.asked, "", type_=AnyText)
    rows = _rows({**columns, **about, "channel": literal(QUEUE_CHANNEL, AnyText), "detail": detail})
    return rows.where(_of_sites(notes.c.site_id, scope))


def _roles(at: ColumnElement[datetime], person: ColumnElement[str], event: str) -> Callable[[SiteScope], Select[Any]]:
    def rows(scope: SiteScope) -> Select[Any]:
        columns = {"key": grants.c.id, "at": at, "person": person, "event": literal(event, AnyText)}
        detail = grants.c.name + literal(": ", AnyText) + grants.c.role
        by_provider = person == literal(PROVIDER, AnyText)
        channel = case((by_provider, literal(PROVIDER, AnyText)), else_=_COMMAND_LINE)
        about = {"site_id": grants.c.site_id, "channel": channel, "detail": detail}
        return _rows({**columns, **about}).where(at.is_not(None), _of_sites(grants.c.site_id, scope))

    return rows


def _account(scope: SiteScope) -> Select[Any]:
    names = ("at", "person", "channel", "event")
    columns = {"key": account_events.c.id, **{name: account_events.c[name] for name in names}}
    rows = _rows({**columns, "site_id": null(), "detail": account_events.c.name})
    # About no site.
    return rows.where(true() if scope.ids is None else false())


def _tokens(at: ColumnElement[datetime], event: str) -> Callable[[SiteScope], Select[Any]]:
    def rows(scope: SiteScope) -> Select[Any]:
        columns = {"key": tokens.c.id, "at": at, "person": _COMMAND_LINE, "event": literal(event, AnyText)}
        detail = tokens.c.name + literal(": ", AnyText) + tokens.c.purposes
        about = {"site_id": tokens.c.site_id, "channel": _COMMAND_LINE, "detail": detail}
        return _rows({**columns, **about}).where(at.is_not(None), _of_sites(tokens.c.site_id, scope))

    return rows


_RULE_DETAIL = author_rules.c.fact + literal(" ", AnyText) + author_rules.c.value
_RULE_KEY = cast(author_rules.c.site_id, Text) + literal(" ", AnyText) + _RULE_DETAIL


def _rules(scope: SiteScope) -> Select[Any]:
    is_trust = author_rules.c.standing == Standing.TRUSTED.value
    event = case((is_trust, Verb.TRUST.value), else_=Verb.BLOCK.value)
    columns = {"key": _RULE_KEY, "at": author_rules.c.created_at, "person": author_rules.c.set_by, "event": event}
    about = {"site_id": author_rules.c.site_id, "channel": author_rules.c.channel, "detail": _RULE_DETAIL}
    # A rule that was set in the queue is there as an act.
    outside_queue = author_rules.c.channel != QUEUE_CHANNEL
    return _rows({**columns, **about}).where(_of_sites(author_rules.c.site_id, scope), outside_queue)


_SOURCES = (
    _Source(acts.c.at, acts.c.moderator, acts.c.id, _acts),
    _Source(labels.c.created_at, labels.c.labelled_by, labels.c.id, _labels),
    _Source(notes.c.written_at, notes.c.written_by, notes.c.id, _notes),
    _Source(
        grants.c.granted_at,
        grants.c.granted_by,
        grants.c.id,
        _roles(grants.c.granted_at, grants.c.granted_by, GRANTED),
    ),
    _Source(
        grants.c.revoked_at,
        grants.c.revoked_by,
        grants.c.id,
        _roles(grants.c.revoked_at, grants.c.revoked_by, REVOKED),
    ),
    _Source(author_rules.c.created_at, author_rules.c.set_by, _RULE_KEY, _rules),
    _Source(account_events.c.at, account_events.c.person, account_events.c.id, _account),
    _Source(tokens.c.created_at, _COMMAND_LINE, tokens.c.id, _tokens(tokens.c.created_at, TOKEN_ADDED)),
    _Source(tokens.c.revoked_at, _COMMAND_LINE, tokens.c.id, _tokens(tokens.c.revoked_at, TOKEN_REVOKED)),
)
"""In the order of events of one time. The acts come first: `_events` completes them."""
