"""The reason that a trusted or blocked author is: its weight brings the logit to a fixed side."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, log

from moderation.domain.authors import BLOCKED_AUTHOR, TRUSTED_AUTHOR, AuthorRule, Standing
from moderation.domain.decision import Reason, Score
from moderation.domain.lists import LIST_CODES
from moderation.scoring.model import logistic
from moderation.scoring.reasons import split_strongest

SETTLED_LOGIT = 15.0
"""The logit of a blocked author's comment before the lists of the operator; below zero that of a trusted one.

A list outweighs a rule if its weight is near this one, more than twice the default weight of a list.
"""

_MARGIN = 1e-3


def with_author_rule(score: Score, rule: AuthorRule, spam_threshold: float) -> Score:
    """Return the score with the reason of an author rule. Contributions and bias still add up to the logit.

    The weight brings all evidence but that of the operator's lists to plus or minus `SETTLED_LOGIT`, unless it is
    beyond. A rule that a site's key has set stays just below the spam threshold: it blocks no comment.
    """
    others = score.logit - sum(reason.weight for reason in score.reasons if reason.code in LIST_CODES)
    if rule.standing is Standing.TRUSTED:
        code, weight = TRUSTED_AUTHOR, min(0.0, -SETTLED_LOGIT - others)
    else:
        code, weight = BLOCKED_AUTHOR, max(0.0, SETTLED_LOGIT - others)
        if rule.is_by_site_key:
            weight = max(0.0, min(weight, _logit(spam_threshold) - _MARGIN - score.logit))
    logit = score.logit + weight
    reasons = _in_order([*score.reasons, Reason(code, weight, _detail(rule))])
    return replace(score, probability=logistic(logit), logit=logit, reasons=reasons)


def _in_order(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    first, others = split_strongest(reasons)
    return tuple(first + others)


def _detail(rule: AuthorRule) -> str:
    end = f" until {rule.expires_at:%d %B %Y}" if rule.expires_at else ""
    why = f": {rule.reason}" if rule.reason else ""
    return f"{rule.fact} {rule.value}, by {rule.set_by} on {rule.created_at:%d %B %Y}{end}{why}"


def _logit(probability: float) -> float:
    if probability <= 0:
        return -inf
    return inf if probability >= 1 else log(probability / (1 - probability))
