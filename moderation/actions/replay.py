"""Replay: decide past comments again by another model, other thresholds or another list, and compare the verdicts.

Everything that was outside the comment when it was decided, such as repetition, counts as it did then: it is read from
the reasons of the stored decision. Nothing is stored, and no transaction lasts longer than one page of decisions.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self

from moderation.actions.judging import judge, suggested_thresholds
from moderation.actions.services import Services
from moderation.domain.budget import Budget
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.lists import OperatorList
from moderation.domain.site import Site, SuggestedThresholds
from moderation.domain.thresholds import SEVERITY, Thresholds, Verdict, decide
from moderation.features.list_keys import SearchedParts
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.stored_model import StoredModel
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
Decided = list[tuple[Verdict, float]]
"""Verdict and probability of each decision of a page."""


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
    decide_pages: "DecidePages | None" = None,
) -> list[SiteReplay]:
    """Return how a change would have decided the comments of some sites since a time.

    Calls `report` with each comment whose verdict would change, the oldest of each site first, and `advance` with the
    number of decisions read. `decide_pages` decides in other processes; without it, this one does.
    """
    decide = decide_pages or _decide_here
    until = services.clock()
    replays = []
    for site in sites:
        decider = Decider.of(services, change, site)
        with read_transaction(services.engine, slow=True) as connection:
            left_out = decisions.count_left_out(connection, site.id, since, until)
        counted = SiteReplay(site.url, *left_out)
        for page, decided in decide(decider, _pages(services, site, since, until)):
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


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides the past comments of one site again. Without a model, it can be sent to another process.

    `suggested` are the thresholds of the model, of the live one if the change has none.
    """

    change: Change
    site: Site
    budget: Budget
    suggested: SuggestedThresholds
    now: datetime

    @classmethod
    def of(cls, services: Services, change: Change, site: Site) -> Self:
        """Return the decider of a site, with the thresholds in force or those of the change."""
        return cls(
            change,
            replace(site, thresholds=change.thresholds) if change.thresholds else site,
            services.budget,
            suggested_thresholds(change.model or services.live_model.get()),
            services.clock(),
        )

    def decide_all(self, past: Sequence[Decision]) -> Iterator[tuple[Verdict, float]]:
        """Yield verdict and probability of each decision in order."""
        model = self.change.model
        # Only a second reader gains from threads.
        run = map_in_threads if model and model.second_reader else map
        matcher = matcher_of(self.change.operator_list)
        yield from run(lambda decision: self.decide(decision, matcher), past)

    def decide(self, decision: Decision, matcher: ListMatcher) -> tuple[Verdict, float]:
        """Return verdict and probability; `matcher` is that of the list to try."""
        logit, thresholds, calibration = decision.score.logit, decision.thresholds, decision.calibration
        parsed = ParsedComment(decision.comment)
        if self.change.model:
            evidence = [reason for reason in decision.score.reasons if reason.code in OUTSIDE_CODES]
            judged = judge(self.change.model, self.site, parsed, default_budget=self.budget, evidence=evidence)
            logit, thresholds, calibration = judged.score.logit, judged.thresholds, judged.calibration
        elif self.change.thresholds:
            thresholds, calibration = self.site.thresholds_for(decision.comment.type, self.suggested, self.budget)
        if self.change.operator_list and matcher.find(SearchedParts(parsed), self.now):
            logit += self.change.operator_list.weight
        probability = logistic(logit)
        only_logs = calibration is not None and calibration.log_only
        return Verdict.PUBLISH if only_logs else decide(probability, thresholds), probability


@lru_cache(maxsize=1)
def matcher_of(operator_list: OperatorList | None) -> ListMatcher:
    """Return a matcher of one list, or of none."""
    return ListMatcher([operator_list] if operator_list else [])


DecidePages = Callable[[Decider, Iterator[list[PastDecision]]], Iterator[tuple[list[PastDecision], Decided]]]
"""Yields each page of decisions with the verdict and the probability of each decision."""


def decide_page(decider: Decider, model: StoredModel | None, page: Sequence[PastDecision]) -> Decided:
    """Decide a page again in a process that loads the model itself; `decider` has all else of the change."""
    if model:
        decider = replace(decider, change=replace(decider.change, model=model.model))
    return list(decider.decide_all([past.decision for past in page]))


def decide_elsewhere(stream: Callable[..., Iterator[Any]], model: StoredModel | None) -> DecidePages:
    """Return a function for `run_replay` that decides by a stored model, where `stream` runs it.

    `stream` yields the results of a function for many arguments in order, as the executors of the training do.
    """

    def decide(decider: Decider, pages: Iterator[list[PastDecision]]) -> Iterator[tuple[list[PastDecision], Decided]]:
        bare = replace(decider, change=replace(decider.change, model=None))
        sent: deque[list[PastDecision]] = deque()

        def calls() -> Iterator[tuple[Decider, StoredModel | None, list[PastDecision]]]:
            for page in pages:
                sent.append(page)
                yield bare, model, page

        for decided in stream(decide_page, calls()):
            yield sent.popleft(), decided

    return decide


def _decide_here(decider: Decider, pages: Iterator[list[PastDecision]]) -> Iterator[tuple[list[PastDecision], Decided]]:
    for page in pages:
        yield page, decide_page(decider, None, page)


def _pages(services: Services, site: Site, since: datetime, until: datetime) -> Iterator[list[PastDecision]]:
    after = (since, "")
    while True:
        with read_transaction(services.engine, slow=True) as connection:
            page = decisions.page_between(connection, site.id, until, after, _PAGE_SIZE)
        if not page:
            return
        yield page
        after = (page[-1].decision.decided_at, page[-1].decision.id)
