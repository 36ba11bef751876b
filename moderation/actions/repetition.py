"""Repetition: look up where the traits of a comment appeared lately, and store its own appearance with its decision."""

from collections.abc import Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.decision import LabelValue, Reason
from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Site
from moderation.features.links import parse_url
from moderation.features.parsed_comment import ParsedComment
from moderation.features.traits import TEXT, Trait, find_traits
from moderation.scoring.repetition import MAX_APPEARANCES, MINUTES_PER_WEEK, Appearance, TraitHistory, weigh
from moderation.storage import appearances, comments, labels

WHOLE_TEXT = "whole text"
"""The kind of the trait that equal texts share. It is none of repetition: many people write a short text."""

_MINUTES_PER_HOUR = 60
_HASH_LIMIT = 2**16 - 1
_MAX_HASHED_LENGTH = 2_000
_SITE_CACHE_SIZE = 1 << 10


class Repetition(NamedTuple):
    """The evidence from repetition for a comment, the keys of its traits, and its own appearance.

    The remembered appearances of `busy_keys` are all of the last hour: one more would tell nothing new. `campaign_keys`
    are those of `traits_by_key`.
    """

    evidence: Sequence[Reason]
    keys: tuple[int, ...]
    busy_keys: frozenset[int]
    appearance: Appearance
    campaign_keys: tuple[int, ...]


def look_up(services: Services, site: Site, parsed: ParsedComment) -> Repetition:
    """Return the evidence for a comment. Nothing is stored; without a database there is no evidence."""
    minute = int(services.clock().timestamp()) // 60
    page = (parsed.comment.permalink or parsed.comment.context or "").partition("#")[0]
    secret = services.secret
    appearance = Appearance(
        minute, site.id & _HASH_LIMIT, _small_hash(secret, page), _small_hash(secret, parsed.author)
    )
    found_traits = traits_by_key(secret, parsed, site.url)
    traits = {key: trait.kind for key, trait in found_traits.items() if trait.kind != WHOLE_TEXT}
    keys = tuple(traits)
    none = Repetition((), keys, frozenset(), appearance, tuple(found_traits))
    if not keys or site.storage_error:
        return none
    try:
        found = services.kept_connection.read(partial(appearances.find, keys=keys))
    except StorageUnavailable:
        # The write of the decision meets the same error, and the site's `on_error` decides.
        return none
    histories = {key: TraitHistory(traits[key], *stored) for key, stored in found.items()}
    busy = frozenset(key for key, history in histories.items() if _is_busy(history, minute))
    return none._replace(evidence=weigh(histories.values(), appearance), busy_keys=busy)


def traits_by_key(secret: bytes, parsed: ParsedComment, site_url: str) -> dict[int, Trait]:
    """Return the traits by which campaigns are found, by their keys: those of repetition, and the whole of a text.

    Texts with the trait `TEXT` need no other one: equal texts share it.
    """
    traits = {_key(secret, trait): trait for trait in find_traits(parsed, _domain(site_url))}
    if all(trait.kind != TEXT for trait in traits.values()):
        traits[int.from_bytes(parsed.content_hash[:8], "big", signed=True)] = Trait(WHOLE_TEXT, "")
    return traits


def store(connection: Connection, repetition: Repetition) -> None:
    """Store the appearance of a comment's traits, in the transaction of its decision."""
    # A flood then writes no row that all its requests would wait for.
    keys = [key for key in repetition.keys if key not in repetition.busy_keys]
    appearances.add(connection, keys, repetition.appearance)


def count_label(connection: Connection, comment_id: int, value: LabelValue | None) -> None:
    """Count a label that is about to come into force, in place of the comment's earlier one, for its traits."""
    keys = comments.trait_keys(connection, comment_id)
    if not keys:
        return
    last = labels.last(connection, comment_id)
    before = last.value if last else None
    ham, spam = ((value is counted) - (before is counted) for counted in (LabelValue.HAM, LabelValue.SPAM))
    if ham or spam:
        appearances.count_labels(connection, keys, ham, spam)


def purge_appearances(services: Services) -> None:
    """Remove appearances that are older than a week. In many short writes, so that decisions can be stored between."""
    for number in range(appearances.N_SLICES):
        while services.writer.run(partial(_purge_slice, services, number)):
            pass


def _purge_slice(services: Services, number: int, connection: Connection) -> bool:
    minute = int(services.clock().timestamp()) // 60
    return appearances.purge(connection, number, minute, MINUTES_PER_WEEK)


def _is_busy(history: TraitHistory, minute: int) -> bool:
    seen = history.appearances
    return len(seen) == MAX_APPEARANCES and abs(minute - seen[-1].minute) < _MINUTES_PER_HOUR


def _key(secret: bytes, trait: Trait) -> int:
    """Return the key of a trait: 64 bits of a keyed hash, from which no word, address or number can be found."""
    encoded = f"{trait.kind}\n{trait.value[:_MAX_HASHED_LENGTH]}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(encoded, digest_size=8, key=secret).digest(), "big", signed=True)


def _small_hash(secret: bytes, text: str) -> int:
    """Return a keyed hash of 16 bits above zero; zero for an empty text."""
    encoded = text[:_MAX_HASHED_LENGTH].encode("utf-8", "surrogatepass")
    digest = blake2b(encoded, digest_size=4, key=secret).digest()
    return 1 + int.from_bytes(digest, "big") % _HASH_LIMIT if text else 0


@lru_cache(_SITE_CACHE_SIZE)
def _domain(site_url: str) -> str | None:
    link = parse_url(site_url)
    return link.domain if link else None
