"""Store sites and digests of their keys. A removed site keeps its rows, and its URL may be added again."""

import json
from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.budget import Budget, RolloutMode
from moderation.domain.errors import Conflict
from moderation.domain.people import SiteScope
from moderation.domain.retention import Retention
from moderation.domain.site import AkismetReviewSettings, OnError, PluginState, ReviewAction, Site
from moderation.domain.thresholds import Thresholds
from moderation.storage import calibrations, installation
from moderation.storage.prepared import read_value
from moderation.storage.tables import installation as installation_table
from moderation.storage.tables import keys, sites

_REMOVED = select(sites.c.id).where(sites.c.removed_at.is_not(None))
_SITE_CACHE_SIZE = 1_000
_VERSION = "SELECT sites_version FROM installation"

_LISTS_VERSION = select(installation_table.c.lists_version).scalar_subquery().label("lists_version")
_COLUMNS = (*(column.label(f"site_{column.name}") for column in sites.c), _LISTS_VERSION, *calibrations.COLUMNS)
_ACTIVE = select(*_COLUMNS).select_from(calibrations.SITES_WITH_NEWEST).where(sites.c.removed_at.is_(None))
# Built once: this query runs for every request of a site.
_BY_KEY = (
    select(*_COLUMNS)
    .select_from(calibrations.SITES_WITH_NEWEST.join(keys, keys.c.site_id == sites.c.id))
    .where(keys.c.digest == bindparam("digest"), keys.c.retired_at.is_(None), sites.c.removed_at.is_(None))
)


class RejectedOrigin(NamedTuple):
    """A site, and the origin of the callback that its blog's plugin sent although it is not the site's."""

    site_url: str
    origin: str


def add(connection: Connection, url: str, at: datetime) -> Site:
    """Store a new site without thresholds. Raises `Conflict` if an active site has this URL."""
    try:
        row = {"url": url, "created_at": at}
        site_id = connection.execute(insert(sites).returning(sites.c.id), row).scalar_one()
    except IntegrityError:
        raise Conflict("A site with this address exists already.") from None
    return Site(id=site_id, url=url, thresholds=None, created_at=at)


def active(connection: Connection) -> list[Site]:
    """Return every site that was not removed, in the order of their URLs."""
    return [_from_row(row) for row in connection.execute(_ACTIVE.order_by(sites.c.url))]


def in_scope(site_id: ColumnElement[int], scope: SiteScope) -> ColumnElement[bool]:
    """Return the condition that a column names an active site of the scope."""
    is_active = site_id.not_in(_REMOVED)
    return is_active if scope.ids is None else and_(site_id.in_(sorted(scope.ids)), is_active)


def find(connection: Connection, url: str) -> Site | None:
    """Return the active site with this URL."""
    row = connection.execute(_ACTIVE.where(sites.c.url == url)).first()
    return None if row is None else _from_row(row)


def find_by_id(connection: Connection, site_id: int) -> Site | None:
    """Return the active site with this id."""
    row = connection.execute(_ACTIVE.where(sites.c.id == site_id)).first()
    return None if row is None else _from_row(row)


def find_by_key(connection: Connection, digest: str) -> Site | None:
    """Return the active site that has an active key with this digest."""
    row = connection.execute(_BY_KEY, {"digest": digest}).first()
    return None if row is None else _from_row(row)


def version(connection: Connection) -> str:
    """Return the text that changes with every change of a site, a key, a calibration or a list."""
    return str(read_value(connection, _VERSION))


def remove(connection: Connection, site_id: int, at: datetime) -> None:
    """Mark the site as removed; its rows stay, without the key of its plugin and the secret of Coral."""
    secrets = dict.fromkeys(("encrypted_plugin_key", "plugin_callback", "encrypted_coral_secret"), "")
    _update(connection, site_id, removed_at=at, **secrets)


def set_thresholds(connection: Connection, site_id: int, thresholds: Thresholds | None) -> None:
    """Set the site's own thresholds, or delete them with `None`."""
    review, spam, discard = astuple(thresholds) if thresholds else (None, None, None)
    _update(connection, site_id, review_threshold=review, spam_threshold=spam, discard_threshold=discard)


def set_type_thresholds(connection: Connection, site_id: int, type_thresholds: Mapping[str, Thresholds]) -> None:
    """Replace the thresholds that the site has for single comment types."""
    packed = {comment_type: astuple(thresholds) for comment_type, thresholds in type_thresholds.items()}
    _update(connection, site_id, type_thresholds=json.dumps(packed))


def set_akismet_review(connection: Connection, site_id: int, akismet_review: AkismetReviewSettings) -> None:
    """Set how the site's Akismet client keeps comments that await review."""
    _update(
        connection,
        site_id,
        review_action=akismet_review.action.value,
        hold_seconds=akismet_review.hold_seconds,
        private_callback=akismet_review.private_callback,
        vouches_for_authors=akismet_review.vouches_for_authors,
    )


def set_on_error(connection: Connection, site_id: int, on_error: OnError) -> None:
    """Set the site's answer for comments that cannot be judged."""
    _update(connection, site_id, on_error=on_error.value)


def set_coral_secret(connection: Connection, site_id: int, encrypted_secret: str) -> None:
    """Set the signing secret of the site's moderation phase in Coral, empty without one."""
    _update(connection, site_id, encrypted_coral_secret=encrypted_secret)


def set_plugin(connection: Connection, site_id: int, plugin: PluginState, encrypted_key: str) -> None:
    """Set what the blog's plugin sent last."""
    _update(
        connection,
        site_id,
        plugin_key_digest=plugin.key_digest,
        rejected_origin=plugin.rejected_origin,
        plugin_callback=plugin.callback,
        encrypted_plugin_key=encrypted_key,
    )


def list_rejected_origins(connection: Connection, scope: SiteScope, limit: int) -> list[RejectedOrigin]:
    """Return at most `limit` sites of the scope whose blogs could hold comments, but for their callbacks' origin."""
    statement = (
        select(sites.c.url, sites.c.rejected_origin)
        .where(
            in_scope(sites.c.id, scope),
            sites.c.rejected_origin != "",
            sites.c.review_action == ReviewAction.HOLD.value,
        )
        .order_by(sites.c.url)
        .limit(limit)
    )
    return [RejectedOrigin(*row) for row in connection.execute(statement)]


def set_budget(connection: Connection, site_id: int, budget: Budget | None) -> None:
    """Set the site's own budget, or delete it with `None`."""
    lost, held, confidence, coverage = astuple(budget) if budget else (None, None, None, None)
    _update(connection, site_id, max_lost_rate=lost, max_held_rate=held, confidence=confidence, coverage=coverage)


def set_rollout(connection: Connection, site_id: int, rollout: RolloutMode) -> None:
    """Set how the site advances to the stage `block`."""
    _update(connection, site_id, rollout=rollout.value)


def set_retention(connection: Connection, site_id: int, retention: Retention) -> None:
    """Set what the site keeps of its comments."""
    _update(connection, site_id, retention=retention.to_json())


def add_key(connection: Connection, site_id: int, digest: str, prefix: str, at: datetime) -> None:
    """Store an active key. `prefix` is the beginning of the key, by which people recognize it.

    Raises `Conflict` if an active key has the same digest.
    """
    try:
        row = {"site_id": site_id, "digest": digest, "prefix": prefix, "created_at": at}
        connection.execute(insert(keys), row)
        installation.change_sites_version(connection)
    except IntegrityError:
        raise Conflict("A site uses this key already.") from None


def retire_keys(connection: Connection, site_id: int, keep: int, at: datetime) -> None:
    """Retire the site's active keys except for the newest `keep`."""
    newest = select(keys.c.id).where(keys.c.site_id == site_id, keys.c.retired_at.is_(None)).order_by(keys.c.id.desc())
    retired = list(connection.execute(newest).scalars())[keep:]
    connection.execute(update(keys).where(keys.c.id.in_(retired)).values(retired_at=at))
    installation.change_sites_version(connection)


def _update(connection: Connection, site_id: int, **values: object) -> None:
    connection.execute(update(sites).where(sites.c.id == site_id).values(**values))
    installation.change_sites_version(connection)


# A site is read for every request and seldom changes. Callers share the cached site, so its mapping must not change.
@lru_cache(_SITE_CACHE_SIZE)
def _from_row(values: Row[Any]) -> Site:
    row = values._mapping  # noqa: SLF001  # SQLAlchemy's documented name
    review, max_lost_rate = row["site_review_threshold"], row["site_max_lost_rate"]
    own_types = json.loads(row["site_type_thresholds"])
    return Site(
        id=row["site_id"],
        url=row["site_url"],
        thresholds=None
        if review is None
        else Thresholds(review, row["site_spam_threshold"], row["site_discard_threshold"]),
        created_at=row["site_created_at"],
        type_thresholds={comment_type: Thresholds(*own) for comment_type, own in own_types.items()},
        akismet_review=AkismetReviewSettings(
            ReviewAction(row["site_review_action"]),
            row["site_hold_seconds"],
            row["site_private_callback"],
            row["site_vouches_for_authors"],
        ),
        budget=None
        if max_lost_rate is None
        else Budget(max_lost_rate, row["site_max_held_rate"], row["site_confidence"], row["site_coverage"]),
        on_error=OnError(row["site_on_error"]),
        rollout=RolloutMode(row["site_rollout"]),
        retention=Retention.from_json(row["site_retention"]),
        plugin=PluginState(row["site_plugin_key_digest"], row["site_rejected_origin"], row["site_plugin_callback"]),
        encrypted_coral_secret=row["site_encrypted_coral_secret"],
        stored_calibration=None if row["calibration_id"] is None else calibrations.from_row(row),
        lists_version=row["lists_version"],
    )
