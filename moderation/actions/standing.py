"""Where sites stand on the ladder: what their good comments have earned them, and what the next step needs."""

from dataclasses import dataclass, replace
from threading import Event

from sqlalchemy import Connection

from moderation.actions.access import find_site, list_sites
from moderation.actions.chances import share_of_spam
from moderation.actions.desk import Desk
from moderation.domain.budget import Budget, Certificate, Earned, Standing, Step, draw_line, due, needed
from moderation.domain.policy import Policy
from moderation.domain.site import Site
from moderation.storage import sites, standings
from moderation.storage.engine import reading, writing

_NO_MODEL = "none"
_NEVER = Event()


@dataclass(frozen=True, slots=True)
class Ladder:
    """A site's standing, and how it goes on.

    `standing` is `None` where the site has its own lines, `lines` where it has none and no model is there to suggest
    any. `good` counts the good comments that the next line can be drawn from. `next_step` is a sentence for people.
    `spam_share` is the share of spam in what the live model judged lately, `None` where that is too little to say.
    """

    site: Site
    budget: Budget
    standing: Standing | None
    lines: Policy | None
    good: int
    next_step: str
    spam_share: float | None


def ladder_of(desk: Desk, site: Site) -> Ladder:
    """Where the site stands."""
    with reading(desk.engine) as connection:
        return _ladder(desk, connection, site)


def all_ladders(desk: Desk) -> list[Ladder]:
    """Where every site stands, by address."""
    with reading(desk.engine) as connection:
        return [_ladder(desk, connection, site) for site in sites.living(connection)]


def lines_for(desk: Desk, site: Site, comment_type: str | None) -> tuple[Policy, Standing | None]:
    """The lines of the site for a type of comment, and what they were earned by; `None` where they are its own.

    Raises `ModelRefused` where the site has none of its own and no model is there to suggest any.
    """
    own = site.type_policies.get(comment_type or "", site.policy)
    if own is not None:
        return site.policy_for(comment_type, own, None), None
    model = desk.live.current()
    standing = site.standing_for(comment_type, model.id, desk.budget)
    return site.policy_for(comment_type, model.lines, standing), standing


def set_budget(desk: Desk, url: str, budget: Budget | None) -> Site:
    """Gives the site its own budget, or (`None`) that of all sites again, and draws its lines; the site as it is now.

    What was earned under the budget before does not count any more. Raises `NotFound`.
    """
    site = find_site(desk, url)
    with writing(desk.engine) as connection:
        sites.set_budget(connection, site.id, budget)
    renew(desk, replace(site, budget=budget))
    return find_site(desk, url)


def renew(desk: Desk, site: Site) -> bool:
    """Draws the lines that are due for the live model; whether that changed anything.

    Several processes may do this at once: what one has stored, another does not store again. Raises
    `StorageUnavailable`.
    """
    model = desk.model()
    if model is None or site.policy is not None:
        return False
    budget = site.budget or desk.budget
    with reading(desk.engine) as connection:
        newest = standings.newest_number(connection, site.id)
        before = standings.newest_under(connection, site.id, model.id, budget) or Earned(model.id, budget)
        earned = _drawn(connection, site, before)
    # A row that is not the newest was earned before another model, or another budget, took its turn.
    if earned == before and earned.standing.number in (None, newest):
        return False
    with writing(desk.engine) as connection:
        sites.lock(connection, site.id)
        if standings.newest_number(connection, site.id) != newest:
            return False
        standings.add(connection, site.id, earned, desk.clock())
    return True


def renew_all(desk: Desk, stopping: Event = _NEVER) -> int:
    """Renews every site; for how many that changed anything. Ends early when `stopping` is set."""
    changed = 0
    for site in list_sites(desk):
        if stopping.is_set():
            break
        changed += renew(desk, site)
    return changed


def _drawn(connection: Connection, site: Site, earned: Earned) -> Earned:
    """What the site has earned once the lines that are due are drawn."""
    budget = earned.budget
    good = standings.count_good(connection, site.id, earned.model)
    review, spam = due(good, budget.held, budget.confidence), due(good, budget.lost, budget.confidence)
    if review <= earned.review_drawn and spam <= earned.spam_drawn:
        return earned
    sample = standings.oldest_good(connection, site.id, earned.model, max(review, spam))
    if len(sample) >= review > earned.review_drawn:
        line = draw_line(sample[:review], budget.held, budget.confidence)
        earned = replace(earned, standing=replace(earned.standing, review=line), review_drawn=review)
    if len(sample) >= spam > earned.spam_drawn:
        line = _never_lower(earned.standing.spam, draw_line(sample[:spam], budget.lost, budget.confidence))
        earned = replace(earned, standing=replace(earned.standing, spam=line), spam_drawn=spam)
    return earned


def _never_lower(before: Certificate | None, drawn: Certificate) -> Certificate:
    """What is blocked is seen by nobody any more, so a later sample lacks it and would let the line sink."""
    return before if before is not None and before.line >= drawn.line else drawn


def _ladder(desk: Desk, connection: Connection, site: Site) -> Ladder:
    model = desk.model()
    standing = site.standing_for(None, model.id if model else _NO_MODEL, desk.budget)
    good = standings.count_good(connection, site.id, model.id) if model and standing else 0
    lines = site.policy_for(None, model.lines, standing) if model else site.policy
    share = share_of_spam(connection, site.id, model.id) if model else None
    next_step = _next_step(desk, site, standing, good)
    return Ladder(site, site.budget or desk.budget, standing, lines, good, next_step, share)


def _next_step(desk: Desk, site: Site, standing: Standing | None, good: int) -> str:
    budget = site.budget or desk.budget
    if standing is None:
        return "The site keeps its own lines; they have no certificate."
    if standing.step is Step.BLOCK and site.earned:
        again = 2 * site.earned.spam_drawn
        return f"Both lines are certified; the spam line is drawn again from {again} good comments; there are {good}."
    name, allowed = ("review", budget.held) if standing.step is Step.OBSERVE else ("spam", budget.lost)
    wanted = needed(allowed, budget.confidence)
    told = f"The {name} line is certified from {wanted} good comments; there are {good}."
    return told if good < wanted else f"{told} It is drawn within minutes."
