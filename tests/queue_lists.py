"""The held comments as tests read and decide them."""

from moderation.actions.moderating import act
from moderation.actions.review import list_comments
from moderation.actions.services import Services
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.queue import ListedComment, ListName, Verb


def held_items(services: Services, *, include_skipped: bool = False) -> list[ListedComment]:
    """Return the held comments and audit items, newest first."""
    return list_comments(services, ListName.HELD, include_skipped=include_skipped).comments


def decide(services: Services, comment: ListedComment, verb: Verb | LabelValue, moderator: Moderator) -> list[str]:
    """Carry out a verb on a comment as it was seen, and return why it was refused, if it was."""
    return [refusal.problem for refusal in act(services, [comment.seen], Verb(verb.value), moderator).refused]
