"""What a shadow candidate would have decided: small counts for each site, and the last decisions that differ."""

import json
from collections import Counter

from sqlalchemy import Connection, delete, insert, select

from moderation.domain.shadow import ShadowCounts
from moderation.domain.thresholds import Verdict
from moderation.storage.operator_tables import shadow

MAX_CHANGED = 200
"""Differing decisions that are kept for each site, the last ones."""


def find(connection: Connection, site_id: int) -> ShadowCounts | None:
    """Return the counts of a site, of any candidate."""
    row = connection.execute(select(shadow).where(shadow.c.site_id == site_id)).mappings().first()
    if row is None:
        return None
    counts = {(Verdict(before), Verdict(after)): count for before, after, count in json.loads(row["counts"])}
    changed = [(decision_id, Verdict(verdict)) for decision_id, verdict in json.loads(row["changed"])]
    place = (row["site_id"], row["model"], row["started_at"], row["decided_at"], row["decision_id"])
    return ShadowCounts(*place, Counter(counts), changed)


def put(connection: Connection, each: ShadowCounts) -> None:
    """Store the counts of a site in the place of earlier ones."""
    connection.execute(delete(shadow).where(shadow.c.site_id == each.site_id))
    row = {
        "site_id": each.site_id,
        "model": each.model,
        "started_at": each.started_at,
        "decided_at": each.decided_at,
        "decision_id": each.decision_id,
        "counts": json.dumps([(*pair, count) for pair, count in each.counts.items()]),
        "changed": json.dumps(each.changed[-MAX_CHANGED:]),
    }
    connection.execute(insert(shadow), row)
