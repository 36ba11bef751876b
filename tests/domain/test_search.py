"""The language of the search field: any text is a query, and what it does not understand it says."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.search import (
    HELP,
    MAX_QUERY_LENGTH,
    MAX_TERMS,
    Kind,
    Operator,
    Query,
    Term,
    parse_query,
    with_term,
)

MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  two words ", [Term(None, "two"), Term(None, "words")]),
        ('"two words"', [Term(None, "two words")]),
        ('"open', [Term(None, "open")]),
        ("-cheap", [Term(None, "cheap", True)]),
        ("a-b", [Term(None, "a-b")]),
        ("author:ann", [Term(Operator.AUTHOR, "ann")]),
        ('-AUTHOR:"Ann B"', [Term(Operator.AUTHOR, "Ann B", True)]),
        ("reason:NAME_DIGITS:absent", [Term(Operator.REASON, "NAME_DIGITS:absent")]),
        ("is:HAM", [Term(Operator.IS, "ham")]),
        ("id:0AF", [Term(Operator.ID, "0af")]),
        ("before:2026-5", [Term(Operator.BEFORE, "2026-5", at=MAY)]),
        ("after:2026-05-01", [Term(Operator.AFTER, "2026-05-01", at=MAY)]),
        ("https://a.example:80/x", [Term(None, "https://a.example:80/x")]),
        ("12:30 :x", [Term(None, "12:30"), Term(None, ":x")]),
    ],
)
def test_a_query_has_these_terms(text: str, terms: list[Term]) -> None:
    """Words, phrases, operators and minus signs, without a complaint."""
    query = parse_query(text)
    assert list(query.terms) == terms and query.problems == ()


@pytest.mark.parametrize(
    ("text", "term", "sentence"),
    [
        ("bogus:x", Term(None, "bogus:x"), "There is no operator “bogus:”"),
        ("is:green", Term(None, "is:green"), "“is:” takes held, blocked, public"),
        ("before:99999-99-99", Term(None, "before:99999-99-99"), "no date like 2026-05-03"),
        ("after:2026-02-30", Term(None, "after:2026-02-30"), "no date like 2026-05-03"),
        ("before:0000", Term(None, "before:0000"), "no date like 2026-05-03"),
        ("before:٢٠٢٦", Term(None, "before:٢٠٢٦"), "no date like 2026-05-03"),
        ("zz\u202e:x", Term(None, "zz\u202e:x"), ""),
    ],
)
def test_what_is_not_understood_is_a_word(text: str, term: Term, sentence: str) -> None:
    """A sentence says so, where the text looks like an operator."""
    query = parse_query(text)
    assert query.terms == (term,) and sentence in " ".join(query.problems)


def test_an_operator_needs_a_value() -> None:
    """The part without one is left out, the next word is a word."""
    query = parse_query("author: ann before:")
    assert query.terms == (Term(None, "ann"),)
    assert query.problems == ("“author:” needs a value behind the colon.", "“before:” needs a value behind the colon.")


def test_a_query_is_bounded() -> None:
    """In length and in terms, and says so."""
    long = parse_query("x" * 100_000)
    assert long.terms == (Term(None, "x" * MAX_QUERY_LENGTH),) and "first 500 characters" in long.problems[0]
    many = parse_query("is:ham " * 60)
    assert len(many.terms) == MAX_TERMS and "first 20 words" in many.problems[0]
    assert len(parse_query("a:b " * 60).problems) <= 3


def test_a_query_may_be_an_id() -> None:
    """With the operator or without, but alone."""
    number = "0123456789abcdef" * 2
    assert parse_query(number).only_id == parse_query(f"id:{number}").only_id == number
    for other in (f"{number} x", f"-id:{number}", number[1:], f"author:{number}"):
        assert parse_query(other).only_id == ""


def test_verdicts_are_told_by_some_terms_only() -> None:
    """Audit items stay out of the results of these, also with a minus."""
    assert all(parse_query(text).shows_verdicts for text in ("reason:PHONE", "-is:blocked", "x is:public", "is:held"))
    assert not any(parse_query(text).shows_verdicts for text in ("PHONE", "is:audit", "is:skipped", "author:x"))


def test_the_help_has_every_operator_and_kind() -> None:
    """In the words of the language itself: each example is understood."""
    examples = [part for example in HELP for part in example.replace("…", "4567").split(", ")]
    parsed = [parse_query(example) for example in examples]
    assert not any(query.problems for query in parsed)
    assert {term.operator for query in parsed for term in query.terms} == {None, *Operator}
    assert all(kind in HELP["is:blocked"] for kind in Kind)


@given(st.text(max_size=100), st.sampled_from([Operator.SITE, Operator.REASON, Operator.LANG]), st.text(max_size=40))
def test_a_value_is_added_as_it_is(text: str, operator: Operator, value: str) -> None:
    """A facet's link means exactly its value, or there is no link."""
    base = parse_query(text.replace('"', ""))
    added = with_term(base.text, operator, value)
    if added and value.strip() == value:
        assert Term(operator, value) in parse_query(added).terms


@given(st.text(max_size=2_000))
def test_any_text_is_a_query(text: str) -> None:
    """It is read again as the same one, as the page repeats it in links and in the field."""
    query = parse_query(text)
    assert len(query.text) <= MAX_QUERY_LENGTH and all(term.text for term in query.terms)
    assert parse_query(query.text).terms == query.terms
    assert isinstance(query, Query)
