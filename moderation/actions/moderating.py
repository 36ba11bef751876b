"""Carry out what moderators decide in the queue: label, queue item and callback together, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.author_rules import checked_value
from moderation.actions.label_content import LabelContent, read_contents
from moderation.actions.labelling import append_label, apply_withdrawal
from moderation.actions.services import Services
from moderation.domain.authors import AuthorFact, AuthorRule, Standing
from moderation.domain.decision import QUEUE_CHANNEL, Label, LabelOrigin, LabelValue, Moderator
from moderation.domain.invisible import MAX_QUOTED_LENGTH, quoted
from moderation.domain.queue import Act, ListedComment, SeenComment, Verb
from moderation.storage import acts, author_rules, findings, queue_items, queue_lists
from moderation.storage.engine import read_transaction
from moderation.storage.labels import LabelSource
from moderation.storage.locks import lock_comments, lock_site

PAGE_SIZE = 200
"""Comments that are changed in one transaction, so that other processes can write in between."""

_GONE = "There is no such comment, or its blog had it checked again."
STANDINGS = {Verb.TRUST: Standing.TRUSTED, Verb.BLOCK: Standing.BLOCKED}
_DONE = {"ham": "labelled it ham", "spam": "labelled it spam", "remove": "removed it"}


class Refusal(NamedTuple):
    """A comment that an act left as it was, and the sentence that says why."""

    id: str
    problem: str


@dataclass(frozen=True, slots=True)
class ActResult:
    """The comments that an act changed, as they were before, and the refused ones.

    `act_id` is the number by which it can be undone; `None` if there is nothing to undo.
    """

    verb: Verb
    changed: Sequence[ListedComment]
    refused: Sequence[Refusal]
    act_id: int | None = None


def act(
    services: Services,
    seen: Sequence[SeenComment],
    verb: Verb,
    moderator: Moderator,
    *,
    origin: LabelOrigin | None = None,
) -> ActResult:
    """Carry out a verb on comments as one act, which `undo` takes back, and return which of them it changed.

    A comment that another person labelled since this one saw it is refused, and so is one that its blog had checked
    again. Several comments at once are a stroke, unless `origin` says otherwise: they enter no guarantee. `PAGE_SIZE`
    comments are one transaction, so that other processes can write in between.
    """
    if verb in STANDINGS:
        return _set_standings(services, seen, verb, moderator)
    origin = origin or (LabelOrigin.SINGLE if len(seen) == 1 else LabelOrigin.BULK)
    value = LabelValue(verb.value) if verb in (Verb.HAM, Verb.SPAM) else None
    label = Label(value, moderator.name, QUEUE_CHANNEL, services.clock(), origin, removes=verb is Verb.REMOVE)
    result = ActResult(verb, [], [])
    for start in range(0, len(seen), PAGE_SIZE):
        page = _act_on_page(services, seen[start : start + PAGE_SIZE], verb, label, result.act_id)
        changed, refused = [*result.changed, *page.changed], [*result.refused, *page.refused]
        result = ActResult(verb, changed, refused, page.act_id)
    return result


def _act_on_page(
    services: Services, seen: Sequence[SeenComment], verb: Verb, label: Label, act_id: int | None
) -> ActResult:
    by_id = {each.id: each for each in seen}
    with read_transaction(services.engine) as connection:
        comment_ids = {each.comment_id for each in queue_lists.find_many(connection, services.scope, by_id, 0)}
    contents = read_contents(services, comment_ids) if label.value else {}

    def apply(connection: Connection) -> ActResult:
        lock_comments(connection, comment_ids)
        found = {each.id: each for each in queue_lists.find_many(connection, services.scope, by_id, MAX_QUOTED_LENGTH)}
        problems = {each.id: _problem(each, by_id[each.id], label, verb) for each in found.values()}
        problems |= {each: _GONE for each in by_id if each not in found}
        # By site and comment, the order of locks.
        ordered = sorted(found.values(), key=lambda each: (each.decision.site_id, each.comment_id))
        changed = [each for each in ordered if not problems[each.id]]
        own_id = _store_act(connection, label, verb, len(changed), act_id)
        if own_id is not None:
            acts.save_items(connection, own_id, [each.id for each in changed if _changes_item(each, verb)])
        for each in changed:
            own_label, content = replace(label, decision_id=each.decision_id), contents.get(each.comment_id)
            _apply(connection, each, verb, own_label, content, LabelSource(own_id))
        refused = [Refusal(each, problem) for each, problem in problems.items() if problem]
        return ActResult(verb, changed, refused, own_id)

    return services.writer.run(apply)


def _store_act(connection: Connection, label: Label, verb: Verb, number: int, act_id: int | None) -> int | None:
    """Store an act with its first comments, or add comments to it. Returns its number, `None` without a comment."""
    if act_id is None:
        act = Act(0, verb, label.labelled_by, label.created_at, number)
        return acts.add(connection, act) if number else None
    acts.grow(connection, act_id, number)
    return act_id


def _changes_item(comment: ListedComment, verb: Verb) -> bool:
    return comment.item is not None and verb is not Verb.KEEP and comment.item.is_open is not (verb is Verb.FORGET)


def _problem(comment: ListedComment, seen: SeenComment, label: Label, verb: Verb) -> str:
    """Return why a verb cannot be carried out on a comment; empty if it can."""
    last = comment.label
    if (
        last
        and (last.verb, last.labelled_by, last.channel) == (verb, label.labelled_by, QUEUE_CHANNEL)
        and not comment.is_held
    ):
        return f"You have {_DONE[last.verb]} already."
    if seen.label_id not in (None, comment.label_id):
        # A blog may send any name with its label.
        faster = last and f"{quoted(last.labelled_by)} was faster and {_DONE[last.verb]}."
        return faster or "Another person took the decision on it back meanwhile."
    if verb is Verb.SKIP and not (comment.item and comment.item.is_open and not comment.item.skipped):
        return "It does not wait in the list."
    if verb is Verb.KEEP and comment.finding is None:
        return "It is not on the list for a second look."
    if verb is Verb.FORGET and last is None:
        return "There is no decision to take back."
    return ""


def _apply(
    connection: Connection,
    comment: ListedComment,
    verb: Verb,
    label: Label,
    content: LabelContent | None,
    source: LabelSource,
) -> None:
    if verb is Verb.SKIP:
        queue_items.skip(connection, comment.id, label.created_at)
    elif verb is Verb.FORGET:
        apply_withdrawal(connection, comment.decision.site_id, comment.comment_id, label, source)
    elif verb is Verb.KEEP:
        findings.settle(connection, comment.comment_id, source.act_id, label.labelled_by, label.created_at)
    else:
        queue_items.close_for_comment(connection, comment.comment_id, label.labelled_by, verb.value, label.created_at)
        append_label(connection, comment.decision.site_id, comment.comment_id, label, content, source)


def _set_standings(services: Services, seen: Sequence[SeenComment], verb: Verb, moderator: Moderator) -> ActResult:
    """Trust or block the authors of comments for good. The comments stay as they are, and nothing is learnt."""
    ids = [each.id for each in seen]
    with read_transaction(services.engine) as connection:
        found = {each.id: each for each in queue_lists.find_many(connection, services.scope, ids, MAX_QUOTED_LENGTH)}
    known = [each for each in found.values() if each.author_id]
    authors = {(each.decision.site_id, checked_value(AuthorFact.ID, each.author_id or "")) for each in known}
    act = Act(0, verb, moderator.name, services.clock(), len(known))

    def store(connection: Connection) -> int:
        act_id = acts.add(connection, act)
        for site_id, author_id in sorted(authors):
            lock_site(connection, site_id)
            before = author_rules.find_one(connection, site_id, AuthorFact.ID, author_id)
            acts.save_rule(connection, act_id, site_id, author_id, before)
            rule = AuthorRule(AuthorFact.ID, author_id, STANDINGS[verb], act.moderator, QUEUE_CHANNEL, act.at)
            author_rules.put(connection, site_id, rule)
        return act_id

    act_id = services.writer.run(store) if known else None
    gone = [Refusal(each, "There is no such comment.") for each in ids if each not in found]
    unknown = [
        Refusal(each.id, "The blog does not say which of its authors this is.")
        for each in found.values()
        if not each.author_id
    ]
    return ActResult(verb, known, [*unknown, *gone], act_id)
