"""Several people at one comment: their notes, requests for a second opinion, and who has the comment open."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.decision import Moderator
from moderation.domain.errors import Conflict, InvalidInput, NotFound, StorageUnavailable
from moderation.domain.people import Permission
from moderation.domain.queue import MAX_NOTE_LENGTH, ListedComment, Note, Teamwork
from moderation.storage import moderators, notes, open_comments, queue_lists
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_comments
from moderation.storage.open_comments import Opener

MAX_NOTES = 50
"""Notes on a comment that its page reads, the newest ones."""
OPEN_TIME = timedelta(seconds=60)
"""Time for which a comment counts as open, unless its page is asked for again."""


def write_note(
    services: Services, decision_id: str, text: str, moderator: Moderator, *, asked: str | None = None
) -> Note:
    """Store a note on the comment of a decision. With `asked`, the held comment waits for a second opinion.

    `asked` is the name of a person who may decide on the comment, empty for anybody. A request replaces the one before.
    Raises `InvalidInput` for a text that is too long, or empty without a request. Raises `NotFound` for an unknown
    comment or person, and `Conflict` for a request on a comment that is not held.
    """
    note = Note(moderator.name, services.clock(), text.replace("\r\n", "\n").strip(), asked)
    if len(note.text) > MAX_NOTE_LENGTH:
        raise InvalidInput(f"A note has at most {MAX_NOTE_LENGTH:,} characters, and this one {len(note.text):,}.")
    if not (note.text or asked is not None):
        raise InvalidInput("The note is empty.")
    comment = _find(services, decision_id)
    if asked and asked not in people_to_ask(services, comment.decision.site_id, moderator):
        raise NotFound("There is no person with this name who may decide on the comment.")

    def store(connection: Connection) -> None:
        lock_comments(connection, [comment.comment_id])
        note_id = notes.add(connection, comment.decision.site_id, comment.comment_id, note)
        if asked is not None and not notes.hand_over(connection, comment.id, note_id):
            raise Conflict("The comment no longer waits for a decision.")

    services.writer.run(store)
    return note


def people_to_ask(services: Services, site_id: int, moderator: Moderator) -> list[str]:
    """Return the names of the other people who may decide on comments of a site, in their order."""
    with read_transaction(services.engine) as connection:
        people = moderators.list_all(connection)
    may_decide = [person for person in people if site_id in person.access.scope(Permission.DECIDE)]
    return [person.name for person in may_decide if person.name != moderator.name]


def read_notes(services: Services, comment: ListedComment) -> list[Note]:
    """Return the notes on a comment, the newest first."""
    with read_transaction(services.engine) as connection:
        return notes.on_comment(connection, comment.comment_id, MAX_NOTES)


def read_teamwork(services: Services, comments: Sequence[ListedComment], moderator: Moderator) -> list[Teamwork]:
    """Return the traces of people other than the moderator on each of some comments."""
    ids = {comment.comment_id for comment in comments}
    with read_transaction(services.engine) as connection:
        written = notes.teamwork(connection, ids)
        openers = open_comments.find(connection, ids, services.clock())
    others = [opener for opener in openers if opener.name != moderator.name]
    return [
        written.get(comment.comment_id, Teamwork())._replace(
            deciding=tuple(opener.name for opener in others if _is_deciding(opener, comment))
        )
        for comment in comments
    ]


def open_comment(services: Services, comment: ListedComment, moderator: Moderator) -> None:
    """Store that a moderator has a comment open for `OPEN_TIME`, and no other. Nothing is stored in a locked database.

    It informs other people, and each of them may still decide.
    """
    expires_at = services.clock() + OPEN_TIME
    with suppress(StorageUnavailable):
        services.writer.run(
            lambda connection: open_comments.put(connection, moderator.id, comment.comment_id, expires_at)
        )


def close_comment(services: Services, moderator: Moderator) -> None:
    """Store that a moderator has no comment open."""
    services.writer.run(lambda connection: open_comments.remove(connection, moderator.id))


def count_requests(services: Services, person: str) -> int:
    """Return how many held comments wait for a person's second opinion, at most one more than `MAX_COUNTED`."""
    with read_transaction(services.engine) as connection:
        return notes.count_requests(connection, services.scope, person)


def _is_deciding(opener: Opener, comment: ListedComment) -> bool:
    """Return whether a person who has a comment open has not decided it since."""
    if opener.comment_id != comment.comment_id:
        return False
    label, opened_at = comment.label, opener.expires_at - OPEN_TIME
    return not (label and label.labelled_by == opener.name and label.created_at >= opened_at)


def _find(services: Services, decision_id: str) -> ListedComment:
    with read_transaction(services.engine) as connection:
        comment = queue_lists.find(connection, services.scope, decision_id, 0)
    if comment is None:
        raise NotFound("There is no comment with this number.")
    return comment
