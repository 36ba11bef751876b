"""Decisions as values for `to_json`, in the form that `schemas` documents.

A decision has some forty reasons, and every request waits for them: as models of pydantic they take five times as long.
"""

from collections.abc import Sequence
from typing import Any

from moderation.actions.judging import Judgement
from moderation.domain.decision import Decision, Label, Reason, SimilarComment
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.opinions import Opinion
from moderation.domain.protection import describe_protection
from moderation.domain.thresholds import decide
from moderation.scoring.reasons import describe
from moderation.scoring.second_reader import ReaderState


def judgement_body(judgement: Judgement | Decision, general: GeneralGuarantees | None) -> dict[str, Any]:
    """Return a verdict with everything that led to it, as `JudgementResponse` documents it.

    `general` are the general guarantees of the model that judged.
    """
    score = judgement.score
    return {
        "verdict": judgement.verdict,
        "probability": score.probability,
        "logit": score.logit,
        "thresholds": judgement.thresholds,
        "calibration": _calibration_body(judgement, general),
        "reasons": list(map(_reason_body, score.reasons)),
        "bias": score.bias,
        "model": score.model,
        "reader": ReaderState.of(score.reasons),
        "degraded": judgement.degraded,
    }


def decision_body(decision: Decision, general: GeneralGuarantees | None, label: Label | None = None) -> dict[str, Any]:
    """Return a decision and the label in force, as `DecisionResponse` documents them."""
    return judgement_body(decision, general) | {
        "id": decision.id or None,
        "decided_at": decision.decided_at,
        "label": label,
    }


def stored_decision_body(
    decision: Decision,
    general: GeneralGuarantees | None,
    label: Label | None,
    similar_comments: Sequence[SimilarComment],
    opinion: Opinion | None,
) -> dict[str, Any]:
    """Return a decision with all that is known since, as `StoredDecisionResponse` documents it."""
    return decision_body(decision, general, label) | {
        "similar_comments": similar_comments,
        "opinion": opinion and opinion._asdict(),
    }


def _calibration_body(judgement: Judgement | Decision, general: GeneralGuarantees | None) -> dict[str, Any] | None:
    calibration = judgement.calibration
    if calibration is None:
        return None
    return {
        "stage": calibration.stage,
        "review": calibration.review,
        "spam": calibration.spam,
        "review_lowering": calibration.review_lowering,
        "general": general if calibration.general else None,
        "protection": describe_protection(calibration, general),
        "would_be": decide(judgement.score.probability, judgement.thresholds) if calibration.log_only else None,
    }


def _reason_body(reason: Reason) -> dict[str, Any]:
    body = {
        "code": reason.code,
        "weight": reason.weight,
        "description": describe(reason),
        "occurrence": reason.occurrence,
        "detail": reason.detail,
    }
    if reason.spans:
        body["spans"] = [span._asdict() for span in reason.spans]
    return body
