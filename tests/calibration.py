"""A site's past: comments that a model judged and a person called ham, written without judging any."""

from collections.abc import Iterable
from datetime import timedelta

from moderation.actions.desk import Desk
from moderation.domain.comment import Comment
from moderation.domain.judgement import Decision, Label, LabelValue, Score
from moderation.domain.policy import Policy, Verdict
from moderation.domain.site import Site
from moderation.storage import comments, decisions, labels
from moderation.storage.engine import writing


def write_past(
    desk: Desk,
    site: Site,
    probabilities: Iterable[float],
    value: LabelValue | None = LabelValue.HAM,
    *,
    model: str = "small",
) -> list[str]:
    """Comments of these probabilities, a second apart up to now, each with the label; the ids of their decisions."""
    scores = [Score(probability, 0.0, 0.0, (), model) for probability in probabilities]
    now, names = desk.clock(), []
    with writing(desk.engine) as connection:
        for number, score in enumerate(scores):
            at = now - timedelta(seconds=len(scores) - number)
            comment_id = comments.add(connection, site.id, "key", Comment("Hello"), at)
            # In no order, as real ones are: what is sorted by them is not sorted by time.
            name = f"{(7919 * comment_id) % 2**64:032x}"
            decision = Decision(
                name,
                site.id,
                Comment("Hello"),
                score,
                Policy(0.5, 0.9, 1.0),
                Verdict.PUBLISH,
                degraded=False,
                made_at=at,
            )
            decisions.add(connection, decision, comment_id, "api")
            if value is not None:
                labels.append(connection, site.id, comment_id, Label(value, "mara", "queue", now))
            names.append(name)
    return names
