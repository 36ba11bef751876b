"""The random audit of a site: how many comments were drawn and labelled, and the loss and catch that follow."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from moderation.actions.rollout import audited_ham
from moderation.actions.services import Services
from moderation.domain.audit import AuditEstimates, Estimate, Stratum, estimate
from moderation.domain.decision import LabelValue
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.storage import audits, statistics
from moderation.storage.audits import AuditCount
from moderation.storage.engine import read_transaction

DEFAULT_DAYS = 90
"""Days that a report looks back."""
CONFIDENCE = 0.95
"""Confidence of the two intervals together."""

_BLOCKED = (Verdict.SPAM, Verdict.DISCARD)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The audit of a site from `since` to `until`, which is now.

    `share` is the probability with which a decision is drawn now. `drawn` and `labelled` count audit items of the time,
    `waiting` the open ones of any time. `guarantee` is the rate of blocked ham among published and blocked ham since
    the present guarantee, with an interval that holds at all times together; `None` while the site does not block.
    """

    since: datetime
    until: datetime
    share: float
    drawn: int
    labelled: int
    waiting: int
    estimates: AuditEstimates
    guarantee: Estimate | None

    def as_json(self) -> dict[str, object]:
        """Return the report as plain values, with the confidence of the intervals."""
        return {
            "since": self.since.isoformat(),
            "share": self.share,
            "drawn": self.drawn,
            "labelled": self.labelled,
            "waiting": self.waiting,
            "confidence": CONFIDENCE,
            "lost": self.estimates.lost._asdict(),
            "caught": self.estimates.caught._asdict(),
            "guarantee": self.guarantee._asdict() if self.guarantee else None,
        }

    def __str__(self) -> str:
        """Return the report in words."""
        if not self.labelled:
            known = "nothing is known of loss and catch yet"
        else:
            lost, caught = map(_describe, self.estimates)
            known = f"ham lost {lost}, spam caught {caught}, with {100 * CONFIDENCE:g} % confidence"
        return (
            f"audit since {self.since:%Y-%m-%d}: {self.labelled:,} of {self.drawn:,} drawn comments are labelled, "
            f"{self.waiting:,} wait; {known}"
        )


def audit_report(services: Services, site: Site, days: int = DEFAULT_DAYS) -> AuditReport:
    """Return the audit of the site's comments of the last `days`.

    Drawn comments without a label are taken to be like those with one.
    """
    until = services.clock()
    since = until - timedelta(days=days)
    with read_transaction(services.engine, slow=True) as connection:
        (counts,) = statistics.count_verdicts(connection, site.id, [since])
        drawn = audits.count_drawn_since(connection, site.id, since)
        held_labels = audits.count_held(connection, site.id, since)
        waiting = audits.count_open(connection, site.id)
    ham = audited_ham(services, site)
    held = ({1.0: held_labels.get(value, 0)} for value in (LabelValue.HAM, LabelValue.SPAM))
    return AuditReport(
        since=since,
        until=until,
        share=services.audit.share,
        drawn=sum(each.number for each in drawn),
        labelled=sum(each.number for each in drawn if each.label),
        waiting=waiting,
        estimates=estimate(
            _stratum(counts.published, drawn, [Verdict.PUBLISH]),
            Stratum(counts.held, *held),
            _stratum(counts.blocked, drawn, _BLOCKED),
            CONFIDENCE,
        ),
        guarantee=ham.loss(CONFIDENCE) if ham else None,
    )


def _stratum(decided: int, drawn: Sequence[AuditCount], verdicts: Sequence[Verdict]) -> Stratum:
    labelled: dict[LabelValue, Counter[float]] = {value: Counter() for value in LabelValue}
    for count in drawn:
        if count.label and count.verdict in verdicts:
            labelled[count.label][count.probability] += count.number
    return Stratum(decided, labelled[LabelValue.HAM], labelled[LabelValue.SPAM])


def _describe(rate: Estimate) -> str:
    interval = f"{100 * rate.low:.2g} to {100 * rate.high:.2g} %"
    return f"{interval}, unknown within" if rate.value is None else f"{100 * rate.value:.2g} % ({interval})"
