"""Traits that a campaign repeats: what is one, what is none, and which texts count as nearly the same."""

import pytest
from hypothesis import given

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.features.traits import (
    AUTHOR_SITE,
    CONTACT,
    LINKED_SITE,
    MAX_TRAITS,
    TEXT,
    TRAIT_KINDS,
    Trait,
    find_traits,
)
from tests.strategies import comments

ADVERT = "our workshop repairs every kind of garden furniture and delivers it to your door within a few days"
LONG_THANKS = "thank you for this very helpful article about bread"


def traits(text: str, **fields: str) -> list[Trait]:
    return find_traits(ParsedComment(Comment(text, **fields)))


def template(text: str, **fields: str) -> str | None:
    return next(
        (trait.value for trait in traits(text, url="https://casino.example", **fields) if trait[0] == TEXT), None
    )


FOUND = {
    "author's host": (Comment("Hi", url="https://www.Casino.example/win?x=1"), Trait(AUTHOR_SITE, "casino.example")),
    "linked domain": (Comment("see https://a.casino.example/win"), Trait(LINKED_SITE, "casino.example")),
    "shortened link": (Comment("see https://bit.ly/abc"), Trait(LINKED_SITE, "bit.ly/abc")),
    "one person's pages": (Comment("Hi", url="https://uni.example/~ada/"), Trait(AUTHOR_SITE, "uni.example~ada")),
    "one person's profile": (Comment("", url="https://social.example/@ada"), Trait(AUTHOR_SITE, "social.example@ada")),
    "e-mail address": (Comment("Hi", email="Eva@Shop.example"), Trait(CONTACT, "eva@shop.example")),
    "mailbox in the text": (
        Comment("write to spells.of.love@mail.example"),
        Trait(CONTACT, "spells.of.love@mail.example"),
    ),
    "phone number": (Comment("call +34 (91) 555-12.34 now"), Trait(CONTACT, "915551234")),
    "phone number without country": (Comment("call 91 555 12 34, or 0034"), Trait(CONTACT, "915551234")),
}


@pytest.mark.parametrize("case", FOUND.values(), ids=FOUND)
def test_a_trait_is_found(case: tuple[Comment, Trait]) -> None:
    """Case, markup and spelling make no difference."""
    comment, trait = case
    assert trait in find_traits(ParsedComment(comment))


NONE = {
    "well-known link": Comment("see https://en.wikipedia.org/wiki/Bread"),
    "well-known site of the author": Comment("Hi", url="https://www.facebook.com/ada"),
    "own site": Comment("Hi", url="https://blog.example", permalink="https://blog.example/post"),
    "placeholder address": Comment("Hi", email="noreply@mail.example"),
    "the blog's own address": Comment("Hi", email="guest7@blog.example", permalink="https://blog.example/post"),
    "example address": Comment("Hi", email="eva@example.com"),
    "short number": Comment("it was 1999-12-31"),
    "short text": Comment("Happy birthday!"),
    "short text with a load": Comment("Happy birthday, dear Eva!", url="https://www.facebook.com/ada"),
    "thanks without a load": Comment(LONG_THANKS),
}


@pytest.mark.parametrize("comment", NONE.values(), ids=NONE)
def test_what_many_people_share_is_no_trait(comment: Comment) -> None:
    """Nobody is suspected for it."""
    assert find_traits(ParsedComment(comment)) == []


def test_pages_of_the_site_are_no_trait_where_the_page_is_unknown() -> None:
    """The caller knows the site's domain."""
    comment = ParsedComment(Comment("see https://blog.example/other and https://casino.example"))
    assert find_traits(comment, "blog.example") == [Trait(LINKED_SITE, "casino.example")]


def test_a_text_counts_with_a_load_or_with_length() -> None:
    """A few words of thanks may be anybody's, an advert of some length is not."""
    assert template(LONG_THANKS) is not None
    assert [trait.kind for trait in traits(f"{ADVERT}, {LONG_THANKS}")] == [TEXT]


def test_nearly_equal_texts_are_the_same_trait() -> None:
    """Digits, case, links and words of the page's title are filled in anew for each page."""
    first = template(f"About Lakes: {ADVERT} 24h https://one.example", context="Lakes")
    assert first == template(f"about RIVERS: {ADVERT} 7h https://two.example", context="Rivers")
    assert first != template("we read every kind of book and write about it on our pages within a few days")


@given(comments)
def test_any_comment_has_few_traits(comment: Comment) -> None:
    """No input is refused, and no trait is found twice."""
    found = find_traits(ParsedComment(comment))
    assert len(found) <= MAX_TRAITS and len(set(found)) == len(found)
    assert all(trait.kind in TRAIT_KINDS and trait.value for trait in found)
