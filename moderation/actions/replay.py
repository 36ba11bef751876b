"""Replay: decide past comments again by another model, other thresholds or another list, and compare the verdicts.

Everything that was outside the comment when it was decided, such as repetition, counts as it did then: it is read from
the reasons of the stored decision. Nothing is stored, and no transaction lasts longer than one page of decisions.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from moderation.actions.judging import judge, suggested_thresholds
from moderation.actions.services import Services
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.lists import OperatorList
from moderation.domain.site import Site
from moderation.domain.thresholds import SEVERITY, Thresholds, Verdict, decide
from moderation.features.list_keys import SearchedParts
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.lists import ListMatcher
from moderation.scoring.model import Model, logistic
from moderation.scoring.reasons import OUTSIDE_CODES
from moderation.scoring.second_reader import map_in_threads
from moderation.storage import decisions
from moderation.storage.decisions import PastDecision
from moderation.storage.engine import read_transaction

_PAGE_SIZE = 200

Outcomes = Counter[tuple[LabelValue | None, Verdict]]
"""Numbers of comments by their label in force and their verdict."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change to try on past comments: a model, thresholds and a list, at least one of them.

    The thresholds replace the site's own ones. The entries of the list count as if it had been in force.
    """

    model: Model | None = None
    thresholds: Thresholds | None = None
    operator_list: OperatorList | None = None


class ChangedVerdict(NamedTuple):
    """A past comment whose verdict would change."""

    decision: Decision
    comment_id: int
    site_url: str
    label: LabelValue | None
    verdict: Verdict
    probability: float


@dataclass(slots=True)
class SiteReplay:
    """The verdicts on the past comments of one site, as they were and as they would be.

    `superseded` and `degraded` decisions are left out: a later one replaced them, or no model made them.
    """

    site_url: str
    superseded: int = 0
    degraded: int = 0
    before: Outcomes = field(default_factory=Counter)
    after: Outcomes = field(default_factory=Counter)
    changes: Counter[tuple[Verdict, Verdict]] = field(default_factory=Counter)

    def add(self, other: "SiteReplay") -> None:
        """Add the counts of another site."""
        self.superseded += other.superseded
        self.degraded += other.degraded
        self.before.update(other.before)
        self.after.update(other.after)
        self.changes.update(other.changes)


def run_replay(
    services: Services,
    change: Change,
    sites: list[Site],
    since: datetime,
    report: Callable[[ChangedVerdict], None],
    advance: Callable[[int], None] = lambda _: None,
) -> list[SiteReplay]:
    """Return how a change would have decided the comments of some sites since a time.

    Calls `report` with each comment whose verdict would change, the oldest of each site first, and `advance` with the
    number of decisions read.
    """
    until = services.clock()
    replays = []
    for site in sites:
        decider = Decider(services, change, site)
        with read_transaction(services.engine, slow=True) as connection:
            left_out = decisions.count_left_out(connection, site.id, since, until)
        counted = SiteReplay(site.url, *left_out)
        for page in _pages(services, site, since, until):
            decided = decider.decide_all([past.decision for past in page])
            for past, (verdict, probability) in zip(page, decided, strict=True):
                before = past.decision.verdict
                counted.before[past.label, before] += 1
                counted.after[past.label, verdict] += 1
                if verdict is not before:
                    counted.changes[before, verdict] += 1
                    report(ChangedVerdict(past.decision, past.comment_id, site.url, past.label, verdict, probability))
            advance(len(page))
        replays.append(counted)
    return replays


def count_decisions(services: Services, site: Site | None, since: datetime) -> int:
    """Return about how many decisions a replay reads, of one site or of all."""
    with read_transaction(services.engine, slow=True) as connection:
        return decisions.count_since(connection, site.id if site else None, since)


def rates(outcomes: Outcomes) -> dict[str, tuple[int, int]]:
    """Return count and total of the labelled comments for each rate: caught and blocked spam, lost and held ham."""
    at = {
        value: [outcomes[value, verdict] for verdict in sorted(Verdict, key=SEVERITY.__getitem__)]
        for value in LabelValue
    }
    (passed, reviewed, *blocked), ham = at[LabelValue.SPAM], at[LabelValue.HAM]
    spam_total = passed + reviewed + sum(blocked)
    return {
        "caught": (spam_total - passed, spam_total),
        "blocked": (sum(blocked), spam_total),
        "lost": (sum(ham[2:]), sum(ham)),
        "held": (ham[1], sum(ham)),
    }


class Decider:
    """Decides the past comments of one site again."""

    def __init__(self, services: Services, change: Change, site: Site) -> None:
        self._change = change
        self._budget = services.budget
        self._site = replace(site, thresholds=change.thresholds) if change.thresholds else site
        self._suggested = suggested_thresholds(change.model or services.live_model.get())
        self._list = change.operator_list
        self._matcher = ListMatcher([self._list] if self._list else [])
        self._now = services.clock()

    def decide_all(self, past: Sequence[Decision]) -> Iterator[tuple[Verdict, float]]:
        """Yield verdict and probability of each decision in order."""
        model = self._change.model
        # Only a second reader gains from threads.
        run = map_in_threads if model and model.second_reader else map
        yield from run(self.decide, past)

    def decide(self, decision: Decision) -> tuple[Verdict, float]:
        """Return verdict and probability."""
        logit, thresholds, calibration = decision.score.logit, decision.thresholds, decision.calibration
        parsed = ParsedComment(decision.comment)
        if self._change.model:
            evidence = [reason for reason in decision.score.reasons if reason.code in OUTSIDE_CODES]
            judged = judge(self._change.model, self._site, parsed, default_budget=self._budget, evidence=evidence)
            logit, thresholds, calibration = judged.score.logit, judged.thresholds, judged.calibration
        elif self._change.thresholds:
            thresholds, calibration = self._site.thresholds_for(decision.comment.type, self._suggested, self._budget)
        if self._list and self._matcher.find(SearchedParts(parsed), self._now):
            logit += self._list.weight
        probability = logistic(logit)
        only_logs = calibration is not None and calibration.log_only
        return Verdict.PUBLISH if only_logs else decide(probability, thresholds), probability


def _pages(services: Services, site: Site, since: datetime, until: datetime) -> Iterator[list[PastDecision]]:
    after = (since, "")
    while True:
        with read_transaction(services.engine, slow=True) as connection:
            page = decisions.page_between(connection, site.id, until, after, _PAGE_SIZE)
        if not page:
            return
        yield page
        after = (page[-1].decision.decided_at, page[-1].decision.id)
