"""A shadow candidate: a model that decides what the live one has decided, after the answer, and whose verdicts count.

A background task reads the decisions of each site as they were stored, so that no request waits for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event

from sqlalchemy import Connection

from moderation.actions.replay import Change, Decider, matcher_of
from moderation.actions.services import Services
from moderation.actions.sites import list_sites
from moderation.domain.decision import Decision
from moderation.domain.shadow import ShadowCounts
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.scoring.model import Model
from moderation.storage import decisions, shadow
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_site

MAX_PER_ROUND = 50
"""Decisions of all sites that one round compares: some 50 milliseconds of a processor."""
_DELAY = timedelta(seconds=5)
"""Age from which decisions are compared: a younger one may be stored after a later one."""


def score_shadow(services: Services, stop_event: Event) -> None:
    """Compare the next decisions of each site with those of the shadow candidate, if there is one."""
    model_id = services.registry.shadow_id()
    model = services.live_model.find(model_id) if model_id else None
    if model is None:
        return
    left = MAX_PER_ROUND
    for site in list_sites(services):
        if left <= 0 or stop_event.is_set():
            return
        left -= _compare(services, model, site, left)


def read_shadow(services: Services, model_id: str) -> list[tuple[Site, ShadowCounts]]:
    """Return the counts of a candidate, for each site with any."""
    with read_transaction(services.engine) as connection:
        found = [(site, shadow.find(connection, site.id)) for site in list_sites(services)]
    return [(site, counts) for site, counts in found if counts is not None and counts.model == model_id]


def _compare(services: Services, model: Model, site: Site, limit: int) -> int:
    """Compare at most `limit` decisions of a site, and return their number. A new candidate begins with later ones."""
    now = services.clock()
    with read_transaction(services.engine) as connection:
        known = shadow.find(connection, site.id)
        if known is None or known.model != model.id:
            known, page = None, []
        else:
            place = (known.decided_at, known.decision_id)
            page = decisions.page_between(connection, site.id, now - _DELAY, place, limit)
    if known is None:
        services.writer.run(lambda connection: shadow.put(connection, ShadowCounts(site.id, model.id, now, now)))
        return 0
    if page:
        decider = Decider.of(services, Change(model), site)
        matcher = matcher_of(None)
        compared = [(past.decision, decider.decide(past.decision, matcher)[0]) for past in page]
        services.writer.run(lambda connection: _store(connection, known, compared))
    return len(page)


def _store(connection: Connection, known: ShadowCounts, compared: Sequence[tuple[Decision, Verdict]]) -> None:
    """Add verdicts to the counts of a site, unless another process has compared the same decisions meanwhile."""
    lock_site(connection, known.site_id)
    if shadow.find(connection, known.site_id) != known:
        return
    last, _ = compared[-1]
    added = replace(known, decided_at=last.decided_at, decision_id=last.id, counts=known.counts.copy())
    added.counts.update((decision.verdict, verdict) for decision, verdict in compared)
    differing = [(decision.id, verdict) for decision, verdict in compared if verdict is not decision.verdict]
    shadow.put(connection, replace(added, changed=[*known.changed, *differing]))
