"""Which comment a blog means when it sends one again."""

from time import process_time

import pytest

from moderation.actions.check import check_comment, check_comments
from moderation.actions.content import Likeness, find_alike
from moderation.actions.desk import Desk
from moderation.actions.teach import label_comment
from moderation.domain.comment import Comment
from moderation.domain.judgement import LabelValue
from moderation.domain.site import Site
from moderation.storage.engine import reading
from tests.actions.test_teach import log_length

TYPED = r"""It's "fine" \o/, see <a href="http://one.example/?a=1&b=2">this</a> & that 👍"""
SLASHED = r"""It\'s \"fine\" \\o/, see <a href=\"http://one.example/?a=1&b=2\">this</a> & that 👍"""
STORED = r"""It's "fine" \o/, see <a href="http://one.example/?a=1&amp;b=2" rel="ugc">this</a> &amp; that &#x1f44d;"""


def meant(desk: Desk, site: Site, comment: Comment) -> int | None:
    with reading(desk.engine) as connection:
        return find_alike(connection, site.id, Likeness.of(comment))


def check(desk: Desk, site: Site, comment: Comment) -> int:
    """The number of the comment that was stored."""
    check_comment(desk, site, comment)
    found = meant(desk, site, comment)
    assert found is not None
    return found


@pytest.mark.parametrize("again", [TYPED, SLASHED, STORED])
def test_what_wordpress_does_to_a_text_does_not_hide_it(desk: Desk, site: Site, again: str) -> None:
    """Slashes come and go, entities are written out, links get attributes: it stays the same comment."""
    number = check(desk, site, Comment(SLASHED, author=r"Miles O\'Brien"))
    assert meant(desk, site, Comment(again, author="Miles O'Brien")) == number
    assert meant(desk, site, Comment(again)) == number


def test_another_author_of_the_same_words_is_not_meant(desk: Desk, site: Site) -> None:
    """Everybody says thanks."""
    first = check(desk, site, Comment("Thanks!", author="Ann"))
    second = check(desk, site, Comment("Thanks!", author="Ben"))
    assert meant(desk, site, Comment("Thanks!", author="Ann")) == first
    assert meant(desk, site, Comment("Thanks!", author="Ben")) == second
    assert meant(desk, site, Comment("Thanks!", author="Cem")) is None


def test_the_page_and_the_mailbox_tell_one_author_s_comments_apart(desk: Desk, site: Site) -> None:
    """The same person thanks on two pages; without either the newest is meant."""
    here = Comment("Thanks!", author="Ann", permalink="http://blog.example/here")
    there = Comment("Thanks!", author="Ann", permalink="http://blog.example/there")
    first = check(desk, site, here)
    second = check(desk, site, there)
    assert (meant(desk, site, here), meant(desk, site, there)) == (first, second)
    assert meant(desk, site, Comment("Thanks!", author="Ann")) == second


def test_a_comment_that_was_never_seen_is_not_taken_for_one_that_was(desk: Desk, site: Site) -> None:
    """The same words by another mailbox or on another page: bots write one text everywhere."""
    check(desk, site, Comment("Thanks!", "John", email="john@a.example", permalink="http://blog.example/one"))
    assert meant(desk, site, Comment("Thanks!", "John", permalink="http://blog.example/two")) is None
    assert meant(desk, site, Comment("Thanks!", "John", email="john@b.example")) is None
    check(desk, site, Comment("", "", email="alice@good.example", type="signup"))
    assert meant(desk, site, Comment("", "", email="bot@evil.example", type="signup")) is None


def test_recognising_a_comment_never_keeps_the_database_busy(desk: Desk, site: Site) -> None:
    """However long the names are that came with the same text: others write meanwhile."""
    crowd = [Comment("Thanks!", author=f"<b>{number}</b>" + "&amp;A" * 5_000) for number in range(250)]
    check_comments(desk, site, crowd)
    started = process_time()
    assert meant(desk, site, Comment("Thanks!", author="somebody else")) is None
    assert process_time() - started < 0.5


def test_a_comment_of_another_site_is_not_meant(desk: Desk, site: Site, teammate_site: Site) -> None:
    """What one blog says of a comment changes nothing for another."""
    check(desk, teammate_site, Comment("Thanks!"))
    assert meant(desk, site, Comment("Thanks!")) is None


def test_minds_may_change_as_often_as_they_like(desk: Desk, site: Site) -> None:
    """Spam, ham, spam, ham: one comment, and the last word holds."""
    number = check(desk, site, Comment(SLASHED, author="Ann"))
    for value in [LabelValue.SPAM, LabelValue.HAM] * 3:
        held = label_comment(desk, site, Comment(STORED, author="Ann"), value, "admin", "akismet")
        assert held.value is value
        assert meant(desk, site, Comment(TYPED)) == number
    assert log_length(desk) == 6
