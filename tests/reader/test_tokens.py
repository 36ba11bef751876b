"""Word pieces are those of uncased BERT models."""

import pytest

from moderation.reader.inputs import ReaderInput
from moderation.reader.tokens import MAX_TOKENS, ReaderTokenizer
from tests.reader.tiny import PIECES


def pieces(author: str, text: str = "", links: str = "") -> list[str]:
    tokens = ReaderTokenizer(PIECES).tokenize(ReaderInput(author, text, links))
    return [PIECES[number] for number in tokens.numbers]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cheap shoes", ["cheap", "shoes"]),
        ("CHEAP Shoes!", ["cheap", "shoes", "!"]),
        ("shoesx", ["shoes", "##x"]),
        ("chéap", ["cheap"]),
        ("a_b", ["a", "_", "b"]),
        ("good中post", ["good", "[UNK]", "post"]),
        ("й", ["[UNK]"]),
        ("x" * 101, ["[UNK]"]),
        ("", []),
    ],
)
def test_a_text_is_split_into_the_longest_pieces(text: str, expected: list[str]) -> None:
    """Case and accents do not count; a word that has no pieces is unknown."""
    assert pieces(text) == ["[CLS]", *expected, "[SEP]", "[SEP]"]


def test_a_long_text_keeps_front_and_end() -> None:
    """Two thirds of the room are for its front; author and links keep their share."""
    found = pieces("a " * 50, "b " * 100 + "c " * 100, "d " * 50)
    assert len(found) == MAX_TOKENS
    assert [found.count(letter) for letter in "abcd"] == [24, 35, 18, 16]


def test_a_vocabulary_needs_its_special_tokens() -> None:
    """A file with another vocabulary is refused."""
    for vocabulary in (["a", "b"], [*PIECES, "a"]):
        with pytest.raises(ValueError, match="vocabulary"):
            ReaderTokenizer(vocabulary)
