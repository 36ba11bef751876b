"""A comment that a blog sends again is recognized, and no other comment is taken for it."""

import sqlite3
from time import process_time
from typing import Any

import pytest
from sqlalchemy import Connection, event

from moderation.actions.check import CheckRequest, check_comment, check_comments
from moderation.actions.comment_identity import CommentIdentity, find_same_comment
from moderation.actions.labelling import label_comment
from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.site import Site
from moderation.features.parsed_comment import ParsedComment
from moderation.storage import comments, labels
from moderation.storage.engine import read_transaction, write_transaction
from tests.actions.test_labelling import log_length

AS_TYPED = r"""It's "fine" \o/, see <a href="http://one.example/?a=1&b=2">this</a> & that 👍"""
WITH_SLASHES = r"""It\'s \"fine\" \\o/, see <a href=\"http://one.example/?a=1&b=2\">this</a> & that 👍"""
WITH_ENTITIES = (
    r"""It's "fine" \o/, see <a href="http://one.example/?a=1&amp;b=2" rel="ugc">this</a> &amp; that &#x1f44d;"""
)


def find(services: Services, site: Site, comment: Comment) -> int | None:
    with read_transaction(services.engine) as connection:
        return find_same_comment(connection, site.id, CommentIdentity.of(ParsedComment(comment), services.secret))


def check(services: Services, site: Site, comment: Comment) -> int:
    """Check a comment and return its id."""
    check_comment(services, site, CheckRequest(comment))
    comment_id = find(services, site, comment)
    assert comment_id is not None
    return comment_id


@pytest.mark.parametrize("again", [AS_TYPED, WITH_SLASHES, WITH_ENTITIES])
def test_wordpress_escaping_does_not_matter(services: Services, site: Site, again: str) -> None:
    """Slashes, entities and attributes that WordPress adds or removes leave the identity unchanged."""
    comment_id = check(services, site, Comment(WITH_SLASHES, author=r"Miles O\'Brien"))
    assert find(services, site, Comment(again, author="Miles O'Brien")) == comment_id
    assert find(services, site, Comment(again)) == comment_id


def test_another_author_is_another_comment(services: Services, site: Site) -> None:
    """The same text by two authors is two comments."""
    first = check(services, site, Comment("Thanks!", author="Ann"))
    second = check(services, site, Comment("Thanks!", author="Ben"))
    assert find(services, site, Comment("Thanks!", author="Ann")) == first
    assert find(services, site, Comment("Thanks!", author="Ben")) == second
    assert find(services, site, Comment("Thanks!", author="Cem")) is None


def test_the_page_distinguishes_comments_of_one_author(services: Services, site: Site) -> None:
    """Without a page, the newest comment of the author is found."""
    on_first_page = Comment("Thanks!", author="Ann", permalink="http://blog.example/first")
    on_second_page = Comment("Thanks!", author="Ann", permalink="http://blog.example/second")
    first = check(services, site, on_first_page)
    second = check(services, site, on_second_page)
    assert (find(services, site, on_first_page), find(services, site, on_second_page)) == (first, second)
    assert find(services, site, Comment("Thanks!", author="Ann")) == second


def test_a_new_comment_is_not_an_earlier_one(services: Services, site: Site) -> None:
    """The same text with another e-mail address or page is new: bots post one text everywhere."""
    check(services, site, Comment("Thanks!", "John", email="john@a.example", permalink="http://blog.example/one"))
    assert find(services, site, Comment("Thanks!", "John", permalink="http://blog.example/two")) is None
    assert find(services, site, Comment("Thanks!", "John", email="john@b.example")) is None
    check(services, site, Comment("", "", email="alice@good.example", type="signup"))
    assert find(services, site, Comment("", "", email="bot@evil.example", type="signup")) is None


def test_long_names_do_not_slow_the_search_down(services: Services, site: Site) -> None:
    """Comparing many long names must not hold the write lock."""
    crowd = [Comment("Thanks!", author=f"<b>{number}</b>" + "&amp;A" * 5_000) for number in range(250)]
    check_comments(services, site, crowd)
    started = process_time()
    assert find(services, site, Comment("Thanks!", author="somebody else")) is None
    assert process_time() - started < 0.5


def test_another_sites_comment_is_not_found(services: Services, site: Site, other_site: Site) -> None:
    """Comments of another site are never compared."""
    check(services, other_site, Comment("Thanks!"))
    assert find(services, site, Comment("Thanks!")) is None


def test_the_label_may_change_often(services: Services, site: Site) -> None:
    """However often the label changes, it stays one comment and the last label is in force."""
    comment_id = check(services, site, Comment(WITH_SLASHES, author="Ann"))
    for value in [LabelValue.SPAM, LabelValue.HAM] * 3:
        held = label_comment(services, site, Comment(WITH_ENTITIES, author="Ann"), value, "admin", "akismet")
        assert held.value is value
        assert find(services, site, Comment(AS_TYPED)) == comment_id
    assert log_length(services) == 6


def test_the_author_is_found_among_thousands_of_equal_texts(services: Services, site: Site) -> None:
    """Feedback on one of 5,000 equal texts labels that of its author, with slashes or without, and adds none."""
    text = ParsedComment(Comment("Great post!"))
    authors = [f"Miles O\\'Brien {number}" for number in range(5_000)]
    with write_transaction(services.engine) as connection:
        sent = [(text.content_hash, Comment("Great post!", author=author)) for author in authors]
        ids = comments.add(connection, site.id, sent, services.clock())
    begin = process_time()
    for number in (0, 17, 2_500, 4_999):
        assert find(services, site, Comment("Great post!", author=f"Miles O'Brien {number}")) == ids[number]
        assert find(services, site, Comment("Great post!", author=authors[number])) == ids[number]
    assert process_time() - begin < 2
    label_comment(services, site, Comment("Great post!", author="Miles O'Brien 42"), LabelValue.SPAM, "mara", "akismet")
    with read_transaction(services.engine) as connection:
        last = labels.last(connection, ids[42])
    assert last is not None and last.value is LabelValue.SPAM


@pytest.mark.sqlite("it reads SQLite's plan; PostgreSQL's depends on the statistics of its tables")
def test_an_index_leads_to_the_author(services: Services, site: Site) -> None:
    """However many equal texts there are: 10,000 of them took 14 ms of the write lock when each was compared."""
    plans: list[str] = []

    def explain(connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM comments" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row.detail for row in rows)

    check(services, site, Comment("Great post!", author="Ann"))
    event.listen(services.engine, "before_cursor_execute", explain)
    assert find(services, site, Comment("Great post!", author="Ann")) is not None
    search, _sort = plans
    assert "ix_comments_content (site_id=? AND content_hash=? AND <expr>=?)" in search


@pytest.mark.sqlite("it reads SQLite's plan; PostgreSQL's depends on the statistics of its tables")
def test_the_same_index_leads_to_a_retry(services: Services, site: Site) -> None:
    """By all its columns: a bot that sends one text from many addresses would otherwise make each request slower."""
    queries: list[str] = []
    with read_transaction(services.engine) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(queries.append)
        comments.find_by_retry_hash(connection, site.id, bytes(16), "Ann", 7)
        driver.set_trace_callback(None)
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {queries[-1]}").all()
    equal = "site_id=? AND content_hash=? AND <expr>=? AND retry_hash=?"
    assert [row.detail for row in plan] == [f"SEARCH comments USING INDEX ix_comments_content ({equal})"]
