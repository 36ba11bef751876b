"""Verdicts as they were answered."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from moderation.domain.judgement import Decision, Score
from moderation.domain.policy import Policy, Verdict
from moderation.storage import comments
from moderation.storage.reasons import pack, unpack
from moderation.storage.tables import comments as comments_table
from moderation.storage.tables import decisions

FIELDS = (*(column.label(f"decision_{column.name}") for column in decisions.c), *comments.FIELDS)
"""What `from_row` reads; the comment must be joined in."""

WITH_COMMENT = decisions.join(comments_table, comments_table.c.id == decisions.c.comment_id)
"""What `FIELDS` are selected from."""

_ADD = insert(decisions)
_SUPERSEDE = update(decisions).where(decisions.c.comment_id == bindparam("wanted_comment")).values(superseded=True)
_ONE = (decisions.c.site_id == bindparam("wanted_site"), decisions.c.id == bindparam("wanted_id"))
_FIND = select(*FIELDS).select_from(WITH_COMMENT).where(*_ONE)
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
        verdict=Verdict(row["decision_verdict"]),
        degraded=row["decision_degraded"],
        made_at=row["decision_made_at"],
    )


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
        "door": door,
        "made_at": decision.made_at,
    }
