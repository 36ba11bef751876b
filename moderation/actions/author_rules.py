"""Trust and block authors on facts that their blog vouches for."""

import re
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.authors import FACT_PATTERN, MAX_FACT_LENGTH, AuthorFact, AuthorRule, Standing, VouchedAuthor
from moderation.domain.errors import InvalidInput, StorageUnavailable
from moderation.domain.site import Site
from moderation.storage import author_rules
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_site

MAX_DAYS = 3_650
"""The longest time for which an author can be trusted or blocked, other than for good."""


def find_author_rule(services: Services, site: Site, author: VouchedAuthor) -> AuthorRule | None:
    """Return the rule in force for an author: one for the id before one for a role, and blocking before trust.

    Without a database there is none.
    """
    facts = author.facts
    if not facts or site.storage_error:
        return None
    try:
        found = services.kept_connection.read(partial(author_rules.find, site_id=site.id, facts=facts))
    except StorageUnavailable:
        # The write of the decision meets the same error, and the site's `on_error` decides.
        return None
    now = services.clock()
    in_force = [rule for rule in found if not rule.is_expired(now)]
    return min(in_force, key=_rank, default=None)


def set_author_rule(
    services: Services,
    site: Site,
    fact: AuthorFact,
    value: str,
    standing: Standing | None,
    set_by: str,
    channel: str,
    *,
    days: int | None = None,
    reason: str = "",
) -> AuthorRule | None:
    """Trust or block the authors with this id or role, for `days` or for good, and return the rule.

    The next comment meets it, and it replaces any earlier one. With `None` as standing, the site forgets the rule.
    Raises `InvalidInput` for a value or a time that cannot be used.
    """
    value = checked_value(fact, value)
    if days is not None and not 0 < days <= MAX_DAYS:
        raise InvalidInput(f"An author can be trusted or blocked for 1 to {MAX_DAYS} days, or for good.")
    now = services.clock()
    expires_at = None if days is None else now + timedelta(days=days)
    rule = AuthorRule(fact, value, standing, set_by, channel, now, expires_at, reason) if standing else None

    def store(connection: Connection) -> None:
        lock_site(connection, site.id)
        if rule:
            author_rules.put(connection, site.id, rule)
        else:
            author_rules.remove(connection, site.id, fact, value)

    services.writer.run(store)
    return rule


def checked_value(fact: AuthorFact, value: str) -> str:
    """Return an author's id or role as rules have it. Raises `InvalidInput` for one that cannot be used."""
    value = value.strip().lower() if fact is AuthorFact.ROLE else value.strip()
    if len(value) > MAX_FACT_LENGTH or not re.match(FACT_PATTERN, value):
        raise InvalidInput(f"An author's id or role has 1 to {MAX_FACT_LENGTH} characters, and no comma.")
    return value


def list_author_rules(services: Services, site: Site) -> list[AuthorRule]:
    """Return the rules of a site, the newest first; expired ones too."""
    with read_transaction(services.engine) as connection:
        return author_rules.list_of_site(connection, site.id)


def _rank(rule: AuthorRule) -> tuple[bool, bool]:
    return rule.fact is not AuthorFact.ID, rule.standing is Standing.TRUSTED
