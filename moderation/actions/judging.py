"""Judge a comment: score, thresholds, rollout stage and verdict. Nothing is stored here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.authors import AuthorRule
from moderation.domain.budget import Budget, Calibration, RolloutMode
from moderation.domain.comment import NO_SIGNALS, SubmissionSignals
from moderation.domain.decision import Decision, Reason, Score
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.domain.lists import LIST_CODES
from moderation.domain.site import OnError, Site, SuggestedThresholds
from moderation.domain.thresholds import Thresholds, Verdict, decide
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.author_rules import with_author_rule
from moderation.scoring.lists import with_list_spans
from moderation.scoring.model import Model, logistic, score
from moderation.scoring.second_reader import ReaderSkipped
from moderation.scoring.site_weights import SiteWeights
from moderation.storage import calibrations, comments
from moderation.storage.calibrations import SampledHam

FALLBACK_THRESHOLDS = Thresholds(review=0.5, spam=0.9, discard=0.99)
"""Recorded with decisions that are made while no model can be loaded."""

_NO_MODEL = Score(
    probability=0.5,
    logit=0.0,
    bias=0.0,
    reasons=(Reason("NO_MODEL", 0.0, "No model is available, so the comment was not judged."),),
    model="none",
)
_NO_SUGGESTION = SuggestedThresholds(_NO_MODEL.model, FALLBACK_THRESHOLDS)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The score of a comment, the thresholds in force and the verdict.

    `calibration` is the source of the thresholds; `None` where they are the site's own, or the model's. `degraded` is
    true where no model was available, so that the verdict is that of the site's `on_error`.
    """

    score: Score
    thresholds: Thresholds
    calibration: Calibration | None
    verdict: Verdict
    degraded: bool = False


def judge(
    model: Model | None,
    site: Site | None,
    parsed: ParsedComment,
    submission: SubmissionSignals = NO_SIGNALS,
    *,
    default_budget: Budget,
    evidence: Sequence[Reason] = (),
    author_rule: AuthorRule | None = None,
    site_weights: SiteWeights | None = None,
    spans: bool = False,
) -> Judgement:
    """Score a comment with the evidence known outside it, and compare the score with the thresholds in force.

    `author_rule` is that for the comment's author, if the site trusts or blocks that author. `site_weights` is what the
    labels of the site have taught beside this model.

    Without a site the model's own thresholds apply. Without a model the verdict is `fallback_verdict(site)`.
    """

    def in_force(judged_by: Model | None) -> tuple[Thresholds, Calibration | None]:
        skipped_model = model.id if model is not None and judged_by is model.alone else ""
        suggested = suggested_thresholds(judged_by, skipped_model)
        if site is None:
            return suggested.thresholds, None
        return site.thresholds_for(parsed.comment.type, suggested, default_budget)

    if model is None:
        return Judgement(_NO_MODEL, *in_force(None), fallback_verdict(site), degraded=True)
    result = score(
        model.for_site(site.url) if site else model,
        parsed,
        submission,
        evidence=evidence,
        site_weights=site_weights,
        thresholds_of=lambda judged_by: in_force(judged_by)[0],
        spans=spans,
    )
    # Without its reader, a model has other thresholds.
    thresholds, calibration = in_force(model if result.model == model.id else model.alone)
    if author_rule:
        result = with_author_rule(result, author_rule, thresholds.spam)
    logs_only = calibration is not None and calibration.log_only
    verdict = Verdict.PUBLISH if logs_only else decide(result.probability, thresholds)
    return Judgement(result, thresholds, calibration, verdict)


def suggested_thresholds(model: Model | None, skipped_model: str = "") -> SuggestedThresholds:
    """Return the thresholds of a model, or `FALLBACK_THRESHOLDS` without one.

    `skipped_model` is the live model in whose place it judges, because the reader of that one was skipped.
    """
    if model is None:
        return _NO_SUGGESTION
    return SuggestedThresholds(model.id, model.thresholds, model.general_guarantees, skipped_model)


def general_guarantees(services: Services, model_id: str) -> GeneralGuarantees | None:
    """Return the general guarantees of the model that made a decision; `None` if it has none or is gone."""
    model = services.live_model.find(model_id)
    # Without its reader, the files of a model are those of another one.
    return model.general_guarantees if model and model.id == model_id else None


def fallback_verdict(site: Site | None) -> Verdict:
    """Return the verdict on a comment that cannot be judged, for a site that wants a verdict then."""
    if site is None:
        return Verdict.REVIEW
    publishes = site.on_error is OnError.PUBLISH or site.rollout is RolloutMode.LOG
    return Verdict.PUBLISH if publishes else Verdict.REVIEW


def with_spans(services: Services, decision: Decision, site_url: str) -> Decision:
    """Return the decision with the spans of its reasons, computed by the model that decided.

    If that model is gone, cannot be loaded or gives another weight, the stored reasons stay without spans. Of evidence
    from outside the comment, only that of lists has any.
    """
    model = services.live_model.find(decision.score.model)
    if model is None:
        return decision
    parsed = ParsedComment(decision.comment)
    listed = [with_list_spans(reason, parsed) for reason in decision.score.reasons if reason.code in LIST_CODES]
    rescored = score((model.alone or model).for_site(site_url), parsed, evidence=listed, spans=True).reasons
    by_evidence = {(reason.code, reason.detail): reason for reason in rescored}
    reasons = tuple(
        _with_spans_of(reason, by_evidence.get((reason.code, reason.detail))) for reason in decision.score.reasons
    )
    return replace(decision, score=replace(decision.score, reasons=reasons))


def with_present_score(services: Services, decision: Decision, site_url: str) -> Decision:
    """Return the decision with the score of the live model, and its spans; without a model it stays as it is."""
    model = services.live_model.get()
    if model is None:
        return decision
    return replace(decision, score=score(model.for_site(site_url), ParsedComment(decision.comment), spans=True))


def sample_ham(connection: Connection, site_id: int, model: Model, limit: int) -> list[tuple[str, float]]:
    """Return names and probabilities of the ham that `calibrations.oldest_ham` returns.

    A comment for which the second reader was skipped is read now.
    """
    ham = calibrations.oldest_ham(connection, site_id, model.id, limit)
    return [(each.name, _read_probability(connection, model, each)) for each in ham]


def _read_probability(connection: Connection, model: Model, ham: SampledHam) -> float:
    if ham.unread is None or model.second_reader is None:
        return ham.probability
    comment = comments.find_many(connection, [ham.unread]).get(ham.unread)
    try:
        if comment is not None:
            return logistic(ham.logit + model.second_reader.change(ParsedComment(comment)))
    except ReaderSkipped:
        pass
    # With the word of the reader, it may have reached any threshold.
    return 1.0


def _with_spans_of(stored: Reason, rescored: Reason | None) -> Reason:
    if rescored is None or not isclose(stored.weight, rescored.weight, rel_tol=1e-6, abs_tol=1e-9):
        return stored
    return stored._replace(spans=rescored.spans)
