"""Who may call and who may decide: sites with their keys, moderators with their passwords."""

import hmac
import re
import secrets
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection

from moderation.actions.desk import Desk
from moderation.domain.errors import InputRefused, NotFound, NotSignedIn
from moderation.domain.policy import Policy
from moderation.domain.site import Holding, Moderator, Site, normal_url
from moderation.storage import keys, moderators, sites
from moderation.storage.engine import reading, writing

LIVE_KEYS = 2
"""How many keys of a site work at once: the newest, and the one that a blog may still have configured."""

MIN_PASSWORD = 8
"""Characters."""

_KEY = re.compile(r"[0-9a-f]{12}")
_TYPE = re.compile(r"[\w-]{1,50}", re.ASCII)
_HASHER = PasswordHasher()


def add_site(desk: Desk, url: str, key: str | None = None) -> tuple[Site, str]:
    """Lets a blog in: the site and its key, which is shown only here; `key` brings one of 12 hex digits along.

    Raises `InputRefused` for an address or a key that cannot be used, `Conflict` when either is taken.
    """
    address = normal_url(url)
    new_key = _mint() if key is None else _checked_key(key)
    now = desk.clock()
    with writing(desk.engine) as connection:
        site = sites.add(connection, address, now)
        keys.add(connection, site.id, _digest(desk, new_key), new_key[:4], now)
    return site, new_key


def admit_first(desk: Desk, url: str, name: str, password: str) -> tuple[Site, str] | None:
    """Lets a first blog and a first moderator in, together or not at all; the site and its key.

    `None`, and nothing changes, where there is a site or a moderator already. Raises `InputRefused`.
    """
    address, new_key = normal_url(url), _mint()
    _check_name(name)
    password_hash = _hash(password)
    now = desk.clock()
    with writing(desk.engine) as connection:
        if sites.living(connection) or moderators.everyone(connection):
            return None
        moderators.add(connection, name, password_hash, now)
        site = sites.add(connection, address, now)
        keys.add(connection, site.id, _digest(desk, new_key), new_key[:4], now)
    return site, new_key


def list_sites(desk: Desk) -> list[Site]:
    """Every site that was not removed, by address."""
    with reading(desk.engine) as connection:
        return sites.living(connection)


def find_site(desk: Desk, url: str) -> Site:
    """The site with this address, however it is written; `NotFound` when there is none."""
    with reading(desk.engine) as connection:
        return _site(connection, url)


def rotate_key(desk: Desk, url: str) -> str:
    """A new key for the site, shown only here. The key before it stays live until the next rotation."""
    new_key = _mint()
    now = desk.clock()
    with writing(desk.engine) as connection:
        site = _site(connection, url)
        keys.add(connection, site.id, _digest(desk, new_key), new_key[:4], now)
        keys.retire_all_but(connection, site.id, LIVE_KEYS, now)
    return new_key


def remove_site(desk: Desk, url: str) -> None:
    """Shuts a blog out: its keys stop working at once, what it sent and what was said of it stays."""
    now = desk.clock()
    with writing(desk.engine) as connection:
        site = _site(connection, url)
        sites.remove(connection, site.id, now)
        keys.retire_all_but(connection, site.id, 0, now)


def set_policy(desk: Desk, url: str, policy: Policy | None) -> Site:
    """Gives the site its own lines, or (`None`) puts it back on the ladder; the site as it is now."""
    with writing(desk.engine) as connection:
        sites.set_lines(connection, _site(connection, url).id, policy)
        return _site(connection, url)


def set_type_policy(desk: Desk, url: str, comment_type: str, policy: Policy | None) -> Site:
    """Gives one type of comment lines of its own, or (`None`) takes them away; the site as it is now.

    Raises `InputRefused` for a type that is empty or no plain word.
    """
    if not _TYPE.fullmatch(comment_type):
        raise InputRefused("A type of comment is up to 50 letters, digits, hyphens or underscores.")
    with writing(desk.engine) as connection:
        site = _site(connection, url)
        kept = {kind: own for kind, own in site.type_policies.items() if kind != comment_type}
        sites.set_type_lines(connection, site.id, kept if policy is None else {**kept, comment_type: policy})
        return _site(connection, url)


def set_holding(desk: Desk, url: str, holding: Holding) -> Site:
    """Says how the site's Akismet client keeps what waits for a person; the site as it is now."""
    with writing(desk.engine) as connection:
        sites.set_holding(connection, _site(connection, url).id, holding)
        return _site(connection, url)


def site_of_key(desk: Desk, key: str) -> Site:
    """The site that a key belongs to; `NotSignedIn` when it is none, retired, or of a removed site.

    The look-up is by a keyed digest, so its timing tells nothing about the keys that would work.
    """
    candidate = key.lower()
    if _KEY.fullmatch(candidate):
        with reading(desk.engine) as connection:
            site = keys.site_of(connection, _digest(desk, candidate))
        if site is not None:
            return site
    raise NotSignedIn("This key opens no site.")


def add_moderator(desk: Desk, name: str, password: str) -> Moderator:
    """A person who may decide. Raises `InputRefused` for a name or password that will not do, `Conflict` when taken."""
    _check_name(name)
    password_hash = _hash(password)
    with writing(desk.engine) as connection:
        return moderators.add(connection, name, password_hash, desk.clock())


def list_moderators(desk: Desk) -> list[Moderator]:
    """All moderators, by name."""
    with reading(desk.engine) as connection:
        return moderators.everyone(connection)


def find_moderator(desk: Desk, moderator_id: int) -> Moderator | None:
    """The moderator with this number, unless removed."""
    with reading(desk.engine) as connection:
        return moderators.find(connection, moderator_id)


def reset_password(desk: Desk, name: str, password: str) -> None:
    """Gives the moderator another password. Raises `NotFound`, or `InputRefused` when it is too short."""
    password_hash = _hash(password)
    with writing(desk.engine) as connection:
        if not moderators.set_hash(connection, name, password_hash):
            raise NotFound("There is no moderator with this name.")


def remove_moderator(desk: Desk, name: str) -> None:
    """Shuts a moderator out; the labels they gave keep their name. Raises `NotFound`."""
    with writing(desk.engine) as connection:
        if not moderators.remove(connection, name):
            raise NotFound("There is no moderator with this name.")


def sign_in(desk: Desk, name: str, password: str) -> Moderator:
    """The moderator with this name and password; `NotSignedIn`, in like time, when either is wrong."""
    with reading(desk.engine) as connection:
        found = moderators.find_with_hash(connection, name)
    if found is None:
        # Hashing costs what verifying costs: the clock must not tell which names exist.
        _HASHER.hash(_bytes(password))
    elif _verifies(found[1], password):
        return found[0]
    raise NotSignedIn("The name or the password is wrong.")


def _site(connection: Connection, url: str) -> Site:
    site = sites.find(connection, normal_url(url))
    if site is None:
        raise NotFound("There is no site with this address.")
    return site


def _mint() -> str:
    return secrets.token_hex(6)


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key.lower()):
        raise InputRefused("A key is 12 hexadecimal digits.")
    return key.lower()


def _digest(desk: Desk, key: str) -> str:
    return hmac.new(desk.secret, key.encode(), sha256).hexdigest()


def _check_name(name: str) -> None:
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= 100:
        raise InputRefused("A moderator's name is 1 to 100 printable characters without spaces around it.")


def _hash(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise InputRefused(f"A password needs at least {MIN_PASSWORD} characters.")
    return _HASHER.hash(_bytes(password))


def _verifies(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, _bytes(password))
    except VerificationError:
        return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
