"""Acts of moderators, and the comments that an undo has to restore."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from moderation.domain.authors import AuthorFact, AuthorRule, Standing
from moderation.domain.decision import Label, LabelValue
from moderation.domain.people import SiteScope
from moderation.domain.queue import Act, Verb
from moderation.storage.labels import LABEL_COLUMNS, label_from_values
from moderation.storage.tables import act_items, act_rules, acts, callbacks, decisions, findings, labels, queue_items

_MAX_IDS_PER_QUERY = 500
_SAVED_COLUMNS = ("decision_id", "skipped_at", "closed_at", "closed_by", "outcome", "act_before")
_ITEM_COLUMNS = (*_SAVED_COLUMNS[:-1], "act_id")
_RULE_COLUMNS = ("standing", "set_by", "channel", "created_at", "expires_at", "reason")
_COLUMNS = tuple(acts.c[name] for name in Act._fields)


_LABEL_SITES = select(labels.c.site_id).where(labels.c.act_id == acts.c.id).correlate(acts)
_ITEM_SITES = (
    select(queue_items.c.site_id)
    .join(act_items, act_items.c.decision_id == queue_items.c.decision_id)
    .where(act_items.c.act_id == acts.c.id)
    .correlate(acts)
)
_RULE_SITES = select(act_rules.c.site_id).where(act_rules.c.act_id == acts.c.id).correlate(acts)
_FINDING_SITES = select(findings.c.site_id).where(findings.c.act_id == acts.c.id).correlate(acts)
_OF_ACT = ((_LABEL_SITES, labels), (_ITEM_SITES, queue_items), (_FINDING_SITES, findings), (_RULE_SITES, act_rules))


class ActContents(NamedTuple):
    """What an act was about on some sites: how many, their site unless there are several, and the id of a decision."""

    number: int
    site_id: int | None
    decision_id: str | None


class SavedRule(NamedTuple):
    """An author of a site whose rule an act set, and the rule before; `None` if there was none."""

    site_id: int
    author_id: str
    before: AuthorRule | None


class LogRow(NamedTuple):
    """A row of the log of labels: its number, the act that appended it, and the row whose place in time it has.

    `order` is the number of the row that it restores, or its own.
    """

    id: int
    order: int
    act_id: int | None
    label: Label


def add(connection: Connection, act: Act) -> int:
    """Store an act and return its number; that of `act` is not read."""
    row = {**act._asdict(), "verb": act.verb.value}
    del row["id"]
    return int(connection.execute(insert(acts).returning(acts.c.id), row).scalar_one())


def grow(connection: Connection, act_id: int, number: int) -> None:
    """Add to the number of comments that an act changed."""
    connection.execute(update(acts).where(acts.c.id == act_id).values(number=acts.c.number + number))


def find(connection: Connection, scope: SiteScope, act_id: int) -> Act | None:
    """Return an act; `None` if there is none with this number, or if a comment of it is on no site of the scope."""
    row = connection.execute(select(*_COLUMNS).where(acts.c.id == act_id, _is_within(scope))).first()
    return None if row is None else Act(*row)._replace(verb=Verb(row.verb))


def newest(connection: Connection, scope: SiteScope, before: int | None, limit: int) -> list[Act]:
    """Return the newest acts on sites of the scope alone, with a number below `before`, the newest first."""
    statement = select(*_COLUMNS).where(_is_within(scope)).order_by(acts.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(acts.c.id < before)
    return [Act(*row)._replace(verb=Verb(row.verb)) for row in connection.execute(statement)]


def contents(connection: Connection, scope: SiteScope, act_ids: Collection[int]) -> dict[int, ActContents]:
    """Return the comments or authors of acts on sites of the scope, by the number of the act."""
    found: dict[int, ActContents] = {}
    of_items = act_items.join(queue_items, queue_items.c.decision_id == act_items.c.decision_id)
    sources = (
        (labels, labels, labels.c.act_id, labels.c.comment_id, labels.c.decision_id),
        (of_items, queue_items, act_items.c.act_id, act_items.c.decision_id, act_items.c.decision_id),
        (findings, findings, findings.c.act_id, findings.c.comment_id, cast(null(), Text)),
        (act_rules, act_rules, act_rules.c.act_id, act_rules.c.value, cast(null(), Text)),
    )
    for joined, table, act_id, comment, decision_id in sources:
        columns = (func.count(comment.distinct()), func.min(table.c.site_id), func.max(table.c.site_id))
        statement = select(act_id, *columns, func.min(decision_id)).select_from(joined).group_by(act_id)
        statement = statement.where(act_id.in_(set(act_ids) - found.keys()))
        if scope.ids is not None:
            statement = statement.where(table.c.site_id.in_(scope.ids))
        for number, count, first, last, decision in connection.execute(statement):
            found[number] = ActContents(count, first if first == last else None, decision)
    return found


def mark_undone(connection: Connection, act_id: int, undone_by: str, at: datetime) -> bool:
    """Record that an act was undone. Returns false if it was before."""
    statement = update(acts).where(acts.c.id == act_id, acts.c.undone_at.is_(None))
    return connection.execute(statement.values(undone_at=at, undone_by=undone_by)).rowcount == 1


def labelled_comments(connection: Connection, act_id: int) -> list[tuple[int, int]]:
    """Return site and comment of each row that an act, or the undo of a later one, put into the log, in this order."""
    columns = (labels.c.site_id, labels.c.comment_id)
    rows = connection.execute(select(*columns).where(labels.c.act_id == act_id).distinct().order_by(*columns))
    return [(site_id, comment_id) for site_id, comment_id in rows]


def logs_of(connection: Connection, comment_ids: Collection[int]) -> dict[int, list[LogRow]]:
    """Return the log of each of some comments, the newest row first."""
    statement = (
        select(labels.c.comment_id, labels.c.id, labels.c.restores_id, labels.c.act_id, *LABEL_COLUMNS)
        .where(labels.c.comment_id.in_(comment_ids))
        .order_by(labels.c.id.desc())
    )
    found: dict[int, list[LogRow]] = {}
    for comment_id, row_id, restores_id, act_id, *values in connection.execute(statement):
        row = LogRow(row_id, restores_id or row_id, act_id, label_from_values(*values))
        found.setdefault(comment_id, []).append(row)
    return found


def save_items(connection: Connection, act_id: int, decision_ids: Collection[str]) -> None:
    """Store the state of queue items that an act is about to change, and name the act in them."""
    ids = list(decision_ids)
    for start in range(0, len(ids), _MAX_IDS_PER_QUERY):
        of_page = queue_items.c.decision_id.in_(ids[start : start + _MAX_IDS_PER_QUERY])
        states = select(literal(act_id), *(queue_items.c[column] for column in _ITEM_COLUMNS)).where(of_page)
        connection.execute(insert(act_items).from_select(["act_id", *_SAVED_COLUMNS], states))
        connection.execute(update(queue_items).where(of_page).values(act_id=act_id))


def restore_items(connection: Connection, act_id: int, comment_ids: Collection[int] | None) -> int:
    """Give queue items the state back that they had before an act, unless another act or a recheck changed them since.

    `comment_ids` restricts them to these comments. Returns how many.
    """
    statement = (
        select(*(act_items.c[column] for column in _SAVED_COLUMNS))
        .join(queue_items, queue_items.c.decision_id == act_items.c.decision_id)
        .join(decisions, decisions.c.id == act_items.c.decision_id)
        .where(act_items.c.act_id == act_id, queue_items.c.act_id == act_id, decisions.c.superseded.is_(False))
    )
    if comment_ids is not None:
        statement = statement.where(decisions.c.comment_id.in_(comment_ids))
    saved = [dict(zip(_ITEM_COLUMNS, row, strict=True)) for row in connection.execute(statement)]
    for state in saved:
        of_item = queue_items.c.decision_id == state["decision_id"]
        connection.execute(update(queue_items).where(of_item).values(**state))
    return len(saved)


def touches(scope: SiteScope) -> ColumnElement[bool]:
    """Return the condition that an act has a comment on a site of the scope."""
    if scope.ids is None:
        return true()
    return or_(*(sites.where(table.c.site_id.in_(scope.ids)).exists() for sites, table in _OF_ACT))


def save_rule(connection: Connection, act_id: int, site_id: int, author_id: str, before: AuthorRule | None) -> None:
    """Store the rule that an act is about to replace by its own; `None` if there is none."""
    replaced = {name: getattr(before, name) for name in _RULE_COLUMNS} if before else {}
    connection.execute(insert(act_rules), {"act_id": act_id, "site_id": site_id, "value": author_id, **replaced})


def saved_rules(connection: Connection, act_id: int) -> list[SavedRule]:
    """Return the rules that an act replaced, by site."""
    columns = (act_rules.c.site_id, act_rules.c.value, *(act_rules.c[name] for name in _RULE_COLUMNS))
    statement = select(*columns).where(act_rules.c.act_id == act_id).order_by(act_rules.c.site_id)
    found = []
    for site_id, author_id, standing, *others in connection.execute(statement):
        before = AuthorRule(AuthorFact.ID, author_id, Standing(standing), *others) if standing else None
        found.append(SavedRule(site_id, author_id, before))
    return found


def replace_saved_rule(
    connection: Connection, act: Act, site_id: int, author_id: str, before: AuthorRule | None
) -> None:
    """Let a later act that replaced the rule of an undone one restore what that one had replaced."""
    values = {name: getattr(before, name) if before else None for name in _RULE_COLUMNS}
    of_author = (act_rules.c.site_id == site_id, act_rules.c.value == author_id)
    is_of_act = (act_rules.c.set_by == act.moderator, act_rules.c.created_at == act.at)
    connection.execute(update(act_rules).where(*of_author, *is_of_act).values(values))


def told(connection: Connection, act_ids: Collection[int]) -> set[int]:
    """Return those of the acts of which a blog has confirmed an answer, so that an undo sends it the opposite."""
    answer = case((labels.c.removes.is_(True), LabelValue.SPAM.value), else_=labels.c.value)
    statement = (
        select(labels.c.act_id)
        .join(decisions, decisions.c.comment_id == labels.c.comment_id)
        .join(callbacks, callbacks.c.decision_id == decisions.c.id)
        .where(labels.c.act_id.in_(act_ids), labels.c.undone_at.is_(None))
        .where(callbacks.c.delivered_at.is_not(None), callbacks.c.result == answer)
        .distinct()
    )
    return set(connection.execute(statement).scalars())


def _is_within(scope: SiteScope) -> ColumnElement[bool]:
    """Return the condition that an act has comments, and all of them on sites of the scope."""
    if scope.ids is None:
        return true()
    outside = [sites.where(table.c.site_id.not_in(scope.ids)).exists() for sites, table in _OF_ACT]
    return and_(or_(*(sites.exists() for sites, _ in _OF_ACT)), *(~each for each in outside))
