"""Watch sites for alarms: drift of scores, new words and domains, overridden verdicts, and lost ham."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event
from time import monotonic

from sqlalchemy import Connection

from moderation.actions.rollout import audit_refutation, audited_ham, rollout_status
from moderation.actions.services import Services
from moderation.actions.sites import find_site, list_sites
from moderation.actions.webhooks import announce_alarm
from moderation.domain.alarms import MIN_DISTANCE, Alarm, AlarmKind, Rise, distance, rise
from moderation.domain.decision import LabelValue
from moderation.domain.errors import NotFound
from moderation.domain.people import SiteScope
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.features.links import find_links, parse_url
from moderation.storage import alarms
from moderation.storage.alarms import JudgedComment
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_site

RECENT = 300
"""Newest comments of a site that are compared with those before them."""
REFERENCE = 1_000
"""Older comments whose words and domains are not new."""
ROUND_SECONDS = 3_600.0
"""Time after which a site is examined again."""
MIN_NEW_WORDS = 0.1
MIN_NEW_DOMAINS = 0.1
MIN_OVERRIDDEN = 0.03
"""Rises of a rate that raise an alarm, if chance does not explain them."""

_WORD = re.compile(r"[^\W\d_]{3,}")
_OVERRIDDEN = {
    (Verdict.PUBLISH, LabelValue.SPAM),
    (Verdict.SPAM, LabelValue.HAM),
    (Verdict.DISCARD, LabelValue.HAM),
}


class Watch:
    """A job that examines one site at each call, all of them in `ROUND_SECONDS` at the soonest."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._remaining: list[Site] = []
        self._next_round = 0.0

    def __call__(self, stop_event: Event) -> bool:
        """Examine the next site. Returns false: the next call waits, as this one took a processor for a while."""
        if not self._remaining and monotonic() >= self._next_round:
            self._remaining, self._next_round = list_sites(self._services), monotonic() + ROUND_SECONDS
        if self._remaining and not stop_event.is_set():
            # A site may have been removed since the list was read.
            with suppress(NotFound):
                watch_site(self._services, self._remaining.pop().url)
        return False


def watch_site(services: Services, url: str) -> None:
    """Examine a site and store its alarms. Raises `NotFound`."""
    site = find_site(services, url)
    found = examine(services, site)
    with read_transaction(services.engine) as connection:
        if alarms.find(connection, site.id) == found:
            return

    def store(connection: Connection) -> None:
        lock_site(connection, site.id)
        for kind in found.keys() - alarms.find(connection, site.id).keys():
            announce_alarm(services, connection, site.id, kind, found[kind])
        alarms.put(connection, site.id, found, services.clock())

    services.writer.run(store)


def list_alarms(services: Services, site: Site | None = None) -> list[Alarm]:
    """Return the alarms of a site, or of all sites of the scope, as they were at the last examination."""
    with read_transaction(services.engine) as connection:
        return alarms.list_all(connection, SiteScope(frozenset({site.id})) if site else services.scope)


def count_alarms(services: Services, kind: AlarmKind) -> int:
    """Return the number of sites with an alarm of this kind."""
    return sum(alarm.kind is kind for alarm in list_alarms(services))


def examine(services: Services, site: Site) -> dict[AlarmKind, str]:
    """Return the present alarms of a site: a sentence for each kind."""
    with read_transaction(services.engine, slow=True) as connection:
        newest = alarms.newest_judged(connection, site.id, 2 * RECENT + REFERENCE)
    sentences = {
        AlarmKind.LOSS: _loss(services, site),
        AlarmKind.SCORES: _scores(newest),
        AlarmKind.OVERRIDES: _overrides(newest),
        AlarmKind.WORDS: _new_values(newest, _words, "words", MIN_NEW_WORDS),
        AlarmKind.DOMAINS: _new_values(newest, _domains, "domains", MIN_NEW_DOMAINS),
    }
    return {kind: sentence for kind, sentence in sentences.items() if sentence}


def _loss(services: Services, site: Site) -> str:
    """Return how the audit shows too much loss: the site has stopped to block, or blocks by its own thresholds."""
    refutation = audit_refutation(site, rollout_status(services, site).calibration)
    if refutation:
        return f"{refutation}."
    ham = audited_ham(services, site)
    if ham is None or site.thresholds is None or not ham.violates(site.budget or services.budget):
        return ""
    return (
        f"{ham.errors} of {ham.n} ham comments of the random audit were blocked, more than the budget allows: "
        "the site sets its own thresholds, so raise the spam threshold."
    )


def _scores(newest: Sequence[JudgedComment]) -> str:
    # Probabilities of different models do not compare.
    same_model = [each.probability for each in newest if each.model == newest[0].model]
    before, recent = same_model[RECENT:], same_model[:RECENT]
    if len(before) < RECENT or (found := distance(before, recent)) < MIN_DISTANCE:
        return ""
    return (
        f"The scores of the last {RECENT} comments are unlike those of the {len(before):,} before: "
        f"distance {found:.2f}, alarming from {MIN_DISTANCE:g} on."
    )


def _overrides(newest: Sequence[JudgedComment]) -> str:
    overridden = [float((each.verdict, each.label) in _OVERRIDDEN) for each in newest]
    before, recent = overridden[RECENT:], overridden[:RECENT]
    if len(before) < RECENT or not (found := rise(before, recent)).is_alarming(MIN_OVERRIDDEN):
        return ""
    return f"People have overridden {_percent(found)} of the verdicts on the last {RECENT} comments."


def _new_values(
    newest: Sequence[JudgedComment], values: Callable[[JudgedComment], set[str]], name: str, least: float
) -> str:
    """Return a sentence if the share of values that the oldest comments lack has risen."""
    recent, before, reference = newest[:RECENT], newest[RECENT : 2 * RECENT], newest[2 * RECENT :]
    if len(reference) < RECENT:
        return ""
    known: set[str] = set().union(*map(values, reference))
    shares = [
        [len(own - known) / len(own) if (own := values(each)) else 0.0 for each in part] for part in (before, recent)
    ]
    found = rise(*shares)
    if not found.is_alarming(least):
        return ""
    return f"Of the {name} in the last {RECENT} comments {_percent(found)} are new to the site."


def _percent(found: Rise) -> str:
    return f"{100 * found.recent:.0f} % (before: {100 * found.before:.0f} %)"


def _words(comment: JudgedComment) -> set[str]:
    return set(_WORD.findall(comment.text.casefold()))


def _domains(comment: JudgedComment) -> set[str]:
    author = parse_url(comment.url) if comment.url else None
    links = [*find_links(comment.text), *([author] if author else [])]
    return {link.domain for link in links}
