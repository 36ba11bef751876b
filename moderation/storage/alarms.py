"""Store the alarms of sites, and read the comments that they are about."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select

from moderation.domain.alarms import Alarm, AlarmKind
from moderation.domain.decision import LabelValue
from moderation.domain.people import SiteScope
from moderation.domain.thresholds import Verdict
from moderation.storage.labels import IN_FORCE
from moderation.storage.operator_tables import alarms
from moderation.storage.sites import in_scope
from moderation.storage.tables import comments, decisions, labels, sites

TEXT_LENGTH = 2_000
"""Code points of each text that are read."""


class JudgedComment(NamedTuple):
    """The beginning of a comment with its author's address, its judgement in force and its label."""

    text: str
    url: str | None
    probability: float
    model: str
    verdict: Verdict
    label: LabelValue | None


def newest_judged(connection: Connection, site_id: int, limit: int) -> list[JudgedComment]:
    """Return the site's newest comments that a model judged, newest first, at most `limit`."""
    statement = (
        select(
            func.substr(comments.c.text, 1, TEXT_LENGTH),
            comments.c.url,
            decisions.c.probability,
            decisions.c.model,
            decisions.c.verdict,
            labels.c.value,
        )
        .select_from(
            decisions.join(comments, comments.c.id == decisions.c.comment_id).outerjoin(
                labels, and_(labels.c.comment_id == decisions.c.comment_id, IN_FORCE)
            )
        )
        .where(decisions.c.site_id == site_id, decisions.c.superseded.is_(False), decisions.c.degraded.is_(False))
        .order_by(decisions.c.decided_at.desc())
        .limit(limit)
    )
    return [
        JudgedComment(text, url, probability, model, Verdict(verdict), value and LabelValue(value))
        for text, url, probability, model, verdict, value in connection.execute(statement)
    ]


def find(connection: Connection, site_id: int) -> dict[AlarmKind, str]:
    """Return the sentences of a site's alarms by kind."""
    rows = connection.execute(select(alarms.c.kind, alarms.c.detail).where(alarms.c.site_id == site_id))
    return {AlarmKind(kind): detail for kind, detail in rows}


def put(connection: Connection, site_id: int, details: Mapping[AlarmKind, str], at: datetime) -> None:
    """Store the alarms of a site in the place of earlier ones. An alarm that goes on keeps its time."""
    of_site = alarms.c.site_id == site_id
    since = {row.kind: row.since for row in connection.execute(select(alarms.c.kind, alarms.c.since).where(of_site))}
    connection.execute(delete(alarms).where(of_site))
    rows = [
        {"site_id": site_id, "kind": kind.value, "since": since.get(kind.value, at), "detail": detail}
        for kind, detail in details.items()
    ]
    if rows:
        connection.execute(insert(alarms), rows)


def list_all(connection: Connection, scope: SiteScope) -> list[Alarm]:
    """Return the alarms of the sites of the scope, by site and kind."""
    statement = (
        select(sites.c.url, alarms.c.kind, alarms.c.since, alarms.c.detail)
        .join(sites, sites.c.id == alarms.c.site_id)
        .where(in_scope(sites.c.id, scope))
        .order_by(sites.c.url, alarms.c.kind)
    )
    return [Alarm(url, AlarmKind(kind), since, detail) for url, kind, since, detail in connection.execute(statement)]
