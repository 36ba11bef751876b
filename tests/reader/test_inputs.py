"""The reader sees name, address, text and links, bounded, and not the title."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.reader.inputs import ReaderInput
from moderation.reader.tokens import MAX_TOKENS, ReaderTokenizer
from tests.reader.tiny import VOCABULARY

COMMENT = Comment(
    "Thanks! See https://shop.example.com/red-shoes for more.",
    author="Ann Lee",
    url="https://ann.example.org/blog_notes",
    context="A title",
)


def read(comment: Comment) -> ReaderInput:
    return ReaderInput.of(ParsedComment(comment))


def test_name_address_text_and_links_are_read() -> None:
    """An address in the text is the word "link", and its words follow."""
    seen = read(COMMENT)
    assert seen.author == "Ann Lee ; ann example org blog notes"
    assert seen.links == "shop example com red shoes"
    assert " link " in seen.text
    assert "https" not in seen.text


def test_a_field_that_is_not_collected_differs_from_an_empty_one() -> None:
    """An absent field is a question mark, an empty one a dash."""
    assert read(replace(COMMENT, author=None, url="")).author == "? ; -"
    assert read(replace(COMMENT, author=" ", url=None)).author == "- ; ?"


def test_the_title_is_not_read() -> None:
    """With titles, a reader is worse on sites that it has not seen."""
    assert read(COMMENT) == read(replace(COMMENT, context="Another title"))


@given(text=st.text(), author=st.none() | st.text(), url=st.none() | st.text(), repeats=st.sampled_from((1, 2_000)))
def test_any_comment_has_a_bounded_sequence(text: str, author: str | None, url: str | None, repeats: int) -> None:
    """A sequence has at most 96 tokens, and its first segment ends within it."""
    seen = read(Comment(text * repeats, author=author, url=url))
    tokens = ReaderTokenizer(VOCABULARY).tokenize(seen)
    assert 3 <= len(tokens.numbers) <= MAX_TOKENS
    assert 2 <= tokens.first_segment < len(tokens.numbers)
    assert max(map(len, seen)) <= 3_001
