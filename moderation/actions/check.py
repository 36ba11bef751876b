"""A comment comes in, a decision goes out: stored before anybody sees it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection

from moderation.actions.content import Likeness, content_key, find_alike
from moderation.actions.desk import Desk
from moderation.actions.seal import seal
from moderation.domain.comment import UNSEEN, Comment, Visit
from moderation.domain.errors import NotFound
from moderation.domain.judgement import Decision, Label, Reason, Score
from moderation.domain.policy import Policy, Verdict, decide
from moderation.domain.site import Callback, Site
from moderation.scoring.model import score
from moderation.storage import callbacks, comments, decisions, items, labels
from moderation.storage.engine import reading, writing

FALLBACK_POLICY = Policy(review=0.5, spam=0.9, discard=0.99)
"""Stands in for a model's lines while there is no model."""

_NO_MODEL = Score(
    probability=0.5,
    logit=0.0,
    bias=0.0,
    reasons=(Reason("NO_MODEL", 0.0, "There is no model to judge by, so a person has to."),),
    model="none",
)


class Rechecked(NamedTuple):
    """A decision on a comment that was checked before.

    `guid` is what its blog knows it by, where that goes on holding it; else `None`.
    """

    decision: Decision
    guid: str | None


def check_comment(
    desk: Desk,
    site: Site,
    comment: Comment,
    *,
    door: str = "api",
    visit: Visit = UNSEEN,
    callback: Callback | None = None,
) -> Decision:
    """Judges a comment; the decision, and the item when it is held, are on disk when this returns.

    `door` is where the comment came in: `api`, `akismet` or `import`; `visit` is how. `callback` says where the blog
    wants to be told what becomes of the comment, if it is held. Without any model the comment is held and the decision
    `degraded`. Raises `StorageUnavailable`.
    """
    decision = consider(desk, site, comment, visit)
    key, sealed_key = content_key(comment.text), _sealed(desk, decision, callback)
    with writing(desk.engine) as connection:
        comment_id = comments.add(connection, site.id, key, comment, decision.made_at)
        _store(connection, decision, comment_id, door)
        _keep_callback(connection, site, decision, callback, sealed_key)
    return decision


def recheck_comment(
    desk: Desk,
    site: Site,
    comment: Comment,
    *,
    door: str,
    visit: Visit = UNSEEN,
    callback: Callback | None = None,
) -> Rechecked:
    """Judges a comment that the blog may have sent before: the new decision takes the place of the older ones.

    Where the comment is held again, a blog that waits for a word on it goes on waiting. One that is not found is stored
    as a new one. Raises `StorageUnavailable`.
    """
    decision = consider(desk, site, comment, visit)
    likeness, sealed_key = Likeness.of(comment), _sealed(desk, decision, callback)
    with writing(desk.engine) as connection:
        comment_id = find_alike(connection, site.id, likeness)
        if comment_id is None:
            comment_id = comments.add(connection, site.id, likeness.key, comment, decision.made_at)
        else:
            items.close_of_comment(connection, comment_id, "the blog", "checked again", decision.made_at)
            decisions.supersede(connection, comment_id)
        _store(connection, decision, comment_id, door)
        carries = callback is None and decision.verdict is Verdict.REVIEW
        guid = callbacks.carry(connection, comment_id, decision.id) if carries else None
        if guid is None:
            callbacks.drop_of_comment(connection, comment_id)
            _keep_callback(connection, site, decision, callback, sealed_key)
    return Rechecked(decision, guid)


def check_comments(desk: Desk, site: Site, batch: Sequence[Comment], *, door: str = "api") -> list[Decision]:
    """Judges many comments, in order; they are stored together or not at all. Raises `StorageUnavailable`."""
    made = [consider(desk, site, comment) for comment in batch]
    keyed = [(content_key(comment.text), comment) for comment in batch]
    held = [decision.id for decision in made if decision.verdict is Verdict.REVIEW]
    now = desk.clock()
    with writing(desk.engine) as connection:
        comment_ids = comments.add_many(connection, site.id, keyed, now)
        decisions.add_many(connection, list(zip(made, comment_ids, strict=True)), door)
        items.open_many(connection, site.id, held, now)
    return made


def consider(desk: Desk, site: Site, comment: Comment, visit: Visit = UNSEEN) -> Decision:
    """Judges a comment by the live model and the site's lines, and stores nothing."""
    model = desk.model()
    result = score(model.at(site.url), comment, visit) if model else _NO_MODEL
    standing = site.standing_for(comment.type, result.model, desk.budget)
    policy = site.policy_for(comment.type, model.lines if model else FALLBACK_POLICY, standing)
    return Decision(
        id=uuid4().hex,
        site_id=site.id,
        comment=comment,
        score=result,
        policy=policy,
        verdict=decide(result.probability, policy) if model else Verdict.REVIEW,
        degraded=model is None,
        made_at=desk.clock(),
        standing=standing,
    )


def find_decision(desk: Desk, site: Site, decision_id: str) -> tuple[Decision, Label | None]:
    """The site's decision as it was answered, and the label that holds; `None` where there is none or it was withdrawn.

    Raises `NotFound`, for another site's decision too.
    """
    with reading(desk.engine) as connection:
        found = decisions.find(connection, site.id, decision_id)
        if found is None:
            raise NotFound("There is no such decision.")
        decision, comment_id = found
        label = labels.last(connection, comment_id)
    return decision, label if label and label.value else None


def _store(connection: Connection, decision: Decision, comment_id: int, door: str) -> None:
    decisions.add(connection, decision, comment_id, door)
    if decision.verdict is Verdict.REVIEW:
        items.open_many(connection, decision.site_id, [decision.id], decision.made_at)


def _sealed(desk: Desk, decision: Decision, callback: Callback | None) -> str | None:
    """The key to tell the blog by; `None` where it is not asked to hold. Sealed before the database is locked."""
    holds = decision.verdict is Verdict.REVIEW and not decision.degraded
    return seal(desk, callback.key) if callback and holds else None


def _keep_callback(
    connection: Connection, site: Site, decision: Decision, callback: Callback | None, sealed_key: str | None
) -> None:
    if callback and sealed_key:
        publishes_at = decision.made_at + 2 * timedelta(seconds=site.holding.seconds)
        callbacks.add(connection, decision.id, site.id, callback.url, sealed_key, publishes_at)
