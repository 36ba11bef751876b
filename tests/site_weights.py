"""What the labels of a site have taught, for tests that compare it before and after."""

from collections.abc import Sequence

from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from moderation.storage.site_weights_cache import SiteWeightsCache

_THRESHOLDS = Thresholds(0.5, 0.9, 0.99)


def learnt(services: Services, site: Site, probes: Sequence[Comment]) -> tuple[list[bytes], list[float]]:
    """Return the lessons of a process that reads all labels now, and the exact logits that they give to comments."""
    model = services.live_model.current()
    weights = SiteWeightsCache(services.engine, services.kept_connection).find(site, model)
    scores = [
        score(model, ParsedComment(probe), site_weights=weights, thresholds_of=lambda _: _THRESHOLDS)
        for probe in probes
    ]
    lessons = [lesson.features.row + bytes([lesson.is_spam]) for lesson in weights.lessons] if weights else []
    return lessons, [each.logit for each in scores]
