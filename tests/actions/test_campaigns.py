"""Campaigns: held comments that share a trait, what is left out of them, and one press that decides the others."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from moderation.actions import campaigns
from moderation.actions.author_rules import set_author_rule
from moderation.actions.campaign_rules import LIST_NAME, RULE_DAYS, add_rule, list_rules, revoke_rule
from moderation.actions.campaigns import (
    Campaign,
    CampaignPage,
    decide_campaign,
    list_campaigns,
    read_campaign,
)
from moderation.actions.check import CheckRequest, check_comment, check_comments, find_decision, preview_comment
from moderation.actions.labelling import label_decision
from moderation.actions.lists import ListRequest, parse_lines, plan_change, save_change
from moderation.actions.repetition import WHOLE_TEXT
from moderation.actions.services import Services
from moderation.actions.sites import add_site, find_site, remove_site, set_thresholds
from moderation.domain.audit import AuditDraw
from moderation.domain.authors import AuthorFact, Standing, VouchedAuthor
from moderation.domain.comment import Comment
from moderation.domain.decision import Decision, LabelOrigin, LabelValue, Moderator
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.lists import LISTED
from moderation.domain.queue import Verb
from moderation.domain.site import Site
from moderation.features.traits import AUTHOR_SITE, CONTACT, LINKED_SITE, TEXT, Trait
from tests.conftest import HOLD_ALL, Clock
from tests.queue_lists import decide, held_items

LONG = (
    "The committee met on Thursday to discuss the new library opening hours and decided that weekends should be longer "
    "from the spring on because many readers had asked for it again and again"
)
Hold = Callable[..., Decision]


@pytest.fixture
def hold(services: Services, hold_all_site: Site) -> Hold:
    """Return a function that has a comment checked, and so held, at a site."""

    def check(text: str, site: Site | None = None, vouched: VouchedAuthor | None = None, **fields: str) -> Decision:
        request = CheckRequest(Comment(text, **fields))
        if vouched:
            request = replace(request, author=vouched)
        return check_comment(services, site or hold_all_site, request).decision

    return check


def flood(hold: Hold, count: int) -> list[Decision]:
    """Hold comments of different names and texts that advertise one site."""
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
    return [hold(f"A {words[n]} word", author=f"Ann {n}", url="http://casino-royal.com/") for n in range(count)]


def only(services: Services) -> Campaign:
    (campaign,) = list_campaigns(services, 10)
    return campaign


def page_of(services: Services, campaign: Campaign) -> CampaignPage:
    return read_campaign(services, campaign.key, None, 20)


@pytest.mark.parametrize(
    ("first", "second", "trait"),
    [
        ({"text": LONG}, {"text": LONG.replace("Thursday", "Friday")}, TEXT),
        ({"text": "Nice post"}, {"text": "nice post", "author": "Bob"}, WHOLE_TEXT),
        (
            {"text": "a", "url": "http://casino-royal.com/a"},
            {"text": "b", "url": "http://casino-royal.com/b"},
            AUTHOR_SITE,
        ),
        ({"text": "See http://casino-royal.com/a"}, {"text": "Or http://www.casino-royal.com/b"}, LINKED_SITE),
        ({"text": "a", "email": "ann@casino-royal.com"}, {"text": "b", "email": "Ann@casino-royal.com"}, CONTACT),
        ({"text": "Call +44 20 7946 0958 now"}, {"text": "Ring 020 7946 0958 today"}, CONTACT),
    ],
)
def test_comments_that_share_a_trait(
    services: Services, hold: Hold, first: dict[str, str], second: dict[str, str], trait: str
) -> None:
    """They are one campaign, which names what they share."""
    hold(**first)
    hold("Something else altogether")
    hold(**second)
    campaign = only(services)
    assert campaign.trait and (campaign.trait.kind, campaign.size) == (trait, 2)


def test_strangers_are_no_campaign(services: Services, hold: Hold) -> None:
    """Comments that link to a well-known site, or to the site itself, share no trait."""
    for number in range(3):
        hold(f"See https://youtube.com/watch{number} and https://careful.example/{number}")
    assert list_campaigns(services, 10) == []


def test_a_campaign_spans_sites(services: Services, hold: Hold, hold_all_site: Site, clock: Clock) -> None:
    """It has the sites, the times and the newest comment."""
    add_site(services, "https://other.example", None)
    other = set_thresholds(services, "https://other.example", HOLD_ALL)
    hold("One", url="http://casino-royal.com/")
    first_seen = clock.now
    clock.advance(3600)
    newest = hold("Two", site=other, url="http://casino-royal.com/")
    campaign = only(services)
    assert campaign.site_urls == sorted([hold_all_site.url, other.url])
    assert (campaign.first_seen, campaign.last_seen, campaign.example.id) == (first_seen, clock.now, newest.id)


def test_comments_of_a_batch_are_found(services: Services, hold_all_site: Site) -> None:
    """A batch may be a flood too."""
    check_comments(services, hold_all_site, [Comment(f"{word} http://casino-royal.com/") for word in ("Buy", "Sell")])
    assert only(services).size == 2


def test_what_waits_no_longer_is_out(services: Services, hold: Hold, hold_all_site: Site, moderator: Moderator) -> None:
    """Decided comments and those of a removed site are in no campaign; a decision that is taken back brings it back."""
    flood(hold, 3)
    newest = held_items(services)[0]
    decide(services, newest, Verb.SPAM, moderator)
    assert only(services).size == 2
    act_page = page_of(services, only(services))
    assert newest.id not in {comment.id for comment in act_page.shown}
    decided = replace(newest, label_id=1)
    decide(services, decided, Verb.FORGET, moderator)
    assert only(services).size == 3
    remove_site(services, hold_all_site.url)
    assert list_campaigns(services, 10) == []


def test_audit_items_stay_out(services: Services, hold_all_site: Site, moderator: Moderator) -> None:
    """Each is decided alone: a stroke over them would spoil the estimates."""
    always = replace(services, audit=AuditDraw(services.secret, 1.0))
    set_thresholds(services, hold_all_site.url, replace(HOLD_ALL, review=1.0))
    site = find_site(services, hold_all_site.url)
    for text in ("One", "Two"):
        check_comment(always, site, CheckRequest(Comment(text, url="http://casino-royal.com/")))
    assert len(held_items(services)) == 2
    assert list_campaigns(services, 10) == []


def test_one_press_decides_all(services: Services, hold: Hold, hold_all_site: Site, moderator: Moderator) -> None:
    """Every member has the label with the origin of a stroke, so that none enters a guarantee; strangers stay."""
    decided = flood(hold, 4)
    stranger = hold("Something else altogether")
    page = page_of(services, only(services))
    assert (page.deciding, page.left_out) == (4, [])
    result, trait = decide_campaign(services, page.campaign.key, Verb.SPAM, moderator, newest=page.newest)
    assert len(result.changed) == 4 and trait == Trait(AUTHOR_SITE, "casino-royal.com")
    found = [find_decision(services, hold_all_site, each.id)[1] for each in decided]
    assert {(label.value, label.origin, label.labelled_by) for label in found if label} == {
        (LabelValue.SPAM, LabelOrigin.BULK, moderator.name)
    }
    assert None not in found
    assert [each.id for each in held_items(services)] == [stranger.id]
    with pytest.raises(NotFound, match="over"):
        page_of(services, page.campaign)
    with pytest.raises(NotFound, match="over"):
        decide_campaign(services, page.campaign.key, Verb.SPAM, moderator, newest=page.newest)


def test_a_comment_that_came_later_is_not_decided_unseen(services: Services, hold: Hold, moderator: Moderator) -> None:
    """The person saw neither it nor its number."""
    flood(hold, 3)
    page = page_of(services, only(services))
    late = hold("A late word", url="http://casino-royal.com/")
    decide_campaign(services, page.campaign.key, Verb.SPAM, moderator, newest=page.newest)
    assert [each.id for each in held_items(services)] == [late.id]


def test_a_large_campaign_is_decided_in_parts(
    services: Services, hold: Hold, moderator: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One press decides the newest members, and the page says how many follow."""
    monkeypatch.setattr(campaigns, "MAX_MEMBERS", 3)
    decided = flood(hold, 5)
    page = page_of(services, only(services))
    assert (page.campaign.size, page.deciding, page.others) == (5, 3, 2)
    decide_campaign(services, page.campaign.key, Verb.SPAM, moderator, newest=page.newest)
    assert {each.id for each in held_items(services)} == {each.id for each in decided[:2]}


def test_the_members_are_shown_in_pages(services: Services, hold: Hold) -> None:
    """Pages follow each other without gap or repeat, newest first."""
    decided = flood(hold, 5)
    key, after, shown = only(services).key, None, []
    while True:
        page = read_campaign(services, key, after, 2)
        shown += [comment.id for comment in page.shown]
        after = page.older
        if after is None:
            break
    assert shown == [each.id for each in decided][::-1]


def test_differences_are_counted(services: Services, hold: Hold) -> None:
    """Names, texts and scores of the members."""
    flood(hold, 3)
    hold("A first word", author="Ann 0", url="http://casino-royal.com/")
    page = page_of(services, only(services))
    assert (page.names, page.texts) == (3, 3)
    assert page.lowest <= page.highest


def labelled_ham(services: Services, site: Site, hold: Hold, text: str, **fields: str) -> None:
    label_decision(services, site, hold(text, **fields).id, LabelValue.HAM, "ann", "queue")


def test_a_trusted_author_is_left_out(services: Services, hold: Hold, hold_all_site: Site) -> None:
    """As long as the site trusts the author."""
    flood(hold, 3)
    trusted = hold("A word", vouched=VouchedAuthor("7"), url="http://casino-royal.com/")
    assert page_of(services, only(services)).left_out == []
    set_author_rule(services, hold_all_site, AuthorFact.ID, "7", Standing.TRUSTED, "mara", "queue")
    page = page_of(services, only(services))
    assert [(each.comment.id, each.reason) for each in page.left_out] == [(trusted.id, "The site trusts its author.")]
    assert page.deciding == 3


@pytest.mark.parametrize(
    ("approved", "reason"),
    [
        ({"text": "A first word"}, "A person labelled the same text ham."),
        ({"text": "Other words", "email": "ann@mail.example"}, "A person labelled a comment with its text, site or"),
        ({"text": "See http://friend.example/"}, "A person labelled a comment with its text, site or contact ham."),
    ],
)
def test_what_was_labelled_ham_before_is_left_out(
    services: Services, hold: Hold, hold_all_site: Site, approved: dict[str, str], reason: str
) -> None:
    """Its text, or a site or contact of it other than what the campaign shares."""
    labelled_ham(services, hold_all_site, hold, **approved)
    text = "A first word" if "first" in approved["text"] else f"A first thing {approved['text'][4:]}"
    email = approved.get("email", "ann@other.example")
    doubtful = hold(text, url="http://casino-royal.com/", email=email, author="Ann")
    for word in ("second", "third"):
        hold(f"A {word} word", url="http://casino-royal.com/")
    page = page_of(services, only(services))
    assert [each.comment.id for each in page.left_out] == [doubtful.id]
    assert page.left_out[0].reason.startswith(reason)


def test_a_ham_label_on_the_trait_itself_is_a_warning(
    services: Services, hold: Hold, hold_all_site: Site, moderator: Moderator
) -> None:
    """All members share it: it says nothing about one of them."""
    labelled_ham(services, hold_all_site, hold, "Fair words", url="http://casino-royal.com/")
    flood(hold, 3)
    page = page_of(services, only(services))
    assert (page.ham_labels, page.spam_labels, page.left_out) == (1, 0, [])


def test_what_is_left_out_stays_unless_it_is_ticked(
    services: Services, hold: Hold, hold_all_site: Site, moderator: Moderator
) -> None:
    """A press decides the others; with its id, the comment too."""
    set_author_rule(services, hold_all_site, AuthorFact.ID, "7", Standing.TRUSTED, "mara", "queue")
    flood(hold, 2)
    trusted = [hold(f"Word {n}", vouched=VouchedAuthor("7"), url="http://casino-royal.com/") for n in range(2)]
    page = page_of(services, only(services))
    included = [trusted[0].id]
    decide_campaign(services, page.campaign.key, Verb.SPAM, moderator, newest=page.newest, included=included)
    assert [each.id for each in held_items(services)] == [trusted[1].id]


def test_a_rule_for_the_next_ones(services: Services, hold_all_site: Site, clock: Clock) -> None:
    """It is evidence of a list until it ends, listed and revocable."""
    comment = Comment("A word", url="http://casino-royal.com/x")

    def reasons() -> list[str]:
        decision = preview_comment(services, find_site(services, hold_all_site.url), comment)
        return [reason.detail for reason in decision.score.reasons if reason.code == LISTED]

    rule = add_rule(services, Trait(AUTHOR_SITE, "casino-royal.com"))
    assert rule == list_rules(services)[0] and "casino-royal.com" in reasons()[0]
    clock.advance(RULE_DAYS * 24 * 3600)
    assert reasons() == [] == list_rules(services)
    add_rule(services, Trait(CONTACT, "ann@casino-royal.com"))
    clock.advance(60)
    add_rule(services, Trait(AUTHOR_SITE, "casino-royal.com"))
    assert [each.key for each in list_rules(services)] == ["ann@casino-royal.com", "casino-royal.com"]
    revoke_rule(services, "casino-royal.com")
    assert [each.key for each in list_rules(services)] == ["ann@casino-royal.com"] and reasons() == []
    with pytest.raises(NotFound):
        revoke_rule(services, "casino-royal.com")


@pytest.mark.parametrize(
    "trait", [None, Trait(TEXT, "1-2"), Trait(CONTACT, "079460958"), Trait(LINKED_SITE, "t.com/~ann")]
)
def test_other_traits_have_no_rule(services: Services, trait: Trait | None) -> None:
    """A text meets its labels; a number is written in many ways."""
    with pytest.raises(Conflict, match="Only a site or a mailbox"):
        add_rule(services, trait)


def test_a_list_of_the_operator_is_not_taken_over(services: Services) -> None:
    """One of the same name that allows would make the next comments ham."""
    request = ListRequest(LIST_NAME, parse_lines(["friend.example"]).entries, allow=True)
    save_change(services, request, plan_change(services, request))
    with pytest.raises(Conflict, match="not one of spam"):
        add_rule(services, Trait(AUTHOR_SITE, "casino-royal.com"))
