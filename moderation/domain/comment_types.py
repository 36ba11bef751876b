"""The types of comments beside those on a page: private messages, and notices that programs write."""

MESSAGE_TYPES = frozenset({"contact-form", "contact_form", "gravity_form", "message"})
"""Letters to the owner of a site, under the names that clients give them."""
AWAITED_TYPES = frozenset({"signup", "order"})
"""Forms whose sender waits for an account or a purchase."""
PRIVATE_TYPES = MESSAGE_TYPES | AWAITED_TYPES
"""Types that no blog holds, and whose loss only the sender would notice."""
PING_TYPES = frozenset({"pingback", "trackback"})
"""Types that programs write, in their own markup, about another page."""
