"""Lines of a list as canonical keys: what each is taken for, and why some are left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInput
from moderation.domain.lists import EntryKind
from moderation.features.list_keys import MAX_KEY_LENGTH, SearchedParts, parse_key
from moderation.features.parsed_comment import ParsedComment
from tests.strategies import comments, repetitive_comments

KINDS = [
    ("Casino", EntryKind.WORDS, "casino"),
    ("  Free   Pills ", EntryKind.WORDS, "free pills"),
    ("top-of-the-line", EntryKind.WORDS, "top-of-the-line"),
    ("-mortgage-", EntryKind.WORDS, "-mortgage-"),
    ("page.cfm", EntryKind.WORDS, "page.cfm"),
    ("pills.example/buy", EntryKind.WORDS, "pills.example/buy"),
    (".*(casino)+", EntryKind.WORDS, ".*(casino)+"),
    ("сахар", EntryKind.WORDS, "сахар"),
    ("赌场", EntryKind.SUBSTRING, "赌场"),
    ("คาสิโน", EntryKind.SUBSTRING, "คาสิโน"),
    ("pills-casino.com", EntryKind.DOMAIN, "pills-casino.com"),
    ("https://www.Pills-Casino.com/", EntryKind.DOMAIN, "pills-casino.com"),
    ("*.pills.co.uk", EntryKind.DOMAIN, "pills.co.uk"),
    ("xn--e1afmkfd.xn--p1ai", EntryKind.DOMAIN, "пример.рф"),
    ("Ines@Mail.com", EntryKind.MAILBOX, "ines@mail.com"),
    ("@mail.com", EntryKind.MAILBOX, "@mail.com"),
    ("sales1@", EntryKind.WORDS, "sales1@"),
]

LEFT_OUT = {
    "a": "fewer than two letters or digits",
    "???": "fewer than two letters or digits",
    "cas\0ino": "a control character",
    "cas\udcffino": "a control character",
    "\ufdfa" * MAX_KEY_LENGTH: "longer than 200 characters",
    "x" * (MAX_KEY_LENGTH + 1): "longer than 200 characters",
    "203.0.113.7": "an IP address, which this service does not store",
    "203.0.113.0/24": "an IP address, which this service does not store",
    "203.0.113.": "an IP address, which this service does not store",
    "203.0.*": "an IP address, which this service does not store",
    "2001:db8::1": "an IP address, which this service does not store",
    "саsinо": "markup or a disguised spelling; comments are read without either, so name the plain word",
    "cas\u200bino": "markup or a disguised spelling; comments are read without either, so name the plain word",
    "<a href": "markup or a disguised spelling; comments are read without either, so name the plain word",
}


@pytest.mark.parametrize(("line", "kind", "key"), KINDS)
def test_a_line_is_recognized(line: str, kind: EntryKind, key: str) -> None:
    """Words, domains and mailboxes are told apart; scripts without spaces match within their runs."""
    assert parse_key(line) == (kind, key)


def test_the_substring_rule_applies_to_all() -> None:
    """As in WordPress, where each key is a part of a text."""
    assert parse_key("Pills-Casino.com", substring=True) == (EntryKind.SUBSTRING, "pills-casino.com")


@pytest.mark.parametrize(("line", "reason"), LEFT_OUT.items(), ids=range(len(LEFT_OUT)))
def test_a_line_that_is_no_key_has_a_reason(line: str, reason: str) -> None:
    """A disguised spelling would match the plain word, which nobody named."""
    with pytest.raises(InvalidInput) as error:
        parse_key(line)
    assert str(error.value) == reason


@given(st.text(st.characters()), st.booleans())
def test_any_line_is_a_key_or_has_a_reason(line: str, substring: bool) -> None:
    """The key of a key is the key itself, so that a list that is shown can be imported again."""
    try:
        kind, key = parse_key(line, substring=substring)
    except InvalidInput:
        return
    assert len(key) <= MAX_KEY_LENGTH and key.encode()
    assert parse_key(key, substring=kind is EntryKind.SUBSTRING) == (kind, key)


@given(comments | repetitive_comments)
def test_any_comment_is_searched(comment) -> None:  # type: ignore[no-untyped-def]
    """Hostile text has parts that can be compared, whatever it contains."""
    searched = SearchedParts(ParsedComment(comment))
    searched.text.encode()
    assert all(host == host.lower() for host in searched.hosts) and isinstance(searched.mailboxes, set)
