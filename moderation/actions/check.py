"""A comment comes in, a decision goes out: stored before anybody sees it."""

from collections.abc import Sequence
from uuid import uuid4

from moderation.actions.content import content_key
from moderation.actions.desk import Desk
from moderation.domain.comment import Comment
from moderation.domain.errors import ModelRefused, NotFound
from moderation.domain.judgement import Decision, Label, Reason, Score
from moderation.domain.policy import Policy, Verdict, decide
from moderation.domain.site import Site
from moderation.scoring.model import Model, score
from moderation.storage import comments, decisions, items, labels
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


def check_comment(desk: Desk, site: Site, comment: Comment, *, door: str = "api") -> Decision:
    """Judges a comment; the decision, and the item when it is held, are on disk when this returns.

    `door` is where the comment came in: `api`, `akismet` or `import`. Without any model the comment is held and the
    decision `degraded`. Raises `StorageUnavailable`.
    """
    decision = consider(desk, site, comment)
    key = content_key(comment.text)
    with writing(desk.engine) as connection:
        comment_id = comments.add(connection, site.id, key, comment, decision.made_at)
        decisions.add(connection, decision, comment_id, door)
        if decision.verdict is Verdict.REVIEW:
            items.open_many(connection, site.id, [decision.id], decision.made_at)
    return decision


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


def consider(desk: Desk, site: Site, comment: Comment) -> Decision:
    """Judges a comment by the live model and the site's lines, and stores nothing."""
    model = _live_model(desk)
    result = score(model, comment) if model else _NO_MODEL
    policy = site.policy or (model.lines if model else FALLBACK_POLICY)
    return Decision(
        id=uuid4().hex,
        site_id=site.id,
        comment=comment,
        score=result,
        policy=policy,
        verdict=decide(result.probability, policy) if model else Verdict.REVIEW,
        degraded=model is None,
        made_at=desk.clock(),
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


def _live_model(desk: Desk) -> Model | None:
    try:
        return desk.live.current()
    except ModelRefused:
        return None
