"""The types of comments beside those on a page: private messages, and notices that programs write."""

MESSAGE_TYPES = frozenset({"contact-form", "contact_form", "gravity_form", "message"})
"""Letters to the owner of a site, under the names that clients give them."""
AWAITED_TYPES = frozenset({"signup", "order"})
"""Forms whose sender waits for an account or a purchase."""
PRIVATE_TYPES = MESSAGE_TYPES | AWAITED_TYPES
"""Types that no blog holds, and whose loss only the sender would notice."""
PING_TYPES = frozenset({"pingback", "trackback"})
"""Types that programs write, in their own markup, about another page whose title stands for a name."""
MENTION_TYPES = frozenset({"webmention", "mention"})
"""Webmentions with the title or summary of a person's page."""
REACTION_TYPES = frozenset(
    ("like", "favorite", "repost", "bookmark", "follow", "listen", "watch", "read", "tag", "reacji", "invite")
) | {f"rsvp:{answer}" for answer in ("yes", "no", "maybe", "interested")}
"""Webmentions that tell what a person did with a page, without words of that person.

The names of webmentions are those of WordPress's plugin Webmention (5.3) and its predecessor Semantic-Linkbacks (3.10).
"""
LINKBACK_TYPES = PING_TYPES | MENTION_TYPES | REACTION_TYPES
"""All types that programs write about other pages."""
