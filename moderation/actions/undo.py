"""Undo acts of moderators: each comment gets the label, queue item and callback back that it had before.

The log of labels stays append-only. An undo appends a row that repeats the one before the act and has its place in
time. All that is derived from the labels in force is then as before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from moderation.actions.label_content import LabelContent, read_contents
from moderation.actions.labelling import append_label
from moderation.actions.moderating import PAGE_SIZE, STANDINGS
from moderation.actions.services import Services
from moderation.domain.authors import AuthorFact
from moderation.domain.decision import QUEUE_CHANNEL, Label, Moderator
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.invisible import quoted
from moderation.domain.queue import UNDO_TIME, Act, Verb
from moderation.storage import acts, author_rules, findings
from moderation.storage.acts import LogRow
from moderation.storage.engine import read_transaction
from moderation.storage.labels import LabelSource
from moderation.storage.locks import lock_comments, lock_site


@dataclass(frozen=True, slots=True)
class UndoResult:
    """An undone act: the number of comments that are as before, and the names of the people who decided others since.

    The decisions of these people stay. Of an act on authors, the number is that of their rules. `was_told` is true if a
    blog has confirmed the answer, and now gets the opposite one.
    """

    act: Act
    restored: int
    decided_since: Sequence[str]
    was_told: bool = False


def undo(services: Services, act_id: int, moderator: Moderator) -> UndoResult:
    """Take an act back, for each of its comments that no other person has decided since.

    Raises `NotFound` for an unknown act, and `Conflict` for one that was undone before or is older than `UNDO_TIME`.
    """
    now = services.clock()
    with read_transaction(services.engine) as connection:
        act = acts.find(connection, services.scope, act_id)
        labelled = acts.labelled_comments(connection, act_id) if act else []
        was_told = act is not None and bool(acts.told(connection, [act.id]))
    if act is None:
        raise NotFound("There is no such decision to undo.")
    if act.undone_by is not None:
        raise Conflict(f"{quoted(act.undone_by)} has undone it already.")
    if now - act.at > UNDO_TIME:
        raise Conflict(f"A decision can be undone for {UNDO_TIME.days} days, and this one is older.")
    withdrawal = Label(None, moderator.name, QUEUE_CHANNEL, now)
    restored, decided_since = 0, list[str]()
    for start in range(0, len(labelled), PAGE_SIZE):
        number, others = _undo_page(services, act, labelled[start : start + PAGE_SIZE], withdrawal)
        restored += number
        decided_since += others

    def finish(connection: Connection) -> tuple[int, list[str]]:
        acts.mark_undone(connection, act_id, moderator.name, now)
        if act.verb in STANDINGS:
            return _restore_rules(connection, act)
        if act.verb is Verb.KEEP:
            return findings.reopen(connection, act_id), []
        return acts.restore_items(connection, act_id, None) if act.verb is Verb.SKIP else 0, []

    number, others = services.writer.run(finish)
    return UndoResult(act, restored + number, sorted({*decided_since, *others}), was_told)


def list_acts(services: Services, *, before: int | None = None, limit: int = 50) -> list[Act]:
    """Return the newest acts on sites of the scope, the newest first; with `before`, only acts with a lower number."""
    with read_transaction(services.engine) as connection:
        return acts.newest(connection, services.scope, before, limit)


def told_acts(services: Services, listed: Iterable[Act]) -> set[int]:
    """Return those of the acts of which a blog has confirmed an answer: an undo sends it the opposite."""
    with read_transaction(services.engine) as connection:
        return acts.told(connection, [act.id for act in listed])


def _restore_rules(connection: Connection, act: Act) -> tuple[int, list[str]]:
    """Restore the rules that an act replaced; return how many, and who has replaced each of the others since."""
    restored, replaced_by = 0, list[str]()
    for site_id, author_id, before in acts.saved_rules(connection, act.id):
        lock_site(connection, site_id)
        rule = author_rules.find_one(connection, site_id, AuthorFact.ID, author_id)
        if rule is None or (rule.set_by, rule.created_at) != (act.moderator, act.at):
            replaced_by += [quoted(rule.set_by)] if rule else []
            acts.replace_saved_rule(connection, act, site_id, author_id, before)
            continue
        if before:
            author_rules.put(connection, site_id, before)
        else:
            author_rules.remove(connection, site_id, AuthorFact.ID, author_id)
        restored += 1
    return restored, replaced_by


def _undo_page(
    services: Services, act: Act, labelled: Sequence[tuple[int, int]], withdrawal: Label
) -> tuple[int, list[str]]:
    """Restore comments, given with their sites; return how many, and who decided each of the others since."""
    comment_ids = [comment_id for _, comment_id in labelled]
    with read_transaction(services.engine) as connection:
        logs = acts.logs_of(connection, comment_ids)
    contents = read_contents(services, [each for each, log in logs.items() if any(row.label.value for row in log[1:])])

    def restore(connection: Connection) -> tuple[int, list[str]]:
        lock_comments(connection, comment_ids)
        logs = acts.logs_of(connection, comment_ids)
        undone = [(site_id, comment_id) for site_id, comment_id in labelled if logs[comment_id][0].act_id == act.id]
        for site_id, comment_id in undone:
            _restore(connection, site_id, comment_id, logs[comment_id], withdrawal, contents.get(comment_id))
        acts.restore_items(connection, act.id, [comment_id for _, comment_id in undone])
        return len(undone), list(_decided_since(act, logs.values()))

    return services.writer.run(restore)


def _restore(
    connection: Connection,
    site_id: int,
    comment_id: int,
    log: Sequence[LogRow],
    withdrawal: Label,
    content: LabelContent | None,
) -> None:
    """Append the row to a comment's log that repeats the one before the act, or a withdrawal if there was none."""
    before = next((row for row in log if row.id < log[0].order), None)
    label = before.label if before else replace(withdrawal, decision_id=log[0].label.decision_id)
    source = LabelSource(
        act_id=before.act_id if before else None,
        restores_id=before.order if before else None,
        undone_at=withdrawal.created_at,
        undone_by=withdrawal.labelled_by,
    )
    append_label(connection, site_id, comment_id, label, content, source)


def _decided_since(act: Act, logs: Iterable[Sequence[LogRow]]) -> Iterable[str]:
    return (quoted(log[0].label.labelled_by) for log in logs if log[0].act_id != act.id)
