"""The second look: labels that an audit doubts, and published comments of imports that the model takes for spam."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from moderation.actions.services import Services
from moderation.domain.queue import Finding
from moderation.domain.site import Site
from moderation.scoring.model import Model
from moderation.storage import findings, history
from moderation.storage.locks import lock_labels


def store_findings(services: Services, site: Site, found: Sequence[Finding]) -> int:
    """Store the findings of an audit of the site's labels, the most doubtful first, in place of those of earlier ones.

    Returns how many are open then. What a person has settled stays settled, as long as the label is in force.
    """

    def store(connection: Connection) -> int:
        # Or a label that another process appends at this moment would leave its finding open.
        lock_labels(connection, site.id)
        return findings.replace(connection, site.id, found, services.clock())

    return services.writer.run(store, slow=True)


def renew_history_findings(connection: Connection, site: Site, model: Model, at: datetime) -> None:
    """Store the unlabelled comments of the site's history at or above the model's own spam threshold."""
    lock_labels(connection, site.id)
    suspicious = history.suspicious(connection, site.id, model.id, model.thresholds.spam)
    findings.remove_history(connection, site.id, open_only=True)
    findings.add_history(connection, site.id, suspicious, at)
