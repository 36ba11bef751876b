"""The contents of the pages of campaigns: plain sentences, and hostile text as safe markup of bounded size."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher

from markupsafe import Markup

from moderation.actions.campaign_rules import rule_key
from moderation.actions.campaigns import MAX_MEMBERS, Campaign, CampaignPage
from moderation.actions.repetition import WHOLE_TEXT
from moderation.domain.queue import ListedComment
from moderation.features.traits import AUTHOR_SITE, CONTACT, LINKED_SITE, TEXT, Trait
from moderation.web.queue.highlight import excerpt

_SENTENCES = {
    TEXT: "nearly the same text",
    WHOLE_TEXT: "the same short text",
    AUTHOR_SITE: "the author's site",
    LINKED_SITE: "a link to",
    CONTACT: "the address or number",
    "": "a trait that their beginnings do not show",
}
_MAX_SITES_NAMED = 5
_MAX_VALUE_BYTES = 200
_MAX_TEXT_BYTES = 800
_MAX_EXAMPLE_BYTES = 240
_MAX_COMPARED = 600
"""Code points of two texts that are compared: the time grows with their product."""
_MARK = Markup('<mark class="differs">{}</mark>')
_WORD = re.compile(r"\s*\S+\s*")


@dataclass(frozen=True, slots=True)
class CampaignView:
    """One campaign: `trait` says what its comments share, and `value` is the site, address or number, if any."""

    key: str
    trait: str
    value: Markup
    size: int
    sites: Sequence[Markup]
    other_sites: int
    first_seen: datetime
    last_seen: datetime
    author: Markup
    text: Markup


@dataclass(frozen=True, slots=True)
class MemberView:
    """One comment of a campaign. Words that the first one shown has not are marked in `text`.

    `doubt` says why the comment looks like ham; empty if it does not.
    """

    id: str
    author: Markup
    site: Markup
    since: datetime
    probability: str
    text: Markup
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class CampaignPageView:
    """A campaign with its members, and the sentences that a person decides by.

    `deciding` is the number of comments that a press decides. `newest` is the number of the newest queue item, and
    `older` the place of the next page. `left_out` are the newest of `left_out_count` members that look like ham.
    `rule` is the domain or mailbox of a rule for the next comments; empty if there can be none.
    """

    campaign: CampaignView
    deciding: int
    newest: int
    older: int | None
    members: Sequence[MemberView]
    left_out: Sequence[MemberView]
    left_out_count: int
    facts: Sequence[str]
    warning: str
    rule: str


def key_text(key: int) -> str:
    """Return the key of a campaign as addresses have it: sixteen hexadecimal digits."""
    return f"{key % 2**64:016x}"


def campaign_view(campaign: Campaign) -> CampaignView:
    """Return the view of a campaign in the list of all."""
    comment, trait = campaign.example.decision.comment, campaign.trait or Trait("", "")
    return CampaignView(
        key=key_text(campaign.key),
        trait=_SENTENCES[trait.kind],
        value=excerpt(trait.value if trait.kind != TEXT else "", _MAX_VALUE_BYTES),
        size=campaign.size,
        sites=[excerpt(url, _MAX_VALUE_BYTES) for url in campaign.site_urls[:_MAX_SITES_NAMED]],
        other_sites=max(0, len(campaign.site_urls) - _MAX_SITES_NAMED),
        first_seen=campaign.first_seen,
        last_seen=campaign.last_seen,
        author=excerpt(comment.author or "", _MAX_VALUE_BYTES),
        text=excerpt(comment.text, _MAX_EXAMPLE_BYTES),
    )


def campaign_page_view(page: CampaignPage) -> CampaignPageView:
    """Return the view of a campaign on its own page."""
    shown = page.shown or [left_out.comment for left_out in page.left_out]
    reference = shown[0].decision.comment.text if shown else ""
    return CampaignPageView(
        campaign=campaign_view(page.campaign),
        deciding=page.deciding,
        newest=page.newest,
        older=page.older,
        left_out_count=page.left_out_count,
        members=[member_view(comment, reference) for comment in page.shown],
        left_out=[member_view(comment, reference, doubt) for comment, doubt in page.left_out],
        facts=_facts(page),
        warning=_warning(page),
        rule=rule_key(page.campaign.trait),
    )


def differing(text: str, reference: str) -> Markup:
    """Return the beginning of a text with the words marked that differ from those of another text."""
    words = _WORD.findall(text[:_MAX_COMPARED])
    others = _WORD.findall(reference[:_MAX_COMPARED])
    matcher = SequenceMatcher(None, [word.strip() for word in others], [word.strip() for word in words], autojunk=False)
    parts: list[Markup] = []
    remaining = _MAX_TEXT_BYTES
    for kind, _, _, start, end in matcher.get_opcodes():
        shown = excerpt("".join(words[start:end]), remaining)
        if start < end and remaining > 0:
            parts.append(shown if kind == "equal" else _MARK.format(shown))
            remaining -= len(parts[-1].encode())
    cut = Markup("…") if len(text) > _MAX_COMPARED and remaining > 0 else Markup()
    return Markup().join(parts) + cut


def member_view(comment: ListedComment, reference: str, doubt: str = "") -> MemberView:
    """Return the view of one comment, with the words marked that the text `reference` lacks."""
    sent = comment.decision.comment
    return MemberView(
        id=comment.id,
        author=excerpt(sent.author or "", _MAX_VALUE_BYTES),
        site=excerpt(comment.site_url, _MAX_VALUE_BYTES),
        since=comment.since,
        probability=f"{100 * comment.decision.score.probability:.0f} % spam",
        text=differing(sent.text, reference),
        doubt=doubt,
    )


def _facts(page: CampaignPage) -> list[str]:
    """Return how the members differ, and how they score."""
    size = min(page.campaign.size, MAX_MEMBERS)
    facts = [
        f"{_counted(page.names, 'different name')} and {_counted(page.texts, 'different text')} in {size:,} comments",
        f"Scores from {100 * page.lowest:.0f} to {100 * page.highest:.0f} % spam",
    ]
    if page.others:
        facts.append(f"{page.others:,} older ones follow when these are decided")
    return facts


def _warning(page: CampaignPage) -> str:
    """Return a sentence about earlier labels that speak against spam; empty without any."""
    if not page.ham_labels:
        return ""
    ham, spam = _counted(page.ham_labels, "comment"), _counted(page.spam_labels, "comment")
    return f"People labelled {ham} with this ham, and {spam} spam."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
