"""Decisions as values for `to_json`, in the form that `schemas` documents.

A decision has some forty reasons, and every request waits for them: as models of pydantic they take five times as long.
"""

from collections.abc import Sequence
from typing import Any

from moderation.actions.judging import Judgement
from moderation.domain.decision import Decision, Label, Reason, SimilarComment
from moderation.scoring.reasons import describe


def judgement_body(judgement: Judgement | Decision) -> dict[str, Any]:
    """Return a verdict with everything that led to it, as `JudgementResponse` documents it."""
    score, calibration = judgement.score, judgement.calibration
    return {
        "verdict": judgement.verdict,
        "probability": score.probability,
        "logit": score.logit,
        "thresholds": judgement.thresholds,
        "calibration": calibration
        and {"stage": calibration.stage, "review": calibration.review, "spam": calibration.spam},
        "reasons": list(map(_reason_body, score.reasons)),
        "bias": score.bias,
        "model": score.model,
        "degraded": judgement.degraded,
    }


def decision_body(decision: Decision, label: Label | None = None) -> dict[str, Any]:
    """Return a decision and the label in force, as `DecisionResponse` documents them."""
    return judgement_body(decision) | {
        "id": decision.id or None,
        "decided_at": decision.decided_at,
        "label": label,
    }


def stored_decision_body(
    decision: Decision, label: Label | None, similar_comments: Sequence[SimilarComment]
) -> dict[str, Any]:
    """Return a decision with the labels given since, as `StoredDecisionResponse` documents it."""
    return decision_body(decision, label) | {"similar_comments": similar_comments}


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
