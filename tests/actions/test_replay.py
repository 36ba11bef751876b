"""Replay: past comments decided again, with the facts of their time, and nothing stored."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import label_decision
from moderation.actions.lists import ListRequest, parse_lines, plan_change, save_change
from moderation.actions.replay import Change, ChangedVerdict, SiteReplay, rates, run_replay
from moderation.actions.services import Services
from moderation.actions.sites import find_site, set_on_error, set_thresholds
from moderation.domain.comment import NO_SIGNALS, Comment, SubmissionSignals
from moderation.domain.decision import Decision, LabelValue
from moderation.domain.lists import OperatorList
from moderation.domain.site import OnError, Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.scoring.model import logistic
from tests.conftest import Clock
from tests.models import small_model

SOUP = Comment("The soup of the zanzibar kitchen was lovely.", author="Ines")
PILLS = Comment("Cheap pills, buy cheap pills at http://pills.example", author="pills", url="http://pills.example")
PASS_ALL, BLOCK_ALL = Thresholds(0.999999, 1.0, 1.0), Thresholds(1e-9, 1e-9, 1.0)


def check(services: Services, site: Site, comment: Comment, **options: object) -> Decision:
    return check_comment(services, find_site(services, site.url), CheckRequest(comment, **options)).decision  # type: ignore[arg-type]


def replayed(services: Services, site: Site, change: Change, days: int = 30) -> tuple[SiteReplay, list[ChangedVerdict]]:
    changed: list[ChangedVerdict] = []
    since = services.clock() - timedelta(days)
    (counts,) = run_replay(services, change, [find_site(services, site.url)], since, changed.append)
    return counts, changed


def verdicts(changed: Iterable[ChangedVerdict]) -> list[tuple[str, Verdict]]:
    return [(each.decision.id, each.verdict) for each in changed]


def test_other_thresholds_change_verdicts(services: Services, site: Site, clock: Clock) -> None:
    """Counts by label and the comments, the oldest first; the stored decisions stay."""
    set_thresholds(services, site.url, PASS_ALL)
    first = check(services, site, SOUP)
    clock.advance(60)
    second = check(services, site, PILLS)
    label_decision(services, site, first.id, LabelValue.HAM, "mara", "queue")
    label_decision(services, site, second.id, LabelValue.SPAM, "mara", "queue")
    counts, changed = replayed(services, site, Change(thresholds=BLOCK_ALL))
    assert verdicts(changed) == [(first.id, Verdict.SPAM), (second.id, Verdict.SPAM)]
    assert counts.changes == {(Verdict.PUBLISH, Verdict.SPAM): 2}
    assert (rates(counts.before)["caught"], rates(counts.before)["lost"]) == ((0, 1), (0, 1))
    assert (rates(counts.after)["blocked"], rates(counts.after)["lost"]) == ((1, 1), (1, 1))
    assert replayed(services, site, Change(thresholds=PASS_ALL))[1] == []


def test_a_day_is_left_out_before_the_first_one(services: Services, site: Site, clock: Clock) -> None:
    """Only comments decided since then are read, in pages that repeat and leave out none."""
    check(services, site, SOUP)
    clock.advance(3 * 86_400)
    recent = [check(services, site, replace(SOUP, text=f"{SOUP.text} {number}")) for number in range(5)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("moderation.actions.replay._PAGE_SIZE", 2)
        counts, changed = replayed(services, site, Change(thresholds=BLOCK_ALL), days=1)
    assert counts.before.total() == 5 and {each.decision.id for each in changed} == {each.id for each in recent}


@pytest.mark.parametrize("submission", [NO_SIGNALS, SubmissionSignals(honeypot_filled=True, seconds_to_submit=1.0)])
def test_the_same_model_gives_the_same_probability(
    services: Services, site: Site, submission: SubmissionSignals
) -> None:
    """Also where the form, a list and repetition counted: they are facts of that time, read from the decision."""
    set_thresholds(services, site.url, PASS_ALL)
    request = ListRequest("ours", parse_lines(["zanzibar"]).entries, weight=1.5)
    save_change(services, request, plan_change(services, request))
    for number in range(3):
        poem = replace(PILLS, author=f"name{number}", permalink=f"https://blog.example/{number}")
        check(services, site, poem, submission=submission)
    check(services, site, SOUP, submission=submission)
    _, changed = replayed(services, site, Change(small_model(), BLOCK_ALL))
    assert [each.probability for each in changed] == pytest.approx(
        [each.decision.score.probability for each in changed], rel=1e-12
    )
    assert len(changed) == 4
    codes = {reason.code for each in changed for reason in each.decision.score.reasons}
    assert {"LISTED", "REPEATED_AUTHOR_SITE"} <= codes


def test_another_model_decides_with_its_own_thresholds(services: Services, site: Site) -> None:
    """As it would after its promotion: the site's stage is that of a new model."""
    model = small_model()
    decision = check(services, site, SOUP)
    paranoid = replace(model, id="paranoid", bias=model.bias + 20.0)
    _, changed = replayed(services, site, Change(paranoid))
    (each,) = changed
    assert each.probability == pytest.approx(logistic(decision.score.logit + 20.0))
    assert each.verdict in (Verdict.REVIEW, Verdict.SPAM)


def test_a_list_adds_its_weight_where_it_matches(services: Services, site: Site) -> None:
    """The thresholds are those of the decision."""
    decision = check(services, site, SOUP)
    check(services, site, Comment("Another soup altogether, thank you."))
    entries = parse_lines(["zanzibar"]).entries
    listed = OperatorList("ours", None, 20.0, services.clock(), entries)
    _, changed = replayed(services, site, Change(operator_list=listed))
    assert [each.decision.id for each in changed] == [decision.id]
    assert changed[0].probability == pytest.approx(logistic(decision.score.logit + 20.0))


def test_replaced_and_degraded_decisions_are_counted_apart(
    services: Services, services_without_model: Services, site: Site
) -> None:
    """A later decision stands for the replaced one; what no model decided, no change would have decided."""
    set_on_error(services, site.url, OnError.PUBLISH)
    check(services, site, SOUP)
    check(services, site, SOUP, recheck=True)
    check(services_without_model, site, PILLS)
    counts, changed = replayed(services, site, Change(thresholds=BLOCK_ALL))
    assert (counts.superseded, counts.degraded, counts.before.total(), len(changed)) == (1, 1, 1, 1)
