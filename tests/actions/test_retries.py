"""A request that is sent again has the decision of the first one; another request never has."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from moderation.actions.check import CheckRequest, CheckResult, check_comment, find_decision
from moderation.actions.labelling import label_decision, withdraw_label
from moderation.actions.retries import MAX_RETRY_SECONDS
from moderation.actions.services import Services
from moderation.actions.sites import add_site, set_on_error, set_thresholds
from moderation.domain.comment import COMMENT_FIELDS, Comment, SubmissionSignals
from moderation.domain.decision import LabelValue
from moderation.domain.site import OnError, Site
from moderation.domain.thresholds import Thresholds, Verdict
from moderation.storage import tables
from moderation.storage.engine import read_transaction
from tests.conftest import Clock
from tests.queue_lists import held_items

COMMENT = Comment("What a <b>lovely</b> day", author="Ines", email="ines@ines.example", permalink="https://b.example/1")


def count(services: Services, table: str) -> int:
    with read_transaction(services.engine) as connection:
        statement = select(func.count()).select_from(tables.metadata.tables[table])
        return int(connection.execute(statement).scalar_one())


@pytest.fixture
def first(services: Services, hold_all_site: Site) -> CheckResult:
    """Return the result of the first request; the comment waits in the queue."""
    return check_comment(services, hold_all_site, CheckRequest(COMMENT, identifiers=["7", "192.0.2.7"]))


def again(services: Services, site: Site, comment: Comment = COMMENT, comment_id: str = "7") -> CheckResult:
    return check_comment(services, site, CheckRequest(comment, identifiers=[comment_id, "192.0.2.7"]))


def test_a_retry_has_the_same_decision(
    services: Services, hold_all_site: Site, first: CheckResult, clock: Clock
) -> None:
    """Until a minute has passed: same id, verdict, score and reasons, one comment, one queue item."""
    clock.advance(MAX_RETRY_SECONDS)
    retried = again(services, hold_all_site)
    assert retried == first._replace(is_new=False)
    assert [item.decision.id for item in held_items(services)] == [first.decision.id]
    assert count(services, "comments") == count(services, "decisions") == count(services, "queue_items") == 1
    clock.advance(0.001)
    assert again(services, hold_all_site).is_new


def test_a_request_after_a_change_of_thresholds_is_judged_anew(
    services: Services, hold_all_site: Site, first: CheckResult
) -> None:
    """The new decision replaces the first one on the same comment."""
    lenient = set_thresholds(services, hold_all_site.url, Thresholds(1.0, 1.0, 1.0))
    published = again(services, lenient)
    assert published.is_new and published.decision.verdict is Verdict.PUBLISH and held_items(services) == []
    assert again(services, lenient) == published._replace(is_new=False)
    assert (count(services, "comments"), count(services, "decisions")) == (1, 2)


def test_a_retry_may_ask_for_spans(services: Services, hold_all_site: Site, first: CheckResult) -> None:
    """The reasons of the first decision get the spans that a request for the decision shows."""
    retried = check_comment(services, hold_all_site, CheckRequest(COMMENT, identifiers=["7", "192.0.2.7"], spans=True))
    assert not retried.is_new
    assert retried.decision == find_decision(services, hold_all_site, first.decision.id)[0]


@pytest.mark.parametrize("seconds", [-MAX_RETRY_SECONDS, -86_400.0, 86_400.0])
def test_a_clock_that_was_set_makes_no_retry_of_a_later_request(
    services: Services, hold_all_site: Site, first: CheckResult, clock: Clock, seconds: float
) -> None:
    """A decision from the future is answered again for a minute only, by either clock."""
    clock.advance(seconds)
    assert again(services, hold_all_site).is_new == (abs(seconds) > MAX_RETRY_SECONDS)


@pytest.mark.parametrize("field", COMMENT_FIELDS)
def test_an_edit_is_judged_anew(services: Services, hold_all_site: Site, first: CheckResult, field: str) -> None:
    """Another author, address, page or text is another comment, even if only its markup differs."""
    changed = replace(COMMENT, **{field: 'What a <b title="x">lovely</b> day' if field == "text" else "other"})
    assert again(services, hold_all_site, changed).is_new
    assert count(services, "queue_items") == 2


def test_another_identifier_is_another_comment(services: Services, hold_all_site: Site, first: CheckResult) -> None:
    """The id of the comment at the blog and the address of its author count; so do the signals of the form."""
    assert again(services, hold_all_site, comment_id="8").is_new
    assert check_comment(services, hold_all_site, CheckRequest(COMMENT, identifiers=["7", "192.0.2.8"])).is_new
    filled = SubmissionSignals(honeypot_filled=True)
    assert check_comment(
        services, hold_all_site, CheckRequest(COMMENT, identifiers=["7", "192.0.2.7"], submission=filled)
    ).is_new


def test_another_site_has_its_own_decision(services: Services, hold_all_site: Site, first: CheckResult) -> None:
    """Sites share nothing."""
    add_site(services, "https://other.example")
    with read_transaction(services.engine) as connection:
        site_id = connection.execute(
            select(tables.sites.c.id).where(tables.sites.c.url == "https://other.example")
        ).scalar_one()
    assert again(services, replace(hold_all_site, id=site_id)).is_new


def test_a_recheck_is_judged_anew(services: Services, hold_all_site: Site, first: CheckResult) -> None:
    """A recheck replaces the decision; a late retry of the first request then has the new one."""
    rechecked = check_comment(
        services, hold_all_site, CheckRequest(COMMENT, identifiers=["7", "192.0.2.7"], recheck=True)
    )
    assert rechecked.is_new and rechecked.decision.id != first.decision.id
    assert again(services, hold_all_site).decision.id == rechecked.decision.id
    assert count(services, "comments") == len(held_items(services)) == 1


def test_a_check_after_a_label_is_judged_anew(services: Services, hold_all_site: Site, first: CheckResult) -> None:
    """Also if the label was withdrawn. The next retry has the decision made since."""
    label_decision(services, hold_all_site, first.decision.id, LabelValue.HAM, "mara", "queue")
    withdraw_label(services, hold_all_site, first.decision.id, "mara", "queue")
    second = again(services, hold_all_site)
    assert second.is_new
    assert again(services, hold_all_site) == second._replace(is_new=False)


def test_a_degraded_decision_is_replaced_by_a_judgement(
    services: Services, services_without_model: Services, hold_all_site: Site
) -> None:
    """Without a model the retry has the same decision; with one it is judged, and the comment waits once."""
    site = set_on_error(services_without_model, hold_all_site.url, OnError.REVIEW)
    degraded = again(services_without_model, site)
    assert degraded.decision.degraded and degraded.decision.verdict is Verdict.REVIEW
    assert again(services_without_model, site) == degraded._replace(is_new=False)
    judged = again(services, site)
    assert judged.is_new and not judged.decision.degraded
    assert again(services_without_model, site) == judged._replace(is_new=False)
    assert [item.decision.id for item in held_items(services)] == [judged.decision.id]
    assert count(services, "comments") == 1
