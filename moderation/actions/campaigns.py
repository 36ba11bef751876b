"""Campaigns: held comments that share a trait, to be decided with one press.

The traits are those of repetition, whose keys are stored with each queue item, and the whole text. So nothing is
computed again to find the campaigns of all held comments.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.moderating import ActResult, act
from moderation.actions.repetition import traits_by_key
from moderation.actions.services import Services
from moderation.domain.authors import AuthorFact, Standing
from moderation.domain.decision import LabelOrigin, Moderator
from moderation.domain.errors import NotFound
from moderation.domain.people import SiteScope
from moderation.domain.queue import ListedComment, SeenComment, Verb
from moderation.features.parsed_comment import ParsedComment
from moderation.features.traits import Trait
from moderation.scoring.campaigns import MIN_SIZE, TraitKeys, look_like_ham, unpack_keys
from moderation.storage import author_rules, campaigns, queue_lists
from moderation.storage.campaigns import Member, OpenItem
from moderation.storage.engine import read_transaction

MAX_GROUPED = 50_000
"""Held comments among which campaigns are found, the newest ones."""
MAX_MEMBERS = 1_000
"""Comments of a campaign that one press decides, the newest ones."""
EXCERPT_LENGTH = 4_000
"""Code points of each field of a comment that a list of members reads."""

_MAX_EXAMPLES = 3
"""Members that are parsed to name the trait of a campaign: a text may be longer than its excerpt."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Held comments with one trait. `key` names it; `trait` is `None` if no excerpt of a comment has it.

    `first_seen` and `last_seen` are times of the queue, and `example` is the newest comment.
    """

    key: int
    trait: Trait | None
    size: int
    site_urls: Sequence[str]
    first_seen: datetime
    last_seen: datetime
    example: ListedComment


class LeftOut(NamedTuple):
    """A member that looks like ham, and the sentence that says why."""

    comment: ListedComment
    reason: str


class CampaignAct(NamedTuple):
    """What a press on a campaign changed, and the trait of the campaign."""

    result: ActResult
    trait: Trait | None


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A campaign as a person decides it.

    - `newest`: the number of the newest queue item. `deciding`: how many members a press decides.
    - `shown`: a page of these, newest first. `older`: where the next page begins, `None` on the last one.
    - `left_out`: the newest members that look like ham, of `left_out_count`.
    - `others`: the number of older members beyond `MAX_MEMBERS`.
    - `names`, `texts`: how many different names and texts the members have. `lowest`, `highest`: their scores.
    - `ham_labels`, `spam_labels`: the labels in force on comments with the trait.
    """

    campaign: Campaign
    newest: int
    deciding: int
    shown: Sequence[ListedComment]
    older: int | None
    left_out: Sequence[LeftOut]
    left_out_count: int
    others: int
    names: int
    texts: int
    lowest: float
    highest: float
    ham_labels: int
    spam_labels: int


def list_campaigns(services: Services, limit: int) -> list[Campaign]:
    """Return the largest campaigns among the newest `MAX_GROUPED` held comments, the largest first."""
    with read_transaction(services.engine) as connection:
        items = campaigns.open_items(connection, MAX_GROUPED)
        found = TraitKeys([item.keys for item in items]).find_campaigns(limit)
        return _describe(services, connection, [(each.key, [items[place] for place in each.places]) for each in found])


def read_campaign(services: Services, key: int, after: int | None, limit: int) -> CampaignPage:
    """Return a campaign with `limit` of its members, those with queue items of a number below `after`.

    Raises `NotFound` if fewer than two held comments have the trait.
    """
    with read_transaction(services.engine) as connection:
        items = _items(connection, key)
        if len(items) < MIN_SIZE:
            raise NotFound("This campaign is over: fewer than two held comments have its trait.")
        (campaign,) = _describe(services, connection, [(key, items)])
        members = campaigns.find_members(connection, [item.id for item in items[:MAX_MEMBERS]])
        doubts = _doubts(services, connection, key, members, items)
        deciding = [member for member in members if member.item_id not in doubts]
        following = [member for member in deciding if after is None or member.item_id < after]
        shown = following[:limit]
        doubtful = [member for member in members if member.item_id in doubts][:limit]
        listed = _listed(connection, services.scope, [*shown, *doubtful])
        ham, spam = campaigns.count_labels(connection, [key]).get(key, (0, 0))
    return CampaignPage(
        campaign=campaign,
        newest=items[0].id,
        deciding=len(deciding),
        older=shown[-1].item_id if len(following) > limit else None,
        left_out_count=len(doubts),
        shown=[listed[member.decision_id] for member in shown if member.decision_id in listed],
        left_out=[
            LeftOut(listed[member.decision_id], doubts[member.item_id])
            for member in doubtful
            if member.decision_id in listed
        ],
        others=max(0, len(items) - MAX_MEMBERS),
        names=len({member.author for member in members if member.author}),
        texts=len({member.content_hash for member in members}),
        lowest=min((member.probability for member in members), default=0.0),
        highest=max((member.probability for member in members), default=0.0),
        ham_labels=ham,
        spam_labels=spam,
    )


def find_largest(services: Services, decision_id: str) -> int | None:
    """Return the key of the largest campaign of a held comment; `None` if it has none."""
    with read_transaction(services.engine) as connection:
        number = campaigns.item_number(connection, decision_id)
        items = campaigns.open_items(connection, MAX_GROUPED)
    own = [key for item in items if item.id == number for key in unpack_keys(item.keys)]
    keys = TraitKeys([item.keys for item in items])
    sizes = {key: len(keys.places(key)) for key in sorted(own)}
    largest = max(sizes, key=sizes.__getitem__, default=None)
    return largest if largest is not None and sizes[largest] >= MIN_SIZE else None


def decide_campaign(
    services: Services,
    key: int,
    verb: Verb,
    moderator: Moderator,
    *,
    newest: int,
    included: Collection[str] = (),
) -> CampaignAct:
    """Carry out a verb on the members of a campaign that do not look like ham, and on the members `included`.

    `newest` is the number of the newest queue item that the person saw: a later comment is not decided unseen. Raises
    `NotFound` if no held comment has the trait.
    """
    with read_transaction(services.engine) as connection:
        items = [item for item in _items(connection, key) if item.id <= newest][:MAX_MEMBERS]
        members = campaigns.find_members(connection, [item.id for item in items])
        doubts = _doubts(services, connection, key, members, items)
        described = _describe(services, connection, [(key, items)]) if items else []
    chosen = [each for each in members if each.item_id not in doubts or each.decision_id in included]
    if not described or not chosen:
        raise NotFound("This campaign is over: no held comment of it is left to decide.")
    seen = [SeenComment(each.decision_id, 0) for each in chosen]
    result = act(services, seen, verb, moderator, origin=LabelOrigin.BULK)
    return CampaignAct(result, described[0].trait)


def _items(connection: Connection, key: int) -> list[OpenItem]:
    items = campaigns.open_items(connection, MAX_GROUPED)
    return [items[place] for place in TraitKeys([item.keys for item in items]).places(key)]


def _describe(
    services: Services, connection: Connection, found: Sequence[tuple[int, Sequence[OpenItem]]]
) -> list[Campaign]:
    """Return campaigns, each with its items, the newest first."""
    examples = {key: [item.id for item in items[:_MAX_EXAMPLES]] for key, items in found}
    ends = {item.id for _, items in found for item in (items[0], items[-1])}
    times = campaigns.opening_times(connection, ends)
    urls = campaigns.site_urls(connection, {item.site_id for _, items in found for item in items})
    ids = campaigns.decision_ids(connection, {number for numbers in examples.values() for number in numbers})
    listed = {each.id: each for each in queue_lists.find_many(connection, services.scope, ids.values(), EXCERPT_LENGTH)}
    described = []
    for key, items in found:
        shown = [listed[ids[number]] for number in examples[key] if ids.get(number) in listed]
        if shown:
            described.append(
                Campaign(
                    key=key,
                    trait=_find_trait(services, key, shown),
                    size=len(items),
                    site_urls=sorted({urls[item.site_id] for item in items}),
                    first_seen=times[items[-1].id],
                    last_seen=times[items[0].id],
                    example=shown[0],
                )
            )
    return described


def _find_trait(services: Services, key: int, examples: Sequence[ListedComment]) -> Trait | None:
    for example in examples:
        traits = traits_by_key(services.secret, ParsedComment(example.decision.comment), example.site_url)
        if key in traits:
            return traits[key]
    return None


def _doubts(
    services: Services, connection: Connection, key: int, members: Sequence[Member], items: Sequence[OpenItem]
) -> dict[int, str]:
    """Return why members look like ham, by number: a trusted author, an earlier ham label or a low score."""
    keys = {item.id: unpack_keys(item.keys) for item in items}
    labelled = campaigns.count_labels(connection, {each for member in members for each in keys[member.item_id]})
    approved = {each for each, (ham, _) in labelled.items() if ham} - {key}
    trusted = _trusted_facts(services, connection, {member.site_id for member in members})
    texts = _texts_labelled_ham(connection, members)
    low = look_like_ham([member.own_logit for member in members])
    doubts = {}
    for member, is_low in zip(members, low, strict=True):
        if any((member.site_id, *fact) in trusted for fact in member.author_facts.facts):
            doubts[member.item_id] = "The site trusts its author."
        elif (member.site_id, member.content_hash) in texts:
            doubts[member.item_id] = "A person labelled the same text ham."
        elif not approved.isdisjoint(keys[member.item_id]):
            doubts[member.item_id] = "A person labelled a comment with its text, site or contact ham."
        elif is_low:
            doubts[member.item_id] = "It scores far lower than the others."
    return doubts


def _trusted_facts(
    services: Services, connection: Connection, site_ids: Collection[int]
) -> set[tuple[int, AuthorFact, str]]:
    """Return the facts by which sites trust authors now, each with its site."""
    now = services.clock()
    return {
        (site_id, rule.fact, rule.value)
        for site_id in site_ids
        for rule in author_rules.list_of_site(connection, site_id)
        if rule.standing is Standing.TRUSTED and not rule.is_expired(now)
    }


def _texts_labelled_ham(connection: Connection, members: Sequence[Member]) -> set[tuple[int, bytes]]:
    """Return the texts of members that their site has under a ham label too, each with its site."""
    by_site: dict[int, set[bytes]] = defaultdict(set)
    for member in members:
        by_site[member.site_id].add(member.content_hash)
    return {
        (site_id, content_hash)
        for site_id, hashes in by_site.items()
        for content_hash in campaigns.contents_labelled_ham(connection, site_id, hashes)
    }


def _listed(connection: Connection, scope: SiteScope, members: Sequence[Member]) -> dict[str, ListedComment]:
    ids = [member.decision_id for member in members]
    return {each.id: each for each in queue_lists.find_many(connection, scope, ids, EXCERPT_LENGTH)}
