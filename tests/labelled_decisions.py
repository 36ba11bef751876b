"""Store a site's history: comments that a model judged and a person labelled, without judging any."""

from collections.abc import Iterable
from datetime import timedelta

from moderation.actions.services import Services
from moderation.domain.budget import Calibration
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelOrigin, LabelValue, Score
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import comments, decisions, labels
from moderation.storage.engine import write_transaction

_COMMENT = Comment("Hello")
_THRESHOLDS = Thresholds(0.5, 0.9, 1.0)


def insert_labelled_decisions(
    services: Services,
    site: Site,
    probabilities: Iterable[float],
    value: LabelValue | None = LabelValue.HAM,
    *,
    model: str = "small",
    skipped_model: str = "",
    origin: LabelOrigin = LabelOrigin.SINGLE,
    channel: str = "queue",
    verdict: Verdict = Verdict.PUBLISH,
    calibration: Calibration | None = None,
) -> list[str]:
    """Store comments with these probabilities, one for each second up to now, and return the ids of the decisions."""
    scores = [Score(probability, 0.0, 0.0, (), model, skipped_model) for probability in probabilities]
    now = services.clock()
    decision_ids = []
    with write_transaction(services.engine) as connection:
        for number, score in enumerate(scores):
            at = now - timedelta(seconds=len(scores) - number)
            (comment_id,) = comments.add(connection, site.id, [(b"key", _COMMENT)], at)
            # Ids in no order, as real ones: otherwise the order by id and the order by time could be mixed up.
            decision_id = f"{(7919 * comment_id) % 2**64:032x}"
            decision = Decision(decision_id, site.id, _COMMENT, score, _THRESHOLDS, verdict, False, at, calibration)
            decisions.add(connection, [(decision, comment_id)], "api")
            if value is not None:
                labels.append(connection, site.id, comment_id, Label(value, "mara", channel, now, origin))
            decision_ids.append(decision_id)
    return decision_ids
