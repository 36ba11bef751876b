"""Store the past of a site: comments that a model judged, the audit drew and people labelled, without judging any."""

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import count

from moderation.actions.services import Services
from moderation.domain.audit import AuditDraw
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, Label, LabelValue, Score
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import comments, decisions, labels
from moderation.storage.engine import write_transaction
from tests.conftest import Clock

OWN = Thresholds(0.5, 0.9, 1.0)
USUAL = [f"word{chr(97 + first)}{chr(97 + second)}" for first in range(20) for second in range(20)]
_IDS = count(1)


class Past:
    """A writer of judged comments, the earlier ones first, without judging any."""

    def __init__(self, services: Services, site: Site, clock: Clock) -> None:
        self.services, self.site, self.clock, self.random = services, site, clock, random.Random(11)

    def add(
        self,
        number: int,
        *,
        probability: Callable[[random.Random], float] = random.Random.random,
        text: str = "",
        verdict: Verdict = Verdict.PUBLISH,
        label: LabelValue | None = None,
        model: str = "small",
    ) -> None:
        draw = AuditDraw(self.services.secret, 1.0 if label else 0.0)
        start = self.clock()
        with write_transaction(self.services.engine) as connection:
            for place in range(number):
                at = start + timedelta(seconds=place)
                words = " ".join(self.random.choices(USUAL, k=12))
                body = Comment(f"{words} http://site{self.random.randrange(5)}.example {text.format(place)}")
                (comment_id,) = comments.add(connection, self.site.id, [(b"key", body)], at)
                score = Score(probability(self.random), 0.0, 0.0, (), model)
                decision = Decision(f"{next(_IDS):032x}", self.site.id, body, score, OWN, verdict, False, at)
                decisions.add(connection, [(decision, comment_id)], "api", draw)
                if label:
                    labels.append(connection, self.site.id, comment_id, Label(label, "mara", "queue", at))
        self.clock.advance(number + 1)
