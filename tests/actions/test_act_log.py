"""The log of who did what, and how far people agree."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from moderation.actions.act_log import (
    AGREEMENT_DAYS,
    COLUMNS,
    LogFormat,
    export_lines,
    read_agreement,
    read_all,
    read_log,
)
from moderation.actions.author_rules import set_author_rule
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import label_decision
from moderation.actions.moderating import act
from moderation.actions.moderators import add_moderator
from moderation.actions.roles import grant_role, revoke_roles
from moderation.actions.services import Services
from moderation.actions.sites import list_sites, set_thresholds
from moderation.actions.teamwork import write_note
from moderation.actions.undo import undo
from moderation.domain.act_log import AgreementCount, LogFilter
from moderation.domain.authors import AuthorFact, Standing, VouchedAuthor
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.people import Grant, Role, SiteScope
from moderation.domain.queue import SeenComment, Verb
from moderation.domain.site import Site
from moderation.storage.engine import write_transaction
from moderation.storage.tables import queue_items
from tests.conftest import HOLD_ALL, PASSWORD, Clock

ALL = LogFilter()


@pytest.fixture
def ann(services: Services, hold_all_site: Site) -> Moderator:
    return add_moderator(services, "Ann", PASSWORD, Grant(Role.MODERATOR, hold_all_site.id))


def hold(services: Services, site: Site, *texts: str) -> list[SeenComment]:
    set_thresholds(services, site.url, HOLD_ALL)
    return [SeenComment(check_comment(services, site, CheckRequest(Comment(text))).decision.id) for text in texts]


def decide(services: Services, seen: list[SeenComment], verb: Verb, moderator: Moderator) -> int:
    act_id = act(services, seen, verb, moderator).act_id
    assert act_id is not None
    return act_id


def lines(services: Services, wanted: LogFilter = ALL) -> list[tuple[str, str, int]]:
    return [(each.person, each.event, each.number) for each in read_all(services, wanted)]


@pytest.fixture
def busy(
    services: Services, site: Site, hold_all_site: Site, moderator: Moderator, ann: Moderator, clock: Clock
) -> str:
    """Each kind of event, one a minute. Returns the id of the comment that has a note."""
    here, there, third = hold(services, hold_all_site, "Is it here?", "Is it there?", "Is it away?")
    (elsewhere,) = hold(services, site, "Is it elsewhere?")
    steps = (
        lambda: write_note(services, here.id, "A secret", ann),
        lambda: write_note(services, here.id, "", ann, asked="mara"),
        lambda: act(services, [third], Verb.SKIP, ann),
        lambda: undo(services, decide(services, [here, elsewhere], Verb.SPAM, moderator), moderator),
        lambda: act(services, [there], Verb.HAM, ann),
        lambda: label_decision(services, site, elsewhere.id, LabelValue.HAM, "=key", "akismet"),
        lambda: set_author_rule(services, site, AuthorFact.ID, "7", Standing.BLOCKED, "mara", "cli"),
        lambda: grant_role(services, "Ann", Grant(Role.READER, site.id), "mara"),
        lambda: revoke_roles(services, "Ann", site, "mara"),
    )
    for step in steps:
        clock.advance(60)
        step()
    return here.id


EVENTS = [
    ("mara", "revoke", 0),
    ("mara", "grant", 0),
    ("mara", "block", 0),
    ("=key", "ham", 1),
    ("Ann", "ham", 1),
    ("mara", "spam", 2),
    ("Ann", "skip", 1),
    ("Ann", "ask", 1),
    ("Ann", "note", 1),
]
"""Of `busy`, after the roles with which the moderators began."""


def test_a_rule_of_the_queue_is_in_the_log_once(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """As the act that set it, with the author and who undid it."""
    set_thresholds(services, hold_all_site.url, HOLD_ALL)
    request = CheckRequest(Comment("Is it here?"), author=VouchedAuthor(id="7"))
    seen = SeenComment(check_comment(services, hold_all_site, request).decision.id)
    act_id = decide(services, [seen], Verb.TRUST, moderator)
    undo(services, act_id, moderator)
    (trust,) = [event for event in read_all(services, ALL) if event.event == "trust"]
    assert (trust.person, trust.number, trust.detail) == ("mara", 1, "id 7")
    assert (trust.site_url, trust.channel, trust.undone_by) == (hold_all_site.url, "queue", "mara")


def test_all_that_people_did_is_in_the_log(services: Services, busy: str, site: Site, hold_all_site: Site) -> None:
    """Newest first, with the comment, its site, and who undid it. The text of a note is not in it."""
    assert lines(services)[:-2] == EVENTS and {name for _, name, _ in lines(services)[-2:]} == {"grant"}
    revoked, granted, rule, by_blog, ham, spam, skipped, asked, note = list(read_all(services, ALL))[:9]
    assert (asked.detail, asked.decision_id, asked.site_url) == ("mara", busy, hold_all_site.url)
    assert (note.decision_id, note.detail) == (busy, "")
    assert spam.undone_by == "mara" and spam.undone_at == spam.at and (spam.site_url, spam.decision_id) == ("", "")
    assert (ham.undone_by, ham.site_url, ham.channel) == (None, hold_all_site.url, "queue") and ham.decision_id
    assert skipped.decision_id and skipped.site_url == hold_all_site.url
    assert (by_blog.channel, by_blog.site_url) == ("akismet", site.url) and by_blog.decision_id
    assert (rule.detail, rule.site_url) == ("id 7", site.url)
    assert {granted.detail, revoked.detail} == {"Ann: reader"}


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_follow_each_other(services: Services, busy: str, limit: int) -> None:
    """Without gap or repeat, also where events of several kinds have one time."""
    set_author_rule(services, *_rule_arguments(services, "8"))
    set_author_rule(services, *_rule_arguments(services, "9"))
    found, after = [], ""
    while True:
        page = read_log(services, ALL, after=after, limit=limit)
        found += page.events
        after = page.after
        if not after:
            break
    assert found == list(read_all(services, ALL)) and len(found) == len(EVENTS) + 4


def _rule_arguments(services: Services, value: str) -> tuple[Site, AuthorFact, str, Standing, str, str]:
    return list_sites(services)[0], AuthorFact.ID, value, Standing.TRUSTED, "mara", "cli"


@pytest.mark.parametrize("after", ["0", "zz", "é", "2e2e", *(each.hex() for each in (b"1.9", b"1.2.3", b"99999.0.x"))])
def test_an_unknown_place_is_no_error(services: Services, busy: str, after: str) -> None:
    """It gives the first page, or one without events before that time."""
    assert len(read_log(services, ALL, after=after).events) in (0, len(EVENTS) + 2)


def test_filters_by_person_time_and_site(services: Services, busy: str, site: Site, clock: Clock) -> None:
    """An act on comments of several sites is in the log of each, with the number of its comments there."""
    assert lines(services, LogFilter("Ann")) == [each for each in EVENTS if each[0] == "Ann"]
    since, until = clock.now - timedelta(minutes=4), clock.now - timedelta(minutes=1)
    assert lines(services, LogFilter("", since, until)) == EVENTS[2:5]
    of_site = replace(services, scope=SiteScope(frozenset({site.id})))
    assert lines(of_site) == [*EVENTS[:4], ("mara", "spam", 1)]
    (spam,) = [each for each in read_all(of_site, ALL) if each.event == "spam"]
    assert spam.site_url == site.url and spam.decision_id
    assert lines(replace(services, scope=SiteScope(frozenset()))) == []


def test_an_export_has_each_event(services: Services, busy: str) -> None:
    """As CSV without formulae, or as one JSON object a line."""
    events = list(read_all(services, ALL))
    table = list(csv.DictReader(io.StringIO("".join(export_lines(events, LogFormat.CSV)))))
    assert tuple(table[0]) == COLUMNS and len(table) == len(events)
    assert [row["person"] for row in table[:4]] == ["mara", "mara", "mara", "'=key"]
    assert "=key" in next(line for line in export_lines(events, LogFormat.CSV, raw=True) if "key" in line)
    objects = [json.loads(line) for line in export_lines(events, LogFormat.JSON_LINES)]
    assert [each["person"] for each in objects] == [each.person for each in events]
    assert objects[5]["undone_by"] == "mara" and objects[0]["undone_by"] is None and objects[5]["comments"] == 2


@pytest.mark.sqlite("EXPLAIN QUERY PLAN is SQLite's")
def test_a_page_sorts_no_long_table(services: Services, busy: str) -> None:
    """Acts, labels and notes are read in the order of an index. Roles and rules are few."""
    plans = dict[str, str]()

    def explain(connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        for table in ("acts", "labels", "notes"):
            if (
                f"FROM {table} " in statement.replace("\n", " ")
                and "ORDER BY" in statement
                and "EXPLAIN" not in statement
            ):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans[table] = " ".join(row[3] for row in rows)

    event.listen(services.engine, "before_cursor_execute", explain)
    read_log(services, ALL)
    assert plans.keys() == {"acts", "labels", "notes"}
    for plan in plans.values():
        assert "INDEX" in plan and "TEMP B-TREE" not in plan, plan


def test_agreement_counts_what_others_made_of_the_decisions(
    services: Services, hold_all_site: Site, moderator: Moderator, ann: Moderator, clock: Clock
) -> None:
    """Confirmed, changed, undone by another, left alone; taken back by oneself, and too long ago."""
    seen = hold(services, hold_all_site, *(f"Is it number {number}?" for number in range(7)))
    decide(services, seen[6:], Verb.HAM, ann)
    clock.advance(timedelta(days=AGREEMENT_DAYS, seconds=1).total_seconds())
    acts = [decide(services, [each], Verb.SPAM, ann) for each in seen[:6]]
    act(services, [SeenComment(seen[0].id)], Verb.SPAM, moderator)
    act(services, [SeenComment(seen[1].id)], Verb.HAM, moderator)
    undo(services, acts[2], moderator)
    undo(services, acts[3], ann)
    act(services, [SeenComment(seen[4].id)], Verb.REMOVE, ann)
    assert read_agreement(services, ann).decisions == AgreementCount(confirmed=1, changed=2, untouched=2)
    assert read_agreement(services, moderator).decisions == AgreementCount(0, 0, 2)
    elsewhere = replace(services, scope=SiteScope(frozenset()))
    assert read_agreement(elsewhere, ann).decisions == AgreementCount(0, 0, 0)


def test_audits_and_second_opinions_compare_two_people(
    services: Services, hold_all_site: Site, moderator: Moderator, ann: Moderator
) -> None:
    """It does not matter who decided first: the two decisions count for both people."""
    audit, asked, other = hold(services, hold_all_site, "Is it here?", "Is it there?", "Is it away?")
    with write_transaction(services.engine) as connection:
        of_audit = queue_items.update().where(queue_items.c.decision_id == audit.id)
        connection.execute(of_audit.values(audit_probability=0.1))
    write_note(services, asked.id, "", ann, asked="")
    for each in (audit, asked, other):
        decide(services, [each], Verb.SPAM, ann)
    act(services, [SeenComment(audit.id)], Verb.SPAM, moderator)
    act(services, [SeenComment(asked.id)], Verb.HAM, moderator)
    for person in (ann, moderator):
        found = read_agreement(services, person)
        assert (found.audits, found.opinions) == ((1, 1), (0, 1))
