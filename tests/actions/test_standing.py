"""The ladder: a site's own good comments earn it its lines, and nothing else does."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import nextafter

import pytest

from moderation.actions.access import find_site, set_policy, set_type_policy
from moderation.actions.check import check_comment, consider, find_decision
from moderation.actions.desk import Desk
from moderation.actions.judge import Judge
from moderation.actions.review import held_items
from moderation.actions.standing import all_ladders, ladder_of, lines_for, renew, renew_all, set_budget
from moderation.actions.teach import label_decision, withdraw_label
from moderation.domain.budget import OBSERVING, Budget, Step, digest_of
from moderation.domain.comment import Comment
from moderation.domain.errors import NotFound
from moderation.domain.judgement import LabelValue
from moderation.domain.policy import Policy
from moderation.domain.site import Site
from moderation.registry.live import LiveModel
from moderation.registry.shelf import Shelf
from moderation.storage.engine import reading
from moderation.storage.tables import standings
from tests.calibration import write_past
from tests.models import small_arrays, small_card

LINES = Policy(0.3, 0.6, 0.9)
QUICK = Budget(lost=0.05, held=0.1)
"""A review line from 29 good comments, a spam line from 59."""


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """With a budget that is soon earned."""
    return replace(desk, budget=QUICK)


def again(desk: Desk, site: Site) -> Site:
    return find_site(desk, site.url)


def step(desk: Desk, site: Site) -> Step | None:
    standing = ladder_of(desk, again(desk, site)).standing
    return standing.step if standing else None


def rows(desk: Desk) -> int:
    with reading(desk.engine) as connection:
        return len(connection.execute(standings.select()).all())


def spread(number: int) -> list[float]:
    """Different probabilities, none near the top."""
    return [0.2 + 0.3 * place / number for place in range(number)]


def test_a_site_climbs_by_its_good_comments(desk: Desk, site: Site) -> None:
    """Observe, hold, block; at each step it is said what the next one needs."""
    assert step(desk, site) is Step.OBSERVE
    assert "from 29 good comments; there are 0." in ladder_of(desk, site).next_step
    write_past(desk, site, spread(28))
    assert not renew(desk, site) and step(desk, site) is Step.OBSERVE
    write_past(desk, site, [0.6])
    assert "It is drawn within minutes." in ladder_of(desk, site).next_step
    assert renew(desk, site) and step(desk, site) is Step.HOLD
    told = ladder_of(desk, again(desk, site))
    assert told.next_step == "The spam line is certified from 59 good comments; there are 29."
    assert told.lines == Policy(nextafter(0.6, 1), max(0.61, desk.live.current().lines.discard), 1.0)
    write_past(desk, site, spread(30))
    assert renew(desk, again(desk, site)) and step(desk, site) is Step.BLOCK
    assert "from 118 good comments; there are 59." in ladder_of(desk, again(desk, site)).next_step


def test_the_lines_in_force_judge(desk: Desk, site: Site) -> None:
    """What is certified is what the next comment meets, in every door and in a trial."""
    write_past(desk, site, [*spread(58), 0.55])
    renew(desk, site)
    climbed = again(desk, site)
    decision = check_comment(desk, climbed, Comment("Hello there"))
    assert decision.standing and decision.standing.step is Step.BLOCK
    assert decision.policy.review < decision.policy.spam == pytest.approx(0.55)
    assert consider(desk, climbed, Comment("Hello there")).policy == decision.policy
    assert Judge(desk.live.current(), climbed, desk.budget).policy_for(Comment("Hello")) == decision.policy
    assert lines_for(desk, climbed, None) == (decision.policy, decision.standing)
    letter = check_comment(desk, climbed, Comment("Hello there", type="message"))
    assert letter.policy == decision.policy.milder() and letter.standing == decision.standing


def test_a_decision_keeps_its_certificates(desk: Desk, site: Site) -> None:
    """Read again later it names the certificates that it was made by, though the site has others since."""
    assert find_decision(desk, site, check_comment(desk, site, Comment("Hello")).id)[0].standing == OBSERVING
    ids = write_past(desk, site, spread(59))
    renew(desk, site)
    decision = check_comment(desk, again(desk, site), Comment("Hello there"))
    assert decision.standing and decision.standing.spam
    assert (decision.standing.spam.n, decision.standing.spam.errors) == (59, 0)
    assert decision.standing.spam.digest == digest_of(list(zip(ids, spread(59), strict=True)))
    set_budget(desk, site.url, Budget(0.3, 0.4))
    assert find_decision(desk, site, decision.id)[0] == decision


def test_held_items_keep_their_certificates(desk: Desk, site: Site) -> None:
    """The queue shows the lines that a comment was held by."""
    write_past(desk, site, [1e-9] * 29)
    renew(desk, site)
    decision = check_comment(desk, again(desk, site), Comment("Is that so?"))
    assert decision.standing and decision.standing.step is Step.HOLD
    assert [item.decision for item in held_items(desk)] == [decision]


@pytest.mark.parametrize("kind", ["spam", "nothing", "another model's", "withdrawn", "superseded"])
def test_only_good_comments_judged_by_the_live_model_count(desk: Desk, site: Site, kind: str) -> None:
    """Silence is no approval; what the model may have learnt from, or is no more, proves nothing."""
    value = {"spam": LabelValue.SPAM, "nothing": None}.get(kind, LabelValue.HAM)
    ids = write_past(desk, site, spread(29), value, model="other" if kind == "another model's" else "small")
    if kind == "withdrawn":
        withdraw_label(desk, site, ids[0], "mara", "queue")
    if kind == "superseded":
        with desk.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE decisions SET superseded = 1")
    assert not renew(desk, site) and step(desk, site) is Step.OBSERVE


def test_a_site_earns_by_its_own_comments_alone(desk: Desk, site: Site, teammate_site: Site) -> None:
    """Each site has its own audience."""
    write_past(desk, teammate_site, spread(29))
    assert renew_all(desk) == 1
    assert [step(desk, one) for one in (site, teammate_site)] == [Step.OBSERVE, Step.HOLD]


def test_a_line_is_drawn_from_the_first_comments(desk: Desk, site: Site) -> None:
    """The 29 that came in first, whatever came since; so it can be recomputed, and nobody looks in between."""
    ids = write_past(desk, site, spread(57))
    renew(desk, site)
    certificate = ladder_of(desk, again(desk, site)).standing
    assert certificate and certificate.review
    assert certificate.review.digest == digest_of(list(zip(ids, spread(57), strict=True))[:29])


def test_nobody_looks_in_between(desk: Desk, site: Site) -> None:
    """A line stays until its sample has doubled, whatever comes in; then it is drawn anew."""
    write_past(desk, site, [0.5] * 29)
    renew(desk, site)
    before = again(desk, site).earned
    write_past(desk, site, [0.9] * 28)
    assert not renew(desk, site) and again(desk, site).earned == before
    write_past(desk, site, [0.9])
    assert renew(desk, site)
    after = again(desk, site).earned
    assert after and after.standing.review and after.standing.review.line > 0.9


def test_the_spam_line_never_sinks(desk: Desk, site: Site) -> None:
    """What is blocked is seen by nobody, so a later sample that lacks it must not lower the line; it may rise."""
    write_past(desk, site, [0.8] + [0.1] * 58)
    renew(desk, site)
    first = again(desk, site).earned
    write_past(desk, site, [0.1] * 59)
    assert renew(desk, site)
    second = again(desk, site).earned
    assert first and second and first.standing.spam == second.standing.spam
    assert (first.spam_drawn, second.spam_drawn) == (59, 118)
    assert not renew(desk, site)
    write_past(desk, site, [0.95] * 118)
    renew(desk, site)
    third = again(desk, site).earned
    assert third and third.standing.spam and third.standing.spam.line > 0.95 and third.standing.spam.n == 236


def test_drawing_twice_is_drawing_once(desk: Desk, site: Site) -> None:
    """Several workers look at the same time, and one row is written."""
    write_past(desk, site, spread(59))
    with ThreadPoolExecutor(4) as workers:
        changed = list(workers.map(lambda _: renew(desk, site), range(8)))
    assert sum(changed) == 1 == rows(desk)
    assert not renew(desk, site) and rows(desk) == 1


def test_a_new_model_starts_at_observe(desk: Desk, site: Site, shelf: Shelf) -> None:
    """It has proved nothing yet; back under the earlier one, what that had earned holds again."""
    write_past(desk, site, spread(59))
    renew(desk, site)
    own = Shelf(shelf.folder.parent / "climbing")
    if not own.ids():
        own.add(small_arrays(), small_card())
        own.add(small_arrays(), small_card("next"))
    own.promote("next")
    later = replace(desk, shelf=own, live=LiveModel(own))
    assert step(later, site) is Step.OBSERVE
    assert check_comment(later, again(later, site), Comment("Hello")).standing == OBSERVING
    write_past(later, site, spread(29), model="next")
    renew(later, site)
    assert step(later, site) is Step.HOLD and step(desk, site) is Step.OBSERVE
    assert renew(desk, site) and step(desk, site) is Step.BLOCK


def test_a_changed_budget_draws_anew(desk: Desk, site: Site) -> None:
    """At once, under its own terms; what was earned under another one does not count, and is there to go back to."""
    write_past(desk, site, spread(59))
    renew(desk, site)
    strict = set_budget(desk, site.url, Budget())
    assert strict.budget == Budget() and step(desk, site) is Step.HOLD
    assert "from 598 good comments; there are 59." in ladder_of(desk, strict).next_step
    back = set_budget(desk, site.url, None)
    assert back.budget is None and step(desk, site) is Step.BLOCK
    with pytest.raises(NotFound):
        set_budget(desk, "https://nobody.example", None)


def test_own_lines_leave_the_ladder(desk: Desk, site: Site) -> None:
    """An operator's word goes first, and carries no certificate; without it the site stands where it stood."""
    write_past(desk, site, spread(59))
    renew(desk, site)
    own = set_policy(desk, site.url, LINES)
    assert not renew(desk, own)
    told = ladder_of(desk, own)
    assert (told.standing, told.lines, told.good) == (None, LINES, 0) and "no certificate" in told.next_step
    decision = check_comment(desk, own, Comment("Hello there"))
    assert decision.standing is None and find_decision(desk, site, decision.id)[0] == decision
    typed = set_type_policy(desk, site.url, "review", LINES)
    assert check_comment(desk, set_policy(desk, typed.url, None), Comment("Hello", type="review")).standing is None
    assert step(desk, site) is Step.BLOCK


def test_a_withdrawn_label_takes_no_line_back(desk: Desk, site: Site) -> None:
    """The line was drawn from what was known; the next one is drawn from what is known then."""
    ids = write_past(desk, site, spread(29))
    renew(desk, site)
    label_decision(desk, site, ids[0], LabelValue.SPAM, "mara", "queue")
    assert not renew(desk, site) and step(desk, site) is Step.HOLD
    assert ladder_of(desk, again(desk, site)).good == 28


def test_without_a_model_nobody_climbs(modelless_desk: Desk, site: Site, holding_site: Site) -> None:
    """There is nothing to certify; whoever looks is told so."""
    assert renew_all(modelless_desk) == 0
    fresh, own = all_ladders(modelless_desk)
    assert fresh.standing == OBSERVING and fresh.lines is None
    assert own.standing is None and own.lines == holding_site.policy
