"""Authors whom the blog vouches for are trusted or blocked, with an exact reason and nothing learnt."""

from dataclasses import replace

import pytest

from moderation.actions.author_rules import list_author_rules, set_author_rule
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.labelling import read_label_log
from moderation.actions.lists import ListRequest, parse_lines, plan_change, save_change
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.authors import AuthorFact, Standing, VouchedAuthor
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision
from moderation.domain.errors import InvalidInput
from moderation.domain.lists import MAX_WEIGHT
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds, Verdict
from tests.conftest import Clock

ID, ROLE = AuthorFact.ID, AuthorFact.ROLE
TRUSTED, BLOCKED = Standing.TRUSTED, Standing.BLOCKED
REGULAR = VouchedAuthor("42")
THRESHOLDS = Thresholds(0.3, 0.9, 1.0)
SPAM = Comment("Buy cheap pills at http://pills.example/ casino casino", author="Otto")
HAM = Comment("Thank you, that helped me a lot with my garden.", author="Ann")


@pytest.fixture
def site(site: Site) -> Site:
    """Return a site with thresholds that are the same for every model."""
    return replace(site, thresholds=THRESHOLDS)


def check(services: Services, site: Site, comment: Comment, author: VouchedAuthor = REGULAR) -> Decision:
    decision = check_comment(services, site, CheckRequest(comment, author=author)).decision
    score = decision.score
    assert score.logit == pytest.approx(score.bias + sum(reason.weight for reason in score.reasons))
    return decision


def rule_reason(decision: Decision) -> tuple[str, str] | None:
    found = [(reason.code, reason.detail) for reason in decision.score.reasons if reason.code.endswith("_AUTHOR")]
    return found[0] if found else None


@pytest.mark.parametrize(("standing", "comment", "sign"), [(TRUSTED, SPAM, -1), (BLOCKED, HAM, 1)])
def test_a_rule_settles_the_verdict(
    services: Services, site: Site, standing: Standing, comment: Comment, sign: int
) -> None:
    """The logit is 15 on its side, the reason says who, when and why, and no label is stored."""
    before = check(services, site, comment)
    set_author_rule(services, site, ID, "42", standing, "mara", "queue", reason="known to us")
    after = check(services, site, comment)
    assert after.score.logit == pytest.approx(sign * 15) and rule_reason(before) is None
    assert after.verdict is (Verdict.PUBLISH if standing is TRUSTED else Verdict.SPAM)
    assert rule_reason(after) == (f"{standing.upper()}_AUTHOR", "id 42, by mara on 02 January 2026: known to us")
    assert read_label_log(services, None) == []


def test_only_a_strong_list_outweighs_trust(services: Services, site: Site) -> None:
    """A list of the default weight does not; one of the highest weight does."""
    set_author_rule(services, site, ID, "42", TRUSTED, "mara", "cli")
    for weight, verdict in ((None, Verdict.PUBLISH), (MAX_WEIGHT, Verdict.SPAM)):
        request = ListRequest("ours", parse_lines(["pills.example"]).entries, weight=weight)
        save_change(services, request, plan_change(services, request))
        site = replace(find_site(services, site.url), thresholds=THRESHOLDS)
        assert check(services, site, SPAM).verdict is verdict


def test_a_site_s_key_can_hold_but_not_block(services: Services, site: Site) -> None:
    """A leaked key that blocks an ordinary author has the comments held."""
    set_author_rule(services, site, ID, "42", BLOCKED, "api", "api")
    decision = check(services, site, HAM)
    assert decision.verdict is Verdict.REVIEW and decision.score.probability < THRESHOLDS.spam


def test_a_rule_is_for_a_time_or_for_good(services: Services, site: Site, clock: Clock) -> None:
    """It ends after its days, and is replaced and forgotten at once."""
    set_author_rule(services, site, ID, "42", BLOCKED, "mara", "cli", days=2)
    assert check(services, site, HAM).verdict is Verdict.SPAM
    clock.advance(2 * 86_400)
    assert rule_reason(check(services, site, HAM)) is None
    set_author_rule(services, site, ID, "42", BLOCKED, "mara", "cli")
    clock.advance(1_000 * 86_400)
    assert check(services, site, HAM).verdict is Verdict.SPAM
    assert set_author_rule(services, site, ID, "42", None, "mara", "cli") is None
    assert rule_reason(check(services, site, HAM)) is None and list_author_rules(services, site) == []


def test_an_id_counts_before_a_role(services: Services, site: Site) -> None:
    """So one author of a blocked role can be trusted; of two roles the blocked one counts, in any letter case."""
    set_author_rule(services, site, ROLE, "Subscriber", BLOCKED, "mara", "cli")
    set_author_rule(services, site, ROLE, "editor", TRUSTED, "mara", "cli")
    assert check(services, site, HAM, VouchedAuthor("7", "editor, SUBSCRIBER")).verdict is Verdict.SPAM
    assert check(services, site, SPAM, VouchedAuthor(None, "editor")).verdict is Verdict.PUBLISH
    set_author_rule(services, site, ID, "7", TRUSTED, "mara", "cli")
    assert check(services, site, SPAM, VouchedAuthor("7", "subscriber")).verdict is Verdict.PUBLISH


def test_rules_are_those_of_one_site(services: Services, site: Site, other_site: Site) -> None:
    """The same id at another blog is another author."""
    set_author_rule(services, site, ID, "42", BLOCKED, "mara", "cli")
    assert rule_reason(check(services, other_site, HAM)) is None


@pytest.mark.parametrize(
    ("fact", "value", "days"), [(ID, " ", None), (ROLE, "a,b", None), (ID, "x" * 201, None), (ID, "1", 0)]
)
def test_an_unusable_rule_is_refused(services: Services, site: Site, fact: AuthorFact, value: str, days: int) -> None:
    """An empty or long value, two roles at once, or no time at all."""
    with pytest.raises(InvalidInput):
        set_author_rule(services, site, fact, value, TRUSTED, "mara", "cli", days=days)
