"""What a probability means at the site that it was given at."""

from collections.abc import Sequence

from sqlalchemy import Connection

from moderation.actions.desk import Desk
from moderation.domain.judgement import Decision
from moderation.domain.prior import shifted, spam_share
from moderation.storage import decisions
from moderation.storage.engine import reading

_LATELY = 500
"""Comments of a site, the last ones, among which the share of spam is estimated."""


def chances_here(desk: Desk, made: Sequence[Decision]) -> list[float | None]:
    """For each decision the chance of spam, now that the share of spam in what its site gets is known.

    `None` where its model judged too few of the site's last comments to say. No verdict depends on it.
    """
    with reading(desk.engine) as connection:
        places = {_place(decision) for decision in made}
        shares = {place: share_of_spam(connection, *place) for place in places}
    return [_here(decision, shares[_place(decision)]) for decision in made]


def share_of_spam(connection: Connection, site_id: int, model: str) -> float | None:
    """The share of spam in what a model judged of a site's last comments; `None` where that is too little to say."""
    return spam_share(decisions.recent_probabilities(connection, site_id, model, _LATELY))


def _place(decision: Decision) -> tuple[int, str]:
    return decision.site_id, decision.score.model


def _here(decision: Decision, share: float | None) -> float | None:
    return None if share is None or decision.degraded else shifted(decision.score.probability, share)
