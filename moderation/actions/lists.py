"""Lists of an operator: change them, read them, and compare a comment with them."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.decision import Reason
from moderation.domain.errors import Conflict, InvalidInput, NotFound
from moderation.domain.lists import DEFAULT_WEIGHT, MAX_ENTRIES, MAX_WEIGHT, ListEntry, OperatorList
from moderation.domain.site import Site
from moderation.features.list_keys import parse_key
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.lists import list_reasons
from moderation.storage import lists
from moderation.storage.engine import read_transaction

_NAME = re.compile(r"\w[\w .-]{0,39}")
_MAX_LINES_NAMED = 5
_COMMENT = "#"


@dataclass(slots=True)
class ParsedLines:
    """The entries of the lines of a list, each once.

    `left_out` has the numbers of the first lines that are no keys, by reason, and `left_out_counts` how many there are.
    """

    entries: tuple[ListEntry, ...] = ()
    repeated: int = 0
    left_out: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    left_out_counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Entries to add to a list, which is created if there is none of this name.

    `url` is its site, `None` for that of an existing list or all sites. `weight` is above zero in logits, `None` for
    that of an existing list or the default. With `allow`, matches are evidence of ham.
    """

    name: str
    entries: Sequence[ListEntry]
    url: str | None = None
    weight: float | None = None
    allow: bool = False


@dataclass(frozen=True, slots=True)
class ListChange:
    """A list before and after a request. `site` is `None` if it is for all sites.

    `added` are the entries that the list lacks, `renewed` those of its entries that get another expiry, as they were.
    """

    before: OperatorList | None
    after: OperatorList
    site: Site | None
    added: Sequence[ListEntry]
    renewed: Sequence[ListEntry]
    known: int


def find_reasons(services: Services, site: Site, parsed: ParsedComment, *, spans: bool = False) -> list[Reason]:
    """Return the reasons of the lists that match a comment of a site."""
    return list_reasons(services.list_cache.find(site), parsed, services.clock(), spans=spans)


def parse_lines(lines: Iterable[str], *, substring: bool = False, expires_at: datetime | None = None) -> ParsedLines:
    """Return the entries of lines: one key each. Empty lines and comments, which begin with `#`, are skipped.

    Raises `InvalidInput` for more than `MAX_ENTRIES` keys.
    """
    parsed = ParsedLines()
    entries: dict[tuple[str, str], ListEntry] = {}
    for number, line in enumerate(lines, 1):
        stripped = line.strip(" \t\r\n\ufeff")
        if not stripped or stripped.startswith(_COMMENT):
            continue
        try:
            kind, key = parse_key(stripped, substring=substring)
        except InvalidInput as error:
            reason = str(error)
            parsed.left_out_counts[reason] += 1
            if len(parsed.left_out[reason]) < _MAX_LINES_NAMED:
                parsed.left_out[reason].append(number)
            continue
        parsed.repeated += (kind, key) in entries
        entries[kind, key] = ListEntry(kind, key, expires_at)
        if len(entries) > MAX_ENTRIES:
            raise InvalidInput(f"A list has at most {MAX_ENTRIES:,} entries.")
    parsed.entries = tuple(entries.values())
    return parsed


def plan_change(services: Services, request: ListRequest) -> ListChange:
    """Return what a request would change.

    Raises `InvalidInput` for a name or weight that cannot be used, and `NotFound` for an unknown site. Raises
    `Conflict` if the list is one of another site or of the other direction.
    """
    if not _NAME.fullmatch(request.name):
        raise InvalidInput("The name of a list has up to 40 letters, digits, spaces, dots, hyphens and underscores.")
    if request.weight is not None and not (math.isfinite(request.weight) and 0 < request.weight <= MAX_WEIGHT):
        raise InvalidInput(f"A weight is above 0 and at most {MAX_WEIGHT:g}; --allow makes it evidence of ham.")
    with read_transaction(services.engine, slow=True) as connection:
        before = lists.find(connection, request.name)
    url = request.url if request.url is not None or before is None else before.site_url
    site = None if url is None else find_site(services, url)
    return _plan(request, before, site, services.clock())


def save_change(services: Services, request: ListRequest, change: ListChange) -> ListChange:
    """Store a change, all of it or nothing, and return it as it was made. The next comment meets it."""

    def store(connection: Connection) -> ListChange:
        # Read again: another operator may have changed the list meanwhile.
        made = _plan(request, lists.find(connection, request.name), change.site, change.after.created_at)
        after = made.after
        if made.before is None:
            lists.add(connection, after.name, made.site.id if made.site else None, after.weight, after.created_at)
        elif after.weight != made.before.weight:
            lists.set_weight(connection, after.name, after.weight)
        renewed = {(entry.kind, entry.key) for entry in made.renewed}
        again = [entry for entry in request.entries if (entry.kind, entry.key) in renewed]
        lists.replace_entries(connection, after.name, made.renewed, [*made.added, *again])
        return made

    return services.writer.run(store, slow=True)


def show_lists(services: Services) -> list[OperatorList]:
    """Return every list with its entries, by name."""
    with read_transaction(services.engine, slow=True) as connection:
        return lists.list_all(connection)


def get_list(services: Services, name: str) -> OperatorList:
    """Return the list of this name with its entries. Raises `NotFound`."""
    with read_transaction(services.engine, slow=True) as connection:
        return _existing(connection, name)


def remove_list(services: Services, name: str) -> int:
    """Delete a list, and return how many entries it had. Past decisions keep its reasons. Raises `NotFound`."""

    def remove(connection: Connection) -> int:
        _existing(connection, name)
        return lists.remove(connection, name)

    return services.writer.run(remove, slow=True)


def remove_entries(services: Services, name: str, lines: Collection[str]) -> int:
    """Delete entries of a list, all or none, and return how many are left. Raises `NotFound`."""

    def remove(connection: Connection) -> int:
        entries = _existing(connection, name).entries
        wanted = {line: _spellings(line) for line in lines}
        missing = [line for line, keys in wanted.items() if not any(entry.key in keys for entry in entries)]
        if missing:
            raise NotFound(f"The list {name} has no entry {missing[0]}.")
        gone = [entry for entry in entries if any(entry.key in keys for keys in wanted.values())]
        lists.replace_entries(connection, name, gone, [])
        return len(entries) - len(gone)

    return services.writer.run(remove, slow=True)


def _existing(connection: Connection, name: str) -> OperatorList:
    found = lists.find(connection, name)
    if found is None:
        raise NotFound(f"There is no list named {name}.")
    return found


def _spellings(line: str) -> set[str]:
    """Return the keys that a line names: itself, and its canonical forms."""
    spellings = {line}
    for substring in (False, True):
        try:
            spellings.add(parse_key(line.strip(), substring=substring)[1])
        except InvalidInput:
            continue
    return spellings


def _plan(request: ListRequest, before: OperatorList | None, site: Site | None, now: datetime) -> ListChange:
    url = site.url if site else None
    if before and before.site_url != url:
        owner = before.site_url or "all sites"
        raise Conflict(f"The list {before.name} is one of {owner}; choose another name for another site.")
    if before and request.allow and not before.allows:
        raise Conflict(f"The list {before.name} does not allow; choose another name for a list that allows.")
    weight = request.weight or (abs(before.weight) if before else DEFAULT_WEIGHT)
    sign = -1 if request.allow or (before and before.allows) else 1
    stored = {(entry.kind, entry.key): entry for entry in before.entries} if before else {}
    asked = {(entry.kind, entry.key): entry for entry in request.entries}
    added = [entry for name, entry in asked.items() if name not in stored]
    renewed = [stored[name] for name, entry in asked.items() if name in stored and stored[name] != entry]
    entries = tuple((stored | asked).values())
    if len(entries) > MAX_ENTRIES:
        raise InvalidInput(f"A list has at most {MAX_ENTRIES:,} entries.")
    after = replace(
        before or OperatorList(request.name, url, weight, now), weight=sign * weight, entries=entries, is_active=True
    )
    return ListChange(before, after, site, added, renewed, len(asked) - len(added))
