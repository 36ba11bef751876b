"""The verdicts of a shadow candidate beside the verdicts given."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from moderation.domain.thresholds import Verdict


@dataclass(slots=True)
class ShadowCounts:
    """The verdicts of a candidate on the decisions of one site since `started_at`.

    `decided_at` and `decision_id` are the place of the last decision that was compared. `counts` are the numbers of
    pairs of the verdict given and the candidate's; `changed` has the ids of differing decisions and the candidate's
    verdict, the oldest first.
    """

    site_id: int
    model: str
    started_at: datetime
    decided_at: datetime
    decision_id: str = ""
    counts: Counter[tuple[Verdict, Verdict]] = field(default_factory=Counter)
    changed: list[tuple[str, Verdict]] = field(default_factory=list)
