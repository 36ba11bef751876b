"""Comments compared with lists: what matches, how it counts, and what a list allows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.decision import Reason, Span
from moderation.domain.lists import ListEntry, OperatorList
from moderation.features.list_keys import parse_key
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.lists import ListMatcher, list_reasons

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def operator_list(
    *lines: str, weight: float = 6.0, substring: bool = False, expires_at: datetime | None = None, name: str = "ours"
) -> OperatorList:
    entries = [ListEntry(*parse_key(line, substring=substring), expires_at) for line in lines]
    return OperatorList(name, None, weight, NOW, entries)


def reasons(comment: Comment, *lists: OperatorList, spans: bool = False) -> Sequence[Reason]:
    return list_reasons([ListMatcher(lists)], ParsedComment(comment), NOW, spans=spans)


def matches(comment: Comment, *lines: str, substring: bool = False, weight: float = 6.0) -> bool:
    return bool(reasons(comment, operator_list(*lines, substring=substring, weight=weight)))


MATCHING = [
    ("casino", Comment("The best CASINO, today!")),
    ("casino", Comment("the casino's owner")),
    ("casino", Comment("the ca\u200bsino")),
    ("casino", Comment("the саsinо")),
    ("casino", Comment("the <b>ca</b>sino")),
    ("casino", Comment("See https://best-casino.example/now")),
    ("casino", Comment("Hello", author="Casino Bob")),
    ("casino", Comment("Hello", url="https://casino.example")),
    ("casino", Comment("Hello", email="casino@mail.example")),
    ("casino", Comment('<a href="https://x.example/casino">here</a>')),
    ("free pills", Comment("Free\n  pills for all")),
    ("-mortgage-", Comment("https://best-mortgage-rates.example")),
    ("сахар", Comment("Дешёвый сахар")),
    ("赌场", Comment("欢迎来到赌场玩")),
    ("c++ (free)", Comment("Learn C++ (free)!")),
    ("pills.com", Comment("pills.com has it")),
    ("pills.com", Comment("Hello", url="https://shop.pills.com/x")),
    ("pills.com", Comment("Hello", email="ann@pills.com")),
    ("pills.com", Comment('<a href="https://pi%6cls.com">here</a>')),
    ("пример.рф", Comment("https://xn--e1afmkfd.xn--p1ai/")),
    ("ann@pills.com", Comment("Hello", email="Ann@Pills.com")),
    ("ann@pills.com", Comment("write to ann@pills.com.")),
    ("@pills.com", Comment("Hello", email="bob@pills.com")),
]

OTHERS = [
    ("casino", Comment("the casinos")),
    ("casino", Comment("an occasino")),
    ("free pills", Comment("free the pills")),
    ("top-of-the-line", Comment("top of the line")),
    (".*ing", Comment("anything")),
    ("pills.com", Comment("https://mypills.com https://pills.com.example")),
    ("pills.com", Comment("pills com")),
    ("ann@pills.com", Comment("Hello", email="joann@pills.com")),
    ("@pills.com", Comment("pills.com")),
]


@pytest.mark.parametrize(("line", "comment"), MATCHING, ids=range(len(MATCHING)))
def test_an_entry_matches(line: str, comment: Comment) -> None:
    """In the text, the name and the addresses, in any disguise."""
    assert matches(comment, line)


@pytest.mark.parametrize(("line", "comment"), OTHERS, ids=range(len(OTHERS)))
def test_an_entry_matches_nothing_else(line: str, comment: Comment) -> None:
    """Words are whole, regular expressions are letters, domains end where they end."""
    assert not matches(comment, line)


def test_the_ending_of_a_contraction_is_no_word() -> None:
    """Else `re` and `ve` would match every second English comment."""
    assert not matches(Comment("You're here, and I\u2019ve seen it"), "re", "ve")
    assert matches(Comment("Re: your post"), "re")


def test_the_substring_rule_matches_within_words() -> None:
    """As WordPress does."""
    assert matches(Comment("an occasinox"), "casino", substring=True)


def test_a_list_counts_once() -> None:
    """Fifty matching entries weigh as much as one; the detail names the first three."""
    words = [f"word{number}" for number in range(50)]
    (reason,) = reasons(Comment(" ".join(words)), operator_list(*words, weight=2.5))
    assert reason == Reason("LISTED", 2.5, "ours: “word0”, “word1”, “word10” and 47 more")


def test_each_list_is_a_reason() -> None:
    """One that allows has a weight below zero and a code of its own."""
    found = reasons(Comment("casino soup"), operator_list("casino"), operator_list("soup", weight=-2.0, name="food"))
    assert found == [Reason("LISTED", 6.0, "ours: “casino”"), Reason("ALLOWED", -2.0, "food: “soup”")]


def test_an_entry_expires_at_its_time() -> None:
    """To the microsecond, without a change of the list."""
    step = timedelta(microseconds=1)
    for line in ("casino", "casino.com", "ann@casino.com"):
        comment = Comment("casino", email="ann@casino.com")
        assert not reasons(comment, operator_list(line, expires_at=NOW))
        assert reasons(comment, operator_list(line, expires_at=NOW + step))


def test_an_allowed_site_covers_no_other() -> None:
    """A spammer may add a link to an allowed site: a list allows only if it has every linked site."""
    allowed = operator_list("wiki.com", "news.com", weight=-6.0)
    assert reasons(Comment("https://en.wiki.com/x and https://news.com"), allowed)
    assert not reasons(Comment("https://en.wiki.com/x and https://pills.com"), allowed)
    assert not reasons(Comment("https://en.wiki.com/x", url="https://pills.com"), allowed)
    assert not reasons(
        Comment("I read it on wiki.com/x once, says mail@wiki.com"), operator_list("news.com", weight=-6.0)
    )


def test_an_allowed_mailbox_is_the_authors() -> None:
    """One that is mentioned in the text allows nothing."""
    allowed = operator_list("ann@mail.com", weight=-6.0)
    assert reasons(Comment("Hello", email="ann@mail.com"), allowed)
    assert not reasons(Comment("Hello ann@mail.com", email="bob@mail.com"), allowed)


def test_spans_are_in_the_comment_as_sent() -> None:
    """In the text by its letters, elsewhere the whole field or link."""
    comment = Comment("The ca\u200bsino: <a href='https://pills.com'>x</a>", author="Casino", email="ann@pills.com")
    (reason,) = reasons(comment, operator_list("casino", "pills.com"), spans=True)
    assert reason.spans == (
        Span("text", 4, 11),
        Span("author", 0, 6),
        Span("email", 0, 13),
        Span("text", 13, len(comment.text)),
    )


@given(
    st.lists(st.sampled_from("casino pills soup cas in o sinop - . , ' пи 赌 场".split()), max_size=12), st.booleans()
)
def test_the_automaton_agrees_with_a_search(parts: list[str], spaced: bool) -> None:
    """All keys at once find the same as each key by itself."""
    comment = Comment((" " if spaced else "").join(parts))
    keys = ("casino", "cas", "pills", "soup casino", "sinop")
    alone = {key for key in keys if matches(comment, key)}
    (together, *_) = [*reasons(comment, operator_list(*keys)), Reason("", 0.0)]
    assert bool(alone) == bool(together.detail)
    assert all(f"“{key}”" in together.detail for key in sorted(alone)[:3])
