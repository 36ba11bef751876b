"""The random audit: copies of automatic decisions in the queue, and what their labels say."""

from dataclasses import replace

import pytest

from moderation.actions.audit import AuditReport, audit_report
from moderation.actions.check import CheckRequest, check_comment, check_comments
from moderation.actions.labelling import export_labels, label_decision
from moderation.actions.review import count_held, count_held_kinds, list_comments
from moderation.actions.services import Services
from moderation.actions.sites import set_thresholds
from moderation.domain.audit import AuditDraw, Estimate
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelOrigin, LabelValue, Moderator
from moderation.domain.queue import ListName, Verb
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import audits, calibrations, labels
from moderation.storage.engine import read_transaction
from tests.conftest import HOLD_ALL, Clock
from tests.queue_lists import decide, held_items

HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
PUBLISH_ALL, BLOCK_ALL = Thresholds(1.0, 1.0, 1.0), Thresholds(1e-12, 1e-12, 1.0)


@pytest.fixture
def audited(services: Services) -> Services:
    """The services with an audit that draws every automatic decision."""
    return replace(services, audit=AuditDraw(services.secret, 1.0))


def send(services: Services, site: Site, thresholds: Thresholds, count: int = 1) -> list[Decision]:
    changed = set_thresholds(services, site.url, thresholds)
    comments = [Comment(text=f"Hello {number} under {thresholds}") for number in range(count)]
    return [check_comment(services, changed, CheckRequest(comment)).decision for comment in comments]


def report(services: Services, site: Site) -> AuditReport:
    return audit_report(services, site)


def test_a_copy_of_a_drawn_decision_waits(audited: Services, site: Site) -> None:
    """Of what was published or blocked, in batches too. The answer is that of a service without audit."""
    (blocked,) = send(audited, site, BLOCK_ALL)
    (published,) = send(audited, site, PUBLISH_ALL)
    (batched,) = check_comments(audited, site, [Comment("One of many")])
    assert (blocked.verdict, published.verdict) == (Verdict.SPAM, Verdict.PUBLISH)
    audits_by_id = {item.decision.id: item.is_audit for item in held_items(audited)}
    expected = {blocked.id, published.id} | ({batched.id} if batched.verdict is not Verdict.REVIEW else set())
    assert {decision_id for decision_id, is_audit in audits_by_id.items() if is_audit} == expected
    assert not any(reason.spans for item in held_items(audited) for reason in item.decision.score.reasons)


def test_held_comments_are_no_audit_items(audited: Services, site: Site) -> None:
    """A person sees them anyway, with their score."""
    send(audited, site, HOLD_ALL, 2)
    send(audited, site, BLOCK_ALL)
    assert (count_held(audited), count_held_kinds(audited).audits) == (3, 1)


def test_only_the_drawn_ones_wait(services: Services, site: Site) -> None:
    """Those of the secret and the id, with the probability of the draw; others leave no trace."""
    audited = replace(services, audit=AuditDraw(services.secret, 0.3))
    decided = send(audited, site, BLOCK_ALL, 40)
    drawn = {each.id for each in decided if audited.audit.probability(each.id)}
    assert 0 < len(drawn) < 40 and {item.decision.id for item in held_items(audited)} == drawn
    with read_transaction(services.engine) as connection:
        ((_, probability, label, number),) = audits.count_drawn_since(connection, site.id, services.clock())
    assert (probability, label, number) == (0.3, None, len(drawn))


def test_a_retry_is_drawn_once(audited: Services, site: Site) -> None:
    """It has the decision of the first request, and no second item."""
    changed = set_thresholds(audited, site.url, BLOCK_ALL)
    first, second = (check_comment(audited, changed, CheckRequest(Comment("Hello"))) for _ in range(2))
    assert first.decision == second.decision and count_held_kinds(audited).audits == 1


def test_a_recheck_closes_the_item(audited: Services, site: Site) -> None:
    """Its new decision has its own draw, and only that one counts."""
    changed = set_thresholds(audited, site.url, BLOCK_ALL)
    for _ in range(2):
        check_comment(audited, changed, CheckRequest(Comment("Hello"), recheck=True))
    assert count_held_kinds(audited).audits == 1 and report(audited, site).drawn == 1


def test_a_flood_does_not_bury_the_queue(
    audited: Services, site: Site, other_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site has so many open items; once one is decided, the next comment may be drawn. Other sites have their own."""
    monkeypatch.setattr(audits, "MAX_OPEN", 3)
    decided = send(audited, site, BLOCK_ALL, 8)
    assert {item.decision.id for item in held_items(audited)} == {each.id for each in decided[:3]}
    send(audited, other_site, BLOCK_ALL)
    assert count_held_kinds(audited).audits == 4
    label_decision(audited, site, decided[0].id, SPAM, "mara", "api")
    send(audited, site, PUBLISH_ALL, 2)
    assert count_held_kinds(audited).audits == 4


def test_the_verdict_is_known_after_the_decision(audited: Services, site: Site, moderator: Moderator) -> None:
    """Not before; the item waits again, without it, if the label is forgotten."""
    send(audited, site, BLOCK_ALL)
    (item,) = held_items(audited)
    assert decide(audited, item, HAM, moderator) == []
    assert report(audited, site).labelled == 1
    (decided,) = list_comments(audited, ListName.DECIDED).comments
    assert not decided.is_audit and decided.decision.verdict is Verdict.SPAM
    decide(audited, decided, Verb.FORGET, moderator)
    assert (report(audited, site).labelled, report(audited, site).waiting) == (0, 1)


def test_a_label_on_an_audit_item_is_like_any_other(audited: Services, site: Site, moderator: Moderator) -> None:
    """It is a single decision, so that ham counts in the sample of a guarantee."""
    (published,) = send(audited, site, PUBLISH_ALL)
    decide(audited, held_items(audited)[0], HAM, moderator)
    with read_transaction(audited.engine) as connection:
        label = labels.last_of_site(connection, site.id)
        assert label and (label.value, label.origin, label.decision_id) == (HAM, LabelOrigin.SINGLE, published.id)
        assert calibrations.count_ham(connection, site.id, published.score.model) == 1


def test_loss_and_catch_are_estimated(audited: Services, site: Site, moderator: Moderator) -> None:
    """When each comment was drawn and labelled, they are exact; a label from the blog counts as well."""
    blocked, published = send(audited, site, BLOCK_ALL, 4), send(audited, site, PUBLISH_ALL, 4)
    assert report(audited, site).estimates.lost == Estimate(None, 0.0, 1.0)
    assert "nothing is known" in str(report(audited, site))
    for decision, value in zip([*blocked, *published], [HAM, SPAM, SPAM, SPAM, HAM, HAM, HAM, SPAM], strict=True):
        label_decision(audited, site, decision.id, value, "mara", "api", origin=LabelOrigin.SINGLE)
    found = report(audited, site)
    assert (found.drawn, found.labelled, found.waiting) == (8, 8, 0)
    assert found.estimates.lost == found.estimates.caught._replace(value=0.25, low=0.25, high=0.25)
    assert found.estimates.caught == Estimate(0.75, 0.75, 0.75)
    assert "ham lost 25 %" in str(found) and found.as_json()["lost"] == {"value": 0.25, "low": 0.25, "high": 0.25}


def test_labels_on_other_comments_do_not_count(services: Services, site: Site) -> None:
    """People report what is wrong, so that a rate of reported comments would be that of errors."""
    (blocked,) = send(services, site, BLOCK_ALL)
    label_decision(services, site, blocked.id, HAM, "mara", "api")
    assert (report(services, site).drawn, report(services, site).estimates.lost.value) == (0, None)


def test_an_export_weighs_a_drawn_comment_by_its_probability(services: Services, site: Site) -> None:
    """One in four stands for four. A comment that was labelled without a draw stands for itself, as a held one does."""
    drawing = replace(services, audit=AuditDraw(services.secret, 0.25))
    decisions = [*send(drawing, site, PUBLISH_ALL, 40), *send(drawing, site, HOLD_ALL, 1)]
    drawn = [services_draws(drawing, decision) for decision in decisions[:-1]] + [False]
    for decision in decisions:
        label_decision(services, site, decision.id, HAM, "mara", "api")
    weights = [row["weight"] for row in export_labels(services, site)]
    assert weights == ["4" if each else "1" for each in drawn] and 0 < sum(drawn) < 40


def services_draws(services: Services, decision: Decision) -> bool:
    return services.audit.probability(decision.id) is not None


def test_a_report_covers_its_days(audited: Services, site: Site, clock: Clock) -> None:
    """Comments before them are left out, and sites are counted apart."""
    send(audited, site, BLOCK_ALL)
    clock.advance(86_400 * 3)
    assert (audit_report(audited, site, 2).drawn, audit_report(audited, site, 4).drawn) == (0, 1)
