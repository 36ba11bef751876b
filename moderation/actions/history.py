"""The second look at a site's history: published comments that the model takes for spam, and what a person says."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection

from moderation.actions.label_content import read_contents
from moderation.actions.labelling import apply_label
from moderation.actions.rollout import RolloutStatus, recalibrate_anew
from moderation.actions.second_look import renew_history_findings
from moderation.actions.services import Services
from moderation.domain.decision import Label, LabelOrigin, LabelValue
from moderation.domain.errors import NotFound
from moderation.domain.site import Site
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.batches import BATCH_SIZE, parsed_probabilities
from moderation.storage import history
from moderation.storage.engine import read_transaction
from moderation.storage.history import ScoredComment
from moderation.storage.locks import lock_comments, lock_site


class SecondLook(NamedTuple):
    """Published comments at or above the model's spam threshold that no person has labelled, and how many there are."""

    comments: list[ScoredComment]
    total: int
    threshold: float


def second_look(services: Services, site: Site, limit: int) -> SecondLook:
    """Return at most `limit` comments for a second look, the most suspicious first. Raises `ModelUnavailable`.

    The threshold is the model's own, because that of the site follows from these comments.
    """
    model = services.live_model.current()
    threshold = model.thresholds.spam
    with read_transaction(services.engine, slow=True) as connection:
        listed = history.list_suspicious(connection, site.id, model.id, threshold, limit)
        return SecondLook(listed, history.count_suspicious(connection, site.id, model.id, threshold), threshold)


def label_history(
    services: Services, site: Site, comment_ids: Collection[int], value: LabelValue, labelled_by: str, channel: str
) -> RolloutStatus:
    """Label comments of the history, all or none, and choose the site's thresholds again.

    Raises `NotFound` for a number that is no comment of the history of this site.
    """
    contents = read_contents(services, comment_ids)

    def store(connection: Connection) -> RolloutStatus:
        lock_site(connection, site.id)
        missing = history.find_missing(connection, site.id, comment_ids)
        if missing:
            raise NotFound(f"The history of this site has no comment {', '.join(map(str, missing))}.")
        lock_comments(connection, comment_ids)
        origin = LabelOrigin.SINGLE if len(comment_ids) == 1 else LabelOrigin.BULK
        for comment_id in comment_ids:
            label = Label(value, labelled_by, channel, services.clock(), origin)
            apply_label(connection, site, comment_id, label, contents[comment_id])
        return recalibrate_anew(services, connection, site)

    return services.writer.run(store, slow=True)


def rescore_history(services: Services, site: Site) -> bool:
    """Score the next comments of the history with the live model, if another one scored them.

    Returns whether any may be left. Several processes may do this at once.
    """
    model = services.live_model.get()
    if model is None:
        return False
    with read_transaction(services.engine) as connection:
        outdated = history.list_outdated(connection, site.id, model.id, BATCH_SIZE)
    if not outdated:
        return False
    parsed = ParsedComment.parse_batch(comment for _, comment in outdated)
    probabilities = parsed_probabilities(model.for_site(site.url), parsed)
    scored = [(comment_id, probability) for (comment_id, _), probability in zip(outdated, probabilities, strict=True)]

    def store(connection: Connection) -> None:
        history.rescore(connection, model.id, scored)
        if not history.list_outdated(connection, site.id, model.id, 1):
            renew_history_findings(connection, site, model, services.clock())

    services.writer.run(store)
    return True
