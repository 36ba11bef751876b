"""The blogs that send comments. A removed one keeps its rows; its address may be used again."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.budget import Budget
from moderation.domain.errors import Conflict
from moderation.domain.policy import Policy
from moderation.domain.site import Holding, ReviewMeans, Site
from moderation.storage import standings
from moderation.storage.tables import sites

FIELDS = (
    sites.c.id.label("site_id"),
    sites.c.url.label("site_url"),
    sites.c.review_line.label("site_review_line"),
    sites.c.spam_line.label("site_spam_line"),
    sites.c.discard_line.label("site_discard_line"),
    sites.c.type_lines.label("site_type_lines"),
    sites.c.review_means.label("site_review_means"),
    sites.c.hold_seconds.label("site_hold_seconds"),
    sites.c.private_callback.label("site_private_callback"),
    sites.c.lost_at_most.label("site_lost_at_most"),
    sites.c.held_at_most.label("site_held_at_most"),
    sites.c.confidence.label("site_confidence"),
    sites.c.created_at.label("site_created_at"),
    *standings.FIELDS,
)
"""What `from_row` reads; the newest standing must be joined in."""

WITH_STANDING = standings.newest_of_site()
"""What `FIELDS` are selected from."""

_ADD = insert(sites).returning(sites.c.id)
_LIVING = select(*FIELDS).select_from(WITH_STANDING).where(sites.c.removed_at.is_(None))
_ALL = _LIVING.order_by(sites.c.url)
_BY_URL = _LIVING.where(sites.c.url == bindparam("wanted_url"))
_ONE = sites.c.id == bindparam("wanted_id")
_REMOVE = update(sites).where(_ONE).values(removed_at=bindparam("at"))
_SET_LINES = (
    update(sites)
    .where(_ONE)
    .values(review_line=bindparam("review"), spam_line=bindparam("spam"), discard_line=bindparam("discard"))
)
_SET_TYPE_LINES = update(sites).where(_ONE).values(type_lines=bindparam("lines"))
_SET_HOLDING = (
    update(sites)
    .where(_ONE)
    .values(review_means=bindparam("means"), hold_seconds=bindparam("seconds"), private_callback=bindparam("private"))
)
_SET_BUDGET = (
    update(sites)
    .where(_ONE)
    .values(lost_at_most=bindparam("lost"), held_at_most=bindparam("held"), confidence=bindparam("sure"))
)
_LOCK = select(sites.c.id).where(_ONE).with_for_update()


def add(connection: Connection, url: str, at: datetime) -> Site:
    """A new site without lines of its own; `Conflict` when a living one has the address."""
    try:
        site_id = connection.execute(_ADD, {"url": url, "created_at": at}).scalar_one()
    except IntegrityError:
        raise Conflict("A site with this address is there already.") from None
    return Site(id=site_id, url=url, policy=None, created_at=at)


def living(connection: Connection) -> list[Site]:
    """Every site that was not removed, by address."""
    return [from_row(row) for row in connection.execute(_ALL).mappings()]


def find(connection: Connection, url: str) -> Site | None:
    """The living site with this address."""
    row = connection.execute(_BY_URL, {"wanted_url": url}).mappings().first()
    return None if row is None else from_row(row)


def remove(connection: Connection, site_id: int, at: datetime) -> None:
    """Takes the site out of the living; its rows stay."""
    connection.execute(_REMOVE, {"wanted_id": site_id, "at": at})


def set_lines(connection: Connection, site_id: int, policy: Policy | None) -> None:
    """Gives the site its own lines, or (`None`) takes them away again."""
    review, spam, discard = (policy.review, policy.spam, policy.discard) if policy else (None, None, None)
    connection.execute(_SET_LINES, {"wanted_id": site_id, "review": review, "spam": spam, "discard": discard})


def set_type_lines(connection: Connection, site_id: int, policies: Mapping[str, Policy]) -> None:
    """Gives some types of comment lines of their own, in place of those that were given before."""
    lines = {kind: [policy.review, policy.spam, policy.discard] for kind, policy in policies.items()}
    connection.execute(_SET_TYPE_LINES, {"wanted_id": site_id, "lines": json.dumps(lines)})


def set_holding(connection: Connection, site_id: int, holding: Holding) -> None:
    """Says how the site's Akismet client keeps what waits for a person."""
    values = {"means": holding.means.value, "seconds": holding.seconds, "private": holding.private_callback}
    connection.execute(_SET_HOLDING, {"wanted_id": site_id, **values})


def set_budget(connection: Connection, site_id: int, budget: Budget | None) -> None:
    """Gives the site its own budget, or (`None`) takes it away again."""
    lost, held, sure = (budget.lost, budget.held, budget.confidence) if budget else (None, None, None)
    connection.execute(_SET_BUDGET, {"wanted_id": site_id, "lost": lost, "held": held, "sure": sure})


def lock(connection: Connection, site_id: int) -> None:
    """Lets nobody else lock the site until the transaction ends."""
    connection.execute(_LOCK, {"wanted_id": site_id})


def from_row(row: RowMapping) -> Site:
    """The site of a row that was selected with `FIELDS`."""
    lines = (row["site_review_line"], row["site_spam_line"], row["site_discard_line"])
    shares = (row["site_lost_at_most"], row["site_held_at_most"], row["site_confidence"])
    return Site(
        id=row["site_id"],
        url=row["site_url"],
        policy=None if lines[0] is None else Policy(*lines),
        created_at=row["site_created_at"],
        type_policies={kind: Policy(*own) for kind, own in json.loads(row["site_type_lines"]).items()},
        holding=Holding(ReviewMeans(row["site_review_means"]), row["site_hold_seconds"], row["site_private_callback"]),
        budget=None if shares[0] is None else Budget(*shares),
        earned=standings.from_row(row),
    )
