"""Whether a blog can keep a comment back until a person has decided."""

from moderation.domain.site import LETTER_TYPES, Callback, ReviewMeans, Site
from moderation.outbound.addresses import callback_fits, may_lead_to_a_blog


def callback_for(site: Site, comment_type: str | None, callback: Callback) -> Callback | None:
    """The callback, where the site's policy is to hold and its blog could be told the outcome there; else `None`."""
    if site.holding.means is not ReviewMeans.HOLD or comment_type in LETTER_TYPES:
        return None
    private = site.holding.private_callback
    fits = callback_fits(callback.url, site.url) and may_lead_to_a_blog(callback.url, private_allowed=private)
    return callback if fits else None
