"""Remove the history of a site, such as one that was imported under the wrong site: the state is as before the imports.

The log of labels stays append-only. So a comment that an import labelled keeps its row, and its label is withdrawn.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from moderation.actions.labelling import apply_withdrawal
from moderation.actions.rollout import RolloutStatus, recalibrate_anew
from moderation.actions.services import Services
from moderation.domain.decision import Label
from moderation.domain.errors import NotFound
from moderation.domain.history import HISTORY_CHANNEL
from moderation.domain.site import Site
from moderation.storage import comments, findings, history, labels
from moderation.storage.locks import lock_comments, lock_site

_BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """What a removal took back: numbers of comments, and the rollout status that follows.

    `history` were in the history, and `deleted` are gone: the others are judged or labelled. `labels` of imports were
    withdrawn, and `second_look` labels of people on comments that only an import brought.
    """

    history: int
    deleted: int
    labels: int
    second_look: int
    rollout: RolloutStatus


class _Undo(Exception):
    """Undoes the transaction of a dry run, and carries its result."""


def remove_history(services: Services, site: Site, *, dry_run: bool = False) -> RemovalResult:
    """Remove all that imports of exports brought to a site, all or nothing, and choose its thresholds again.

    Comments that the service judged, and labels that came through the blog, the queue or a file of labels, stay. A dry
    run does the same and undoes it. Raises `NotFound` if there is nothing to remove.
    """

    def remove(connection: Connection) -> RemovalResult:
        result = _remove(services, connection, site)
        if dry_run:
            raise _Undo(result)
        return result

    try:
        return services.writer.run(remove, slow=True)
    except _Undo as undone:
        result: RemovalResult = undone.args[0]
        return result


def _remove(services: Services, connection: Connection, site: Site) -> RemovalResult:
    lock_site(connection, site.id)
    in_history = history.remove_all(connection, site.id)
    findings.remove_history(connection, site.id)
    unused = comments.list_unused(connection, site.id)
    labelled = labels.list_of_history(connection, site.id)
    if not (in_history or unused or labelled):
        raise NotFound(f"Nothing was imported for {site.url}.")
    deleted = 0
    for start in range(0, len(unused), _BATCH_SIZE):
        batch = unused[start : start + _BATCH_SIZE]
        lock_comments(connection, batch)
        deleted += comments.delete_unused(connection, batch)
    # Before the label log is locked: a transaction that has locked it must not wait for a comment.
    for start in range(0, len(labelled), _BATCH_SIZE):
        lock_comments(connection, [comment_id for comment_id, _ in labelled[start : start + _BATCH_SIZE]])
    withdrawal = Label(None, HISTORY_CHANNEL, HISTORY_CHANNEL, services.clock())
    for comment_id, _ in labelled:
        apply_withdrawal(connection, site.id, comment_id, withdrawal)
    of_imports = sum(channel == HISTORY_CHANNEL for _, channel in labelled)
    return RemovalResult(
        history=in_history,
        deleted=deleted,
        labels=of_imports,
        second_look=len(labelled) - of_imports,
        rollout=recalibrate_anew(services, connection, site),
    )
