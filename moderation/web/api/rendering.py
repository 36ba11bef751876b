"""From what the actions return to what is answered."""

from collections.abc import Sequence

from moderation.domain.budget import Certificate, Standing
from moderation.domain.judgement import Decision, Label, Neighbour, Reason
from moderation.scoring.reasons import parted
from moderation.web.api.shapes import (
    CertificateReply,
    DecisionReply,
    LabelReply,
    NeighbourReply,
    ReasonReply,
    StandingReply,
    StoredDecisionReply,
)


def decision_reply(decision: Decision, label: Label | None = None) -> DecisionReply:
    """A decision with the label in force, its strongest reasons first."""
    score, policy = decision.score, decision.policy
    first, others = parted(score.reasons)
    return {
        "id": decision.id,
        "verdict": decision.verdict.value,
        "probability": score.probability,
        "thresholds": {"review": policy.review, "spam": policy.spam, "discard": policy.discard},
        "standing": None if decision.standing is None else _standing(decision.standing),
        "reasons": [_reason(reason) for reason in (*first, *others)],
        "bias": score.bias,
        "model": score.model,
        "degraded": decision.degraded,
        "made_at": decision.made_at.isoformat(),
        "label": None if label is None or label.value is None else label_reply(label),
    }


def stored_decision_reply(
    decision: Decision, label: Label | None, neighbours: Sequence[Neighbour]
) -> StoredDecisionReply:
    """A decision with the label in force and its neighbours."""
    return {**decision_reply(decision, label), "neighbours": [_neighbour(one) for one in neighbours]}


def label_reply(label: Label) -> LabelReply:
    """A label as it was given."""
    return {
        "value": None if label.value is None else label.value.value,
        "who": label.who,
        "source": label.source,
        "given_at": label.given_at.isoformat(),
    }


def _neighbour(neighbour: Neighbour) -> NeighbourReply:
    return {"text": neighbour.text, "alike": neighbour.alike, "label": label_reply(neighbour.label)}


def _standing(standing: Standing) -> StandingReply:
    return {
        "step": standing.step.value,
        "review": _certificate(standing.review),
        "spam": _certificate(standing.spam),
    }


def _certificate(certificate: Certificate | None) -> CertificateReply | None:
    if certificate is None:
        return None
    return {
        "line": certificate.line,
        "allowed": certificate.allowed,
        "n": certificate.n,
        "errors": certificate.errors,
        "bound": certificate.bound,
        "confidence": certificate.confidence,
        "digest": certificate.digest,
    }


def _reason(reason: Reason) -> ReasonReply:
    return {
        "code": reason.code,
        "weight": reason.weight,
        "detail": reason.detail,
        "spans": [{"field": span.field, "start": span.start, "end": span.end} for span in reason.spans],
    }
