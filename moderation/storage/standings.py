"""What sites have earned: an append-only log, of which the newest row under the live model and budget counts."""

import json
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, Join, RowMapping, bindparam, exists, func, insert, select

from moderation.domain.budget import Budget, Certificate, Earned, Standing
from moderation.domain.judgement import LabelValue
from moderation.storage.tables import decisions, labels, sites, standings

FIELDS = tuple(column.label(f"standing_{column.name}") for column in standings.c)
"""What `from_row` reads."""

_later = labels.alias("later_word")
_ADD = insert(standings).returning(standings.c.id)
_UNDER = (
    standings.c.site_id == bindparam("wanted_site"),
    standings.c.model == bindparam("wanted_model"),
    standings.c.lost_at_most == bindparam("lost"),
    standings.c.held_at_most == bindparam("held"),
    standings.c.confidence == bindparam("sure"),
)
_NEWEST_UNDER = select(*FIELDS).where(*_UNDER).order_by(standings.c.id.desc()).limit(1)
_NEWEST = select(func.max(standings.c.id)).where(standings.c.site_id == bindparam("wanted_site"))
_GOOD = (
    labels.c.site_id == bindparam("wanted_site"),
    labels.c.value == LabelValue.HAM.value,
    ~exists().where(_later.c.comment_id == labels.c.comment_id, _later.c.id > labels.c.id),
    decisions.c.superseded.is_(False),
    decisions.c.model == bindparam("wanted_model"),
)
_JUDGED = labels.join(decisions, decisions.c.comment_id == labels.c.comment_id)
_COUNT = select(func.count()).select_from(_JUDGED).where(*_GOOD)
_OLDEST = (
    select(decisions.c.id, decisions.c.probability)
    .select_from(_JUDGED)
    .where(*_GOOD)
    .order_by(decisions.c.made_at, decisions.c.id)
    .limit(bindparam("most"))
)


def newest_of_site() -> Join:
    """The sites, each with its newest standing if it has one."""
    newest = select(func.max(standings.c.id)).where(standings.c.site_id == sites.c.id).correlate(sites)
    return sites.outerjoin(standings, standings.c.id == newest.scalar_subquery())


def count_good(connection: Connection, site_id: int, model: str) -> int:
    """How many comments of the site a person calls ham that this model judged, when it was live."""
    return connection.execute(_COUNT, {"wanted_site": site_id, "wanted_model": model}).scalar_one()


def oldest_good(connection: Connection, site_id: int, model: str, most: int) -> list[tuple[str, float]]:
    """Of the comments that `count_good` counts the first `most`: ids and probabilities, in the order of decision."""
    wanted = {"wanted_site": site_id, "wanted_model": model, "most": most}
    return [(decision_id, probability) for decision_id, probability in connection.execute(_OLDEST, wanted)]


def newest_under(connection: Connection, site_id: int, model: str, budget: Budget) -> Earned | None:
    """What the site has earned under this model and this budget, be it a while ago."""
    wanted = {"wanted_site": site_id, "wanted_model": model, **_shares(budget)}
    row = connection.execute(_NEWEST_UNDER, wanted).mappings().first()
    return None if row is None else from_row(row)


def newest_number(connection: Connection, site_id: int) -> int | None:
    """The number of the site's newest standing."""
    return connection.execute(_NEWEST, {"wanted_site": site_id}).scalar()


def add(connection: Connection, site_id: int, earned: Earned, at: datetime) -> int:
    """Adds to the log; the number of the row."""
    budget, standing = earned.budget, earned.standing
    row = {
        "site_id": site_id,
        "model": earned.model,
        "lost_at_most": budget.lost,
        "held_at_most": budget.held,
        "confidence": budget.confidence,
        "review": _pack(standing.review),
        "spam": _pack(standing.spam),
        "review_drawn": earned.review_drawn,
        "spam_drawn": earned.spam_drawn,
        "made_at": at,
    }
    number: int = connection.execute(_ADD, row).scalar_one()
    return number


def from_row(row: RowMapping) -> Earned | None:
    """The standing of a row that was selected with `FIELDS`; `None` where there was none to join."""
    if row["standing_id"] is None:
        return None
    return Earned(
        model=row["standing_model"],
        budget=Budget(row["standing_lost_at_most"], row["standing_held_at_most"], row["standing_confidence"]),
        standing=Standing(_unpack(row["standing_review"]), _unpack(row["standing_spam"]), row["standing_id"]),
        review_drawn=row["standing_review_drawn"],
        spam_drawn=row["standing_spam_drawn"],
    )


def _shares(budget: Budget) -> dict[str, float]:
    return {"lost": budget.lost, "held": budget.held, "sure": budget.confidence}


def _pack(certificate: Certificate | None) -> str | None:
    return None if certificate is None else json.dumps(asdict(certificate), separators=(",", ":"))


def _unpack(stored: str | None) -> Certificate | None:
    return None if stored is None else Certificate(**json.loads(stored))
