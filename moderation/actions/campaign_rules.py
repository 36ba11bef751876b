"""Rules for the next comments of a campaign: entries of one operator's list, which end by themselves.

An entry is evidence like that of any list, so a site that blocks nothing yet goes on holding these comments. A text has
no entry: its spam labels are what the next ones meet.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from moderation.actions import lists
from moderation.actions.lists import ListRequest
from moderation.actions.services import Services
from moderation.domain.errors import Conflict, InvalidInput, NotFound
from moderation.domain.lists import EntryKind, ListEntry
from moderation.features.list_keys import parse_key
from moderation.features.traits import AUTHOR_SITE, CONTACT, LINKED_SITE, Trait

LIST_NAME = "campaigns"
RULE_DAYS = 7

_KINDS = {AUTHOR_SITE: EntryKind.DOMAIN, LINKED_SITE: EntryKind.DOMAIN, CONTACT: EntryKind.MAILBOX}


class Rule(NamedTuple):
    """A domain or mailbox that counts as spam until `expires_at`."""

    key: str
    expires_at: datetime


def rule_key(trait: Trait | None) -> str:
    """Return the domain or mailbox of a rule for a trait; empty if a rule cannot name the trait."""
    kind = _KINDS.get(trait.kind) if trait else None
    if trait is None or kind is None:
        return ""
    try:
        found, key = parse_key(trait.value)
    except InvalidInput:
        return ""
    return key if found is kind else ""


def add_rule(services: Services, trait: Trait | None) -> Rule:
    """Let the next comments with a trait count as spam for `RULE_DAYS` days, on all sites. The next comment meets it.

    Raises `Conflict` if a rule cannot name the trait, or if the operator has a list of this name for one site or that
    allows.
    """
    key = rule_key(trait)
    if not key:
        raise Conflict("Only a site or a mailbox can have a rule.")
    rule = Rule(key, services.clock() + timedelta(days=RULE_DAYS))
    request = ListRequest(LIST_NAME, [ListEntry(parse_key(key)[0], key, rule.expires_at)])
    change = lists.plan_change(services, request)
    if change.before and (change.before.allows or change.before.site_url):
        raise Conflict(f"The operator's list “{LIST_NAME}” is not one of spam for all sites: rules need that name.")
    lists.save_change(services, request, change)
    return rule


def list_rules(services: Services) -> list[Rule]:
    """Return the rules in force, the soonest to end first."""
    now = services.clock()
    try:
        entries = lists.get_list(services, LIST_NAME).entries
    except NotFound:
        return []
    in_force = [
        Rule(entry.key, entry.expires_at) for entry in entries if entry.expires_at and not entry.is_expired(now)
    ]
    return sorted(in_force, key=lambda rule: rule.expires_at)


def revoke_rule(services: Services, key: str) -> None:
    """End a rule. The next comment does not meet it. Raises `NotFound`."""
    lists.remove_entries(services, LIST_NAME, [key])
