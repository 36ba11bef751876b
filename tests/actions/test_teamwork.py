"""Several people at one comment: notes, second opinions, and who has the comment open."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import label_decision
from moderation.actions.moderating import act
from moderation.actions.moderators import add_moderator, remove_moderator
from moderation.actions.review import list_requests, read_comment
from moderation.actions.roles import grant_role, revoke_roles
from moderation.actions.services import Services
from moderation.actions.teamwork import (
    OPEN_TIME,
    close_comment,
    count_requests,
    open_comment,
    people_to_ask,
    read_notes,
    read_teamwork,
    write_note,
)
from moderation.actions.undo import undo
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.errors import Conflict, InvalidInput, NotFound
from moderation.domain.people import Grant, Role, SiteScope
from moderation.domain.queue import MAX_NOTE_LENGTH, SeenComment, Teamwork, Verb, unjudged_id
from moderation.domain.site import Site
from moderation.storage.comments import delete_unused
from moderation.storage.engine import read_transaction, write_transaction
from moderation.storage.tables import comments, notes, open_comments
from tests.conftest import PASSWORD, Clock


@pytest.fixture
def held(services: Services, hold_all_site: Site) -> str:
    return send(services, hold_all_site, "Is it here?")


@pytest.fixture
def ann(services: Services, hold_all_site: Site) -> Moderator:
    """A moderator of the site with the held comment."""
    return add_moderator(services, "Ann", PASSWORD, Grant(Role.MODERATOR, hold_all_site.id))


def send(services: Services, site: Site, text: str) -> str:
    return check_comment(services, site, CheckRequest(Comment(text))).decision.id


READER = Moderator(99, "Rita", datetime(2026, 1, 2, tzinfo=UTC), "")


def teamwork(services: Services, decision_id: str, reader: Moderator = READER) -> Teamwork:
    (found,) = read_teamwork(services, [read_comment(services, decision_id).comment], reader)
    return found


def opened(services: Services, decision_id: str, person: Moderator) -> None:
    open_comment(services, read_comment(services, decision_id).comment, person)


def asked(services: Services, person: str) -> list[str]:
    found = [comment.id for comment in list_requests(services, person).comments]
    assert count_requests(services, person) == len(found)
    return found


def test_notes_are_kept_newest_first(services: Services, held: str, moderator: Moderator, clock: Clock) -> None:
    """With their writers and times. A comment without a note has none."""
    assert teamwork(services, held) == Teamwork()
    for text in (" One\r\ntwo ", "\0\ud800"):
        write_note(services, held, text, moderator)
        clock.advance(60)
    comment = read_comment(services, held).comment
    newest, first = read_notes(services, comment)
    assert (first.text, newest.text) == ("One\ntwo", "\ufffd\ufffd")
    assert newest.written_by == "mara" and (newest.written_at - first.written_at).seconds == 60
    assert teamwork(services, held) == Teamwork(newest, 2)


def test_a_note_has_text_of_bounded_length(services: Services, held: str, moderator: Moderator) -> None:
    """A longer one is refused whole, and an empty one too; a request needs no text."""
    for text in ("", " \r\n ", "x" * (MAX_NOTE_LENGTH + 1)):
        with pytest.raises(InvalidInput):
            write_note(services, held, text, moderator)
    write_note(services, held, "x" * MAX_NOTE_LENGTH, moderator)
    write_note(services, held, "", moderator, asked="")
    assert teamwork(services, held).notes == 2


def test_a_request_waits_for_the_person_or_anybody_else(
    services: Services, hold_all_site: Site, held: str, moderator: Moderator, ann: Moderator
) -> None:
    """The newest request of a comment is in force, and the newest one is listed first."""
    other = send(services, hold_all_site, "Is it there?")
    write_note(services, held, "Which is it?", moderator, asked="Ann")
    assert (asked(services, "Ann"), asked(services, "mara"), asked(services, "Bob")) == ([held], [], [])
    write_note(services, other, "", moderator, asked="")
    assert (asked(services, "Ann"), asked(services, "mara"), asked(services, "Bob")) == ([other, held], [], [other])
    write_note(services, held, "", ann, asked="mara")
    assert (asked(services, "Ann"), asked(services, "mara")) == ([other], [held])
    request = teamwork(services, held).request
    assert request and (request.written_by, request.asked) == ("Ann", "mara")
    pages = [list_requests(services, "Bob", limit=1)]
    write_note(services, held, "", ann, asked="")
    pages.append(list_requests(services, "Bob", limit=1))
    pages.append(list_requests(services, "Bob", limit=1, after=pages[-1].after))
    assert [[each.id for each in page.comments] for page in pages] == [[other], [held], [other]]
    assert [bool(page.after) for page in pages] == [False, True, False]


@pytest.mark.parametrize("verb", [Verb.HAM, Verb.SPAM, Verb.REMOVE])
def test_a_decision_ends_the_request_and_its_undo_brings_it_back(
    services: Services, held: str, moderator: Moderator, ann: Moderator, verb: Verb
) -> None:
    """The note stays. Later is no decision: the request is listed among the skipped too."""
    write_note(services, held, "Which is it?", moderator, asked="Ann")
    act(services, [SeenComment(held)], Verb.SKIP, ann)
    assert asked(services, "Ann") == [held]
    act_id = act(services, [SeenComment(held)], verb, ann).act_id
    ended = teamwork(services, held)
    assert (asked(services, "Ann"), ended.request, ended.notes) == ([], None, 1)
    assert act_id is not None
    undo(services, act_id, ann)
    assert asked(services, "Ann") == [held] and teamwork(services, held).request


def test_a_label_of_the_blog_ends_the_request(
    services: Services, hold_all_site: Site, held: str, moderator: Moderator
) -> None:
    """A decision through any channel does."""
    write_note(services, held, "", moderator, asked="")
    label_decision(services, hold_all_site, held, LabelValue.HAM, "key", "akismet")
    assert asked(services, "Bob") == []
    with pytest.raises(Conflict, match="no longer waits"):
        write_note(services, held, "And you?", moderator, asked="")
    # Refused whole.
    assert teamwork(services, held).notes == 1


def test_only_people_who_may_decide_there_are_asked(
    services: Services, site: Site, hold_all_site: Site, held: str, moderator: Moderator, ann: Moderator
) -> None:
    """Not readers, people of other sites, strangers, or oneself."""
    add_moderator(services, "Reader", PASSWORD, Grant(Role.READER, hold_all_site.id))
    add_moderator(services, "Other", PASSWORD, Grant(Role.OWNER, site.id))
    assert people_to_ask(services, hold_all_site.id, moderator) == ["Ann"]
    for name in ("Reader", "Other", "nobody", "mara"):
        with pytest.raises(NotFound):
            write_note(services, held, "", moderator, asked=name)
    assert teamwork(services, held) == Teamwork()


def test_a_comment_of_another_site_has_no_notes(
    services: Services, site: Site, held: str, moderator: Moderator, ann: Moderator
) -> None:
    """It is not found, and requests on it are neither listed nor counted."""
    elsewhere = replace(services, scope=SiteScope(frozenset({site.id})))
    with pytest.raises(NotFound):
        write_note(elsewhere, held, "Hello", moderator)
    write_note(services, held, "", moderator, asked="Ann")
    assert asked(elsewhere, "Ann") == []


@pytest.mark.parametrize("end", ["remove", "revoke", "revoke on the site"])
def test_who_can_no_longer_answer_is_asked_no_longer(
    services: Services, site: Site, hold_all_site: Site, held: str, moderator: Moderator, ann: Moderator, end: str
) -> None:
    """The comment waits for anybody then; requests to others, and ended ones, stay as they are."""
    grant_role(services, "Ann", Grant(Role.MODERATOR, site.id), "cli")
    ended, other = (send(services, hold_all_site, f"Is it {place}?") for place in ("there", "elsewhere"))
    write_note(services, held, "", moderator, asked="Ann")
    write_note(services, ended, "", moderator, asked="Ann")
    write_note(services, other, "", ann, asked="mara")
    label_decision(services, hold_all_site, ended, LabelValue.HAM, "key", "akismet")
    if end == "remove":
        remove_moderator(services, "Ann")
    else:
        revoke_roles(services, "Ann", hold_all_site if end == "revoke on the site" else None, "cli")
    assert (asked(services, "Bob"), asked(services, "mara")) == ([held], [other])
    (note,) = read_notes(services, read_comment(services, ended).comment)
    assert note.asked == "Ann"


def test_others_see_who_has_a_comment_open(
    services: Services, hold_all_site: Site, held: str, moderator: Moderator, ann: Moderator, clock: Clock
) -> None:
    """A person has a comment open for a minute, until it is closed or another is opened. One's own name is left out."""
    other = send(services, hold_all_site, "Is it there?")
    opened(services, held, moderator)
    opened(services, held, ann)
    found = [teamwork(services, held, each).deciding for each in (READER, moderator, ann)]
    assert found == [("Ann", "mara"), ("Ann",), ("mara",)]
    opened(services, other, moderator)
    close_comment(services, ann)
    assert [teamwork(services, each).deciding for each in (held, other)] == [(), ("mara",)]
    clock.advance(OPEN_TIME.total_seconds() / 2)
    opened(services, other, moderator)
    clock.advance(OPEN_TIME.total_seconds() - 1)
    assert teamwork(services, other).deciding == ("mara",)
    clock.advance(1)
    assert teamwork(services, other).deciding == ()


def test_who_has_decided_is_deciding_no_longer(
    services: Services, held: str, moderator: Moderator, ann: Moderator, clock: Clock
) -> None:
    """The others still are, and so is a person who opens the comment again."""
    for person in (moderator, ann):
        opened(services, held, person)
    clock.advance(1)
    act(services, [SeenComment(held)], Verb.SPAM, ann)
    assert teamwork(services, held).deciding == ("mara",)
    clock.advance(1)
    opened(services, held, ann)
    assert teamwork(services, held).deciding == ("Ann", "mara")


def test_a_removed_moderator_decides_nothing(
    services: Services, held: str, moderator: Moderator, ann: Moderator
) -> None:
    """Nor does one whose last request comes after the removal."""
    opened(services, held, ann)
    remove_moderator(services, "Ann")
    with read_transaction(services.engine) as connection:
        assert connection.execute(select(open_comments)).all() == []
    opened(services, held, ann)
    assert teamwork(services, held).deciding == ()


def test_removed_history_takes_its_notes_along(services: Services, site: Site, held: str, moderator: Moderator) -> None:
    """Imported comments have notes too, since they can have a second look. Other comments keep theirs."""
    write_note(services, held, "Stays", moderator)
    opened(services, held, moderator)
    row = {"site_id": site.id, "content_hash": b"x", "text": "Imported", "received_at": services.clock()}
    with write_transaction(services.engine) as connection:
        number = connection.execute(insert(comments).returning(comments.c.id), row).scalar_one()
    write_note(services, unjudged_id(number), "Goes", moderator)
    opened(services, unjudged_id(number), READER)
    judged = read_comment(services, held).comment.comment_id
    with write_transaction(services.engine) as connection:
        assert delete_unused(connection, [number, judged]) == 1
        assert connection.execute(select(notes.c.text)).scalars().all() == ["Stays"]
        assert connection.execute(select(open_comments.c.comment_id)).scalars().all() == [judged]


@pytest.mark.sqlite("EXPLAIN QUERY PLAN is SQLite's")
def test_requests_are_found_without_a_look_at_the_held_comments(services: Services, held: str) -> None:
    """The count stands on each page of held comments, of which there may be many."""
    plans = []

    def explain(connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "handover_id" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(row[3] for row in rows))

    event.listen(services.engine, "before_cursor_execute", explain)
    assert asked(services, "Ann") == []
    teamwork(services, held)
    assert len(plans) == 3
    for plan in plans:
        assert "ix_queue_items_handed_over" in plan and "ix_queue_items_open" not in plan, plan
