"""Preview a change of a list: its effect on the decisions of the last 30 days."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from moderation.actions.lists import ListChange
from moderation.actions.services import Services
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.lists import LIST_CODES
from moderation.domain.thresholds import Verdict, decide
from moderation.features.list_keys import SearchedParts
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.lists import ListMatcher
from moderation.scoring.model import logistic
from moderation.storage import decisions
from moderation.storage.engine import read_transaction

PREVIEW_DAYS = 30
MAX_DECISIONS = 20_000
"""Decisions that a preview reads, the newest ones: some ten seconds."""
MAX_MATCH_RATE = 0.05
"""Share of the published comments that entries may match, or of the blocked ones if the list allows."""
_MIN_MATCHES = 3
_MAX_KEYS_NAMED = 10

Watch = Callable[[str, int, int], None]


@dataclass(slots=True)
class Preview:
    """The effect of a change on the decisions of the last 30 days. `read` are counted of `total`, the newest ones.

    - `matched`: comments that the new entries match; `matched_labels`: their labels in force.
    - `changes`: pairs of verdicts that would change; `changed_labels`: the labels of these comments.
    - `opposite`: comments that the list should not match: published ones, or for a list that allows, blocked ones.
      `opposite_matched`: the part that the new entries match; `keys`: how many of it each entry matches.
    """

    total: int = 0
    read: int = 0
    matched: int = 0
    matched_labels: Counter[LabelValue | None] = field(default_factory=Counter)
    changes: Counter[tuple[Verdict, Verdict]] = field(default_factory=Counter)
    changed_labels: Counter[LabelValue | None] = field(default_factory=Counter)
    opposite: int = 0
    opposite_matched: int = 0
    keys: Counter[str] = field(default_factory=Counter)

    def objection(self, allows: bool) -> str | None:
        """Return why the change should not be made, in a sentence; `None` if nothing speaks against it."""
        if self.opposite_matched < _MIN_MATCHES or self.opposite_matched <= MAX_MATCH_RATE * self.opposite:
            return None
        widest = ", ".join(f"{key} ({count})" for key, count in self.keys.most_common(_MAX_KEYS_NAMED))
        return (
            f"The new entries match {self.opposite_matched} of {self.opposite} comments of the last {PREVIEW_DAYS} "
            f"days that were {'blocked' if allows else 'published'}, most of all: {widest}. "
            "Nothing was saved. Leave these entries out, or save all with --force."
        )


def preview_change(services: Services, change: ListChange, watch: Watch = lambda *_: None) -> Preview:
    """Return the effect of a change: of the verdicts that the list leads to before it and after it."""
    now = services.clock()
    since = now - timedelta(days=PREVIEW_DAYS)
    site_id = change.site.id if change.site else None
    preview, compare = Preview(), _Comparison(change, now)
    with read_transaction(services.engine, slow=True) as connection:
        preview.total = decisions.count_since(connection, site_id, since)
        last = min(preview.total, MAX_DECISIONS)
        for decision, label in decisions.newest_since(connection, site_id, since, MAX_DECISIONS):
            preview.read += 1
            compare.count(preview, decision, label)
            watch("Preview:", preview.read, last)
    return preview


class _Comparison:
    """A list before and after a change, and its new entries alone, to compare past comments with."""

    def __init__(self, change: ListChange, now: datetime) -> None:
        self._now = now
        self._list = change.after
        self._added = ListMatcher([replace(change.after, entries=change.added)])
        self._before = (ListMatcher([change.before]), change.before.weight) if change.before else (ListMatcher([]), 0.0)
        self._after = (ListMatcher([change.after]), change.after.weight)

    def count(self, preview: Preview, decision: Decision, label: LabelValue | None) -> None:
        """Add a decision and the label of its comment to a preview."""
        searched = SearchedParts(ParsedComment(decision.comment))
        keys = {match.entry.key for match in self._added.find(searched, self._now)}
        is_opposite = _is_opposite(decision, label, self._list.allows)
        preview.opposite += is_opposite
        if keys:
            preview.matched += 1
            preview.matched_labels[label] += 1
        if keys and is_opposite:
            preview.opposite_matched += 1
            preview.keys.update(keys)
        before, after = (self._verdict(decision, searched, *state) for state in (self._before, self._after))
        if before is not after:
            preview.changes[before, after] += 1
            preview.changed_labels[label] += 1

    def _verdict(self, decision: Decision, searched: SearchedParts, matcher: ListMatcher, weight: float) -> Verdict:
        """Return the verdict that the thresholds of a decision give with one state of the list."""
        beginning = f"{self._list.name}: "
        # That of the list as it was then.
        counted = sum(
            reason.weight
            for reason in decision.score.reasons
            if reason.code in LIST_CODES and reason.detail.startswith(beginning)
        )
        added = weight if matcher.find(searched, self._now) else 0.0
        return decide(logistic(decision.score.logit - counted + added), decision.thresholds)


def _is_opposite(decision: Decision, label: LabelValue | None, allows: bool) -> bool:
    if label is not None:
        return label is (LabelValue.SPAM if allows else LabelValue.HAM)
    return decision.verdict in ((Verdict.SPAM, Verdict.DISCARD) if allows else (Verdict.PUBLISH,))
