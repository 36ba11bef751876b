"""Verdicts as they were answered."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from moderation.domain.budget import OBSERVING, Standing
from moderation.domain.judgement import Decision, Score
from moderation.domain.policy import Policy, Verdict
from moderation.storage import comments, standings
from moderation.storage.reasons import pack, unpack
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import decisions
from moderation.storage.tables import standings as standings_table

FIELDS = (
    *(column.label(f"decision_{column.name}") for column in decisions.c),
    *comments.FIELDS,
    *standings.FIELDS,
)
"""What `from_row` reads; the comment and the standing must be joined in."""

WITH_COMMENT = decisions.join(comments_table, comments_table.c.id == decisions.c.comment_id).outerjoin(
    standings_table, standings_table.c.id == decisions.c.standing_id
)
"""What `FIELDS` are selected from."""

_ADD = insert(decisions)
_SUPERSEDE = update(decisions).where(decisions.c.comment_id == bindparam("wanted_comment")).values(superseded=True)
_ONE = (decisions.c.site_id == bindparam("wanted_site"), decisions.c.id == bindparam("wanted_id"))
_FIND = select(*FIELDS).select_from(WITH_COMMENT).where(*_ONE)
_last = (
    select(decisions.c.probability, decisions.c.model)
    .where(decisions.c.site_id == bindparam("wanted_site"), decisions.c.superseded.is_(False))
    .order_by(decisions.c.made_at.desc())
    .limit(bindparam("most"))
    .subquery()
)
_RECENT = select(_last.c.probability).where(_last.c.model == bindparam("wanted_model"))
_COMMENT_OF = select(decisions.c.comment_id).where(*_ONE)


def add(connection: Connection, decision: Decision, comment_id: int, door: str) -> None:
    """Stores a decision on a comment that is stored already."""
    connection.execute(_ADD, _row(decision, comment_id, door))


def add_many(connection: Connection, made: Sequence[tuple[Decision, int]], door: str) -> None:
    """Stores pairs of decision and comment number."""
    if made:
        connection.execute(_ADD, [_row(decision, comment_id, door) for decision, comment_id in made])


def supersede(connection: Connection, comment_id: int) -> None:
    """Marks the decisions on a comment as replaced by one that follows."""
    connection.execute(_SUPERSEDE, {"wanted_comment": comment_id})


def find(connection: Connection, site_id: int, decision_id: str) -> tuple[Decision, int] | None:
    """The site's decision and the number of its comment."""
    row = connection.execute(_FIND, {"wanted_site": site_id, "wanted_id": decision_id}).mappings().first()
    return None if row is None else (from_row(row), row["decision_comment_id"])


def comment_of(connection: Connection, site_id: int, decision_id: str) -> int | None:
    """The number of the comment that the site's decision is about."""
    return connection.execute(_COMMENT_OF, {"wanted_site": site_id, "wanted_id": decision_id}).scalar()


def recent_probabilities(connection: Connection, site_id: int, model: str, most: int) -> list[float]:
    """The probabilities of those of the site's last `most` comments that this model judged."""
    wanted = {"wanted_site": site_id, "wanted_model": model, "most": most}
    return list(connection.execute(_RECENT, wanted).scalars())


def from_row(row: RowMapping) -> Decision:
    """The decision of a row that was selected with `FIELDS`."""
    return Decision(
        id=row["decision_id"],
        site_id=row["decision_site_id"],
        comment=comments.from_row(row),
        score=Score(
            probability=row["decision_probability"],
            logit=row["decision_logit"],
            bias=row["decision_bias"],
            reasons=unpack(row["decision_reasons"]),
            model=row["decision_model"],
        ),
        policy=Policy(row["decision_review_line"], row["decision_spam_line"], row["decision_discard_line"]),
        standing=_standing(row),
        verdict=Verdict(row["decision_verdict"]),
        degraded=row["decision_degraded"],
        made_at=row["decision_made_at"],
    )


def _standing(row: RowMapping) -> Standing | None:
    if row["decision_step"] is None:
        return None
    earned = standings.from_row(row)
    return earned.standing if earned else OBSERVING


def _row(decision: Decision, comment_id: int, door: str) -> dict[str, object]:
    return {
        "id": decision.id,
        "site_id": decision.site_id,
        "comment_id": comment_id,
        "probability": decision.score.probability,
        "logit": decision.score.logit,
        "bias": decision.score.bias,
        "reasons": pack(decision.score.reasons),
        "model": decision.score.model,
        "review_line": decision.policy.review,
        "spam_line": decision.policy.spam,
        "discard_line": decision.policy.discard,
        "verdict": decision.verdict.value,
        "degraded": decision.degraded,
        "step": decision.standing.step.value if decision.standing else None,
        "standing_id": decision.standing.number if decision.standing else None,
        "door": door,
        "made_at": decision.made_at,
    }
