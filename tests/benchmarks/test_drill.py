"""The fault drill counts what a database lacks, and what it has twice."""

from pathlib import Path

import pytest

from benchmarks.drill import FAULTS, counts_a_failure, examine
from benchmarks.drill_client import Record
from benchmarks.installation import Installation
from benchmarks.rows import at_most
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import label_decision
from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.site import Site


@pytest.mark.sqlite("the drill is about a database file")
def test_losses_and_repetitions_are_counted(services: Services, site: Site, tmp_path: Path) -> None:
    """A decision under another id is lost, and so is a label that nothing stores; a comment stored again is twice."""
    sent = enumerate(("one", "two", "two"))
    kept, again, _ = (
        check_comment(services, site, CheckRequest(Comment(text), identifiers=[str(n)])).decision for n, text in sent
    )
    label_decision(services, site, kept.id, LabelValue.SPAM, "mara", "queue")
    services.engine.dispose()
    record = Record(decisions={"one": kept.id, "two": again.id, "three": "0" * 32}, labels={"one", "two"})
    outcome = examine(Installation(tmp_path), record, 0.0)
    assert (outcome.lost, outcome.twice) == (2, 1)
    record = Record(decisions={"one": kept.id}, labels={"one"})
    assert examine(Installation(tmp_path), record, 0.0).lost == 0


def test_only_counts_fail_a_build() -> None:
    """A slow machine does not."""
    slow, lost = at_most("back after", 9.0, 5.0, "seconds"), at_most("lost", 1, 0, "labels")
    assert not counts_a_failure([slow]) and counts_a_failure([slow, lost])


def test_each_fault_has_its_own_name() -> None:
    """The rows of two kinds must not be mixed up."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
