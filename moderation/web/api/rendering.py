"""From what the actions return to what is answered."""

from moderation.domain.judgement import Decision, Label, Reason
from moderation.web.api.shapes import DecisionReply, LabelReply, ReasonReply


def decision_reply(decision: Decision, label: Label | None = None) -> DecisionReply:
    """A decision with the label in force, its reasons heaviest first."""
    score, policy = decision.score, decision.policy
    return {
        "id": decision.id,
        "verdict": decision.verdict.value,
        "probability": score.probability,
        "thresholds": {"review": policy.review, "spam": policy.spam, "discard": policy.discard},
        "reasons": [_reason(reason) for reason in sorted(score.reasons, key=_heaviest_first)],
        "bias": score.bias,
        "model": score.model,
        "degraded": decision.degraded,
        "made_at": decision.made_at.isoformat(),
        "label": None if label is None or label.value is None else label_reply(label),
    }


def label_reply(label: Label) -> LabelReply:
    """A label as it was given."""
    return {
        "value": None if label.value is None else label.value.value,
        "who": label.who,
        "source": label.source,
        "given_at": label.given_at.isoformat(),
    }


def _heaviest_first(reason: Reason) -> float:
    return -abs(reason.weight)


def _reason(reason: Reason) -> ReasonReply:
    return {
        "code": reason.code,
        "weight": reason.weight,
        "detail": reason.detail,
        "spans": [{"field": span.field, "start": span.start, "end": span.end} for span in reason.spans],
    }
