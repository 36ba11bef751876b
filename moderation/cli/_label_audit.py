"""Audit the labels of a site and store the result for a second look in the queue."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from moderation.actions.labelling import read_labelled
from moderation.actions.second_look import store_findings
from moderation.actions.services import Services
from moderation.domain.decision import LabelValue
from moderation.domain.queue import Finding
from moderation.domain.site import Site
from moderation.training.label_audit import DoubtfulLabel, audit_labels


class SiteAudit(NamedTuple):
    """The labelled comments of a site, and the doubtful ones by their places, the most doubtful first."""

    labelled: Sequence[Any]
    doubtful: Sequence[DoubtfulLabel]


def audit_site(services: Services, site: Site) -> SiteAudit:
    """Audit the labels of a site, and store the findings in place of those of earlier audits.

    Raises `InvalidInput` if cleanlab is missing.
    """
    labelled = list(read_labelled(services, site))
    spam = np.array([one.value is LabelValue.SPAM for one in labelled], dtype=bool)
    doubtful = audit_labels(services.live_model.get(), [one.comment for one in labelled], spam)
    store_findings(services, site, [_finding(label, [labelled[place] for place in label.places]) for label in doubtful])
    return SiteAudit(labelled, doubtful)


def _finding(doubtful: DoubtfulLabel, labelled: Sequence[Any]) -> Finding:
    one, *others = labelled
    right = doubtful.probability
    probability = right if right is None or one.value is LabelValue.SPAM else 1 - right
    return Finding(one.comment_id, one.label_id, probability, others[0].comment_id if others else None, len(others))
